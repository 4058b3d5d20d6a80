"""What a subject's model has learnt between voxels and electrodes, in both directions.

The model has EEG = scale (L c + n) and movie = M r: c its courses, L the leadfield of its sparse
sources, M its maps at voxels, and r what is read of c. The best linear reading of c from one frame
of EEG, with prior variances C and the covariance N of the rest, is R = C L' (L C L' + N)^-1, and
movie = M R EEG / scale. Forward, the EEG of a movie is the regression of EEG on the movie that is
read, cov(EEG, movie) cov(movie)^-1 [1]_, with a ridge: scale L C M' (M Q M' + w I)^-1, Q = R L C
the covariance of r, at the one gain that explains most of the EEG. Maps hold errors: without the
ridge, patterns of places whose maps overlap are differences of nearly equal ones, and have either
sign where EEG is noisy.

Without sparse sources courses are the channels: L is the identity, R is the identity as well, as
the model reads, and C = Q is the covariance of the EEG, without which weights of channels say
nothing of their pattern.

The forward map shows places; weights of the inverse also cancel noise and other places [1]_.

References
----------
.. [1] Haufe, S. et al. (2014). On the interpretation of weight vectors of linear models in
   multivariate neuroimaging. NeuroImage 87, 96-110.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.analyse.places import Place
from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Recording
from neurotranscoder.train.subject_signals import eeg_axis
from neurotranscoder.train.trained_subject import TrainedSubject

_RIDGE = 1.0  # of the mean power of a direction of the movie


@dataclass(frozen=True, slots=True, eq=False)
class SubjectMaps:
    """Forward and inverse maps of a subject, as their factors.

    The unit of the movie is that of the model: a source of 1 that lasts gives BOLD of one unit of
    the group's scale, before shrinkage. It is positive where BOLD rises. EEG is in V, in the
    reference of the recordings.

    Parameters
    ----------
    field : array, shape (channels, components)
        EEG of each course, in V.
    unmixing : array, shape (components, voxels)
        From a movie to its courses.
    maps : array, shape (voxels, components)
        From courses to the movie.
    reading : array, shape (components, channels)
        From EEG to courses, in 1/V.
    montage : Montage
        The channels.
    grid : VoxelGrid
        Where voxels are.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain; rows in C order.
    """

    field: Float[ndarray, "channels components"]
    unmixing: Float[ndarray, "components voxels"]
    maps: Float[ndarray, "voxels components"]
    reading: Float[ndarray, "components channels"]
    montage: Montage
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]

    @classmethod
    def of(cls, trained: TrainedSubject, recordings: Sequence[Recording] = ()) -> SubjectMaps:
        """Return the maps of a fitted subject.

        Parameters
        ----------
        trained : TrainedSubject
            The model.
        recordings : sequence of Recording
            Runs of the subject, which a model without sparse sources needs: its forward map
            depends on how channels go together. Their BOLD is not looked at.

        Raises
        ------
        SettingsError
            When such a model got no run.
        WeightsError
            When channels differ.
        """
        sparse, scale = trained.coder.sparse, trained.eeg_scale
        maps = trained.maps.astype(np.float64)
        if sparse is None:
            field, covariance = np.eye(maps.shape[1]), _covariance(trained, recordings)
            read = covariance
        else:
            field, covariance = sparse.leadfield.numpy(), np.diag(sparse.prior_variance.numpy())
            read = scale * _reading(trained) @ field @ covariance
        unmixing = _unmixing(maps, covariance, read, field)
        places = trained.montage, trained.grid, trained.mask
        return cls(scale * field, unmixing, maps, _reading(trained), *places)

    def sensitivity(self, electrode: str) -> Float[ndarray, " voxels"]:
        """Return what an electrode sees of each voxel, in V per unit: a row of the forward map."""
        return np.asarray(self.field[self._index(electrode)] @ self.unmixing)

    def weights(self, electrode: str) -> Float[ndarray, " voxels"]:
        """Return how each voxel is read from an electrode, in 1/V: a column of the inverse."""
        return np.asarray(self.maps @ self.reading[:, self._index(electrode)])

    def topography(self, place: Place) -> Float[ndarray, " channels"]:
        """Return the EEG of a unit of activity in a place, spread over its voxels, in V."""
        return np.asarray(self.field @ (self.unmixing @ place.weights))

    def reading_of(self, place: Place) -> Float[ndarray, " channels"]:
        """Return how the mean of a place is read from channels, in 1/V."""
        return np.asarray((place.weights @ self.maps) @ self.reading)

    def point_spread(self, place: Place) -> Float[ndarray, " voxels"]:
        """Return where activity of a place appears: the inverse of its forward map."""
        return np.asarray(self.maps @ (self.reading @ self.topography(place)))

    def image(self, rows: Float[ndarray, " voxels"]) -> Float[ndarray, "x y z"]:
        """Return values of voxels on the whole grid, zero outside the brain."""
        full = np.zeros(self.mask.shape, dtype=np.float32)
        full[self.mask] = rows
        return full

    def _index(self, electrode: str) -> int:
        """Return the number of a channel."""
        names = self.montage.names
        if electrode not in names:
            raise SettingsError(
                f"the model has no channel {electrode!r}; it has {', '.join(names)}; name one"
            )
        return names.index(electrode)


def forward_map(
    trained: TrainedSubject, recordings: Sequence[Recording] = ()
) -> Float[ndarray, "channels voxels"]:
    """Return the forward map at voxels: EEG (V) of one unit of the movie in each voxel.

    Parameters
    ----------
    trained, recordings
        See `SubjectMaps.of`; `SubjectMaps` keeps the map as factors.
    """
    maps = SubjectMaps.of(trained, recordings)
    return np.asarray(maps.field @ maps.unmixing)


def inverse_map(trained: TrainedSubject) -> Float[ndarray, "voxels channels"]:
    """Return the linear inverse at voxels: units of the movie for one V in each channel.

    Sparse sources are read by a posterior mean, which is not linear; this is the best linear
    reading under the same prior and noise.

    Parameters
    ----------
    trained : TrainedSubject
        The model.
    """
    return np.asarray(trained.maps.astype(np.float64) @ _reading(trained))


def _reading(trained: TrainedSubject) -> Float[ndarray, "components channels"]:
    """Return the linear reading of courses from one frame of EEG, in 1/V."""
    sparse = trained.coder.sparse
    if sparse is None:
        return np.asarray(np.eye(trained.maps.shape[1]) / trained.eeg_scale)
    field, variances = sparse.leadfield.numpy(), sparse.prior_variance.numpy()
    seen = (field * variances) @ field.T + sparse.noise.numpy()
    return np.asarray(np.linalg.solve(seen, field * variances).T / trained.eeg_scale)


def _covariance(
    trained: TrainedSubject, recordings: Sequence[Recording]
) -> Float[ndarray, "components components"]:
    """Return the covariance of courses in runs."""
    if not recordings:
        raise SettingsError(
            "a model without sparse sources needs runs for its forward map, as weights of "
            "channels do not say how channels go together; give recordings of the subject"
        )
    total, count = np.zeros((trained.maps.shape[1],) * 2), 0
    for one in recordings:
        axis = eeg_axis(one.eeg, one.clock, one.bold.volumes, trained.rate)
        courses = trained.courses(one.eeg, one.clock, axis).astype(np.float64)
        total, count = total + courses @ courses.T, count + courses.shape[1]
    return total / count


def _unmixing(
    maps: Float[ndarray, "voxels components"],
    covariance: Float[ndarray, "components components"],
    read: Float[ndarray, "components components"],
    field: Float[ndarray, "channels components"],
) -> Float[ndarray, "components voxels"]:
    """Return courses of a movie by ridge regression on what is read of them, at its best gain."""
    products = maps.T @ maps
    power = products @ read
    ridge = _RIDGE * np.trace(power) / len(power) + np.finfo(float).tiny
    found = covariance @ np.linalg.solve(power + ridge * np.eye(len(power)), maps.T)
    eeg = field @ (found @ maps)
    energy = float(np.sum((eeg @ read) * eeg))
    gain = float(np.sum(eeg * (field @ covariance))) / energy if energy > 0 else 0.0
    return np.asarray(gain * found)
