"""Motion of the head: how it is drawn, and how it displaces images slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat
from scipy.ndimage import affine_transform, spline_filter
from scipy.special import erf

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.rigid import motion_derivatives, source_affine

# Six sessions of fMRIPrep confounds (190 volumes, TR 2 s), data set gradCPT EEG-fMRI, ds006040:
# median framewise displacement .05-.15 mm (median of medians .067, mean .079). Over the axes:
# - mean share in it, in percent: 9 29 22 21 10 9 (x, y, z, pitch, roll, yaw);
# - median correlation of one difference with the next: -.17 -.68 -.13 -.39 -.22 -.27, where
#   breathing moves the head (a white position alone has -.5);
# - median correlation of one value with the next: .99 .67 .95 .95 .98 .97.
# Over a lag of 5, 20 and 100 volumes the root mean square change is 1.4, 2.5 and 7 times that
# over one. Displacements above .5 mm: 7 of 1134.
_SHARES = (0.09, 0.29, 0.22, 0.21, 0.10, 0.09)
_DIFFERENCE_CORRELATION = np.array([-0.17, -0.49, -0.13, -0.39, -0.22, -0.27])
_TIME_CONSTANT = 300.0
_JERK_RATE = 0.2

_RADIUS = 50.0  # mm, Power 2012
_JERK_DURATION = 0.3
_JERK_SPREAD = 0.4
_BIN = 1e-3
_SECONDS_PER_MINUTE = 60.0

Method = Literal["taylor", "resample"]


class MotionSettings(Settings):
    """How the head moves and how images follow."""

    method: Method = "taylor"
    """Images move by the first order of a Taylor series, or by cubic resampling (slow)."""
    fd_median: PositiveFloat = 0.08
    """Median framewise displacement, in mm."""
    time_constant: PositiveFloat = _TIME_CONSTANT
    """Time after which slow motion has forgotten all but 1/e of its place, in s."""
    shares: tuple[float, float, float, float, float, float] = _SHARES
    """Shares of x, y, z, pitch (nodding), roll and yaw in the framewise displacement; any sum."""
    jerk_rate: float = Field(default=_JERK_RATE, ge=0, le=6)
    """Sudden moves per minute."""
    jerk_size: float = Field(default=0.6, ge=0, le=20)
    """Median framewise displacement of a sudden move, in mm."""
    spin_history: bool = True
    """Whether moved spins keep the magnetisation of where they were."""
    flip_angle: float = Field(default=80.0, gt=0, le=90)
    """Flip angle of the excitation, in degrees."""
    t1: float = Field(default=1.4, gt=0, le=10)
    """Longitudinal relaxation time (grey matter at 3 T), in s."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """The place of the head in one run, relative to its mean place.

    Parameters
    ----------
    knots : array, shape (knots,)
        Times between which ordinary motion is linear, in s on the scanner clock.
    places : array, shape (6, knots)
        Translations along x, y, z in mm and rotations about them in rad, at the knots.
    jerk_times : array, shape (jerks,)
        When sudden moves begin, in s.
    jerk_steps : array, shape (6, jerks)
        Sudden moves, in mm and rad.
    """

    knots: Float[ndarray, " knots"]
    places: Float[ndarray, "6 knots"]
    jerk_times: Float[ndarray, " jerks"]
    jerk_steps: Float[ndarray, "6 jerks"]

    def parameters(self, times: Float[ndarray, " times"]) -> Float[ndarray, "6 times"]:
        """Return translations in mm and rotations in rad about x, y and z (RAS), at any times."""
        steady = np.stack([np.interp(times, self.knots, place) for place in self.places])
        done = (times - self.jerk_times[:, np.newaxis]) / _JERK_DURATION
        return np.asarray(steady + self.jerk_steps @ np.clip(done, 0, 1))

    def framewise_displacement(self, volumes: VolumeAxis) -> Float[ndarray, " steps"]:
        """Return the displacement from the middle of each volume to the next (Power 2012).

        It is the sum of the six absolute differences, rotations on a sphere of 50 mm, in mm.
        """
        steps = np.diff(self.parameters(_middles(volumes)), axis=1)
        return np.asarray(np.sum(np.abs(_in_mm(steps)), axis=0))


def draw_motion(settings: MotionSettings, volumes: VolumeAxis, rng: np.random.Generator) -> Motion:
    """Draw the motion of a run.

    Each axis is a slow autoregressive process plus a white one (breathing), both known at the
    middle of each volume and linear between; sudden moves are added.

    Parameters
    ----------
    settings : MotionSettings
        Size and character.
    volumes : VolumeAxis
        When volumes are acquired.
    rng : Generator
        Source of chance.
    """
    shares = np.asarray(settings.shares)
    if shares.min() < 0 or shares.sum() <= 0:
        raise SettingsError(
            f"shares are {settings.shares}; they need to be at least 0 and one above 0"
        )
    shares = shares / shares.sum()
    steady_rng, jerk_rng = rng.spawn(2)
    jerk_share = min(settings.jerk_rate * volumes.tr / _SECONDS_PER_MINUTE, 0.4)
    mean = settings.fd_median / _quantile_of_sum(shares, 0.5 / (1 - jerk_share))
    sd = _from_mm(mean * np.sqrt(np.pi / 2) * shares[:, np.newaxis])
    knots = volumes.tr * (np.arange(-2, volumes.n_volumes + 2) + 0.5)
    forget = np.exp(-volumes.tr / settings.time_constant)
    places = sd * _draw_wander(forget, len(knots), steady_rng)
    times, steps = _draw_jerks(settings, shares, volumes.duration, jerk_rng)
    motion = Motion(knots, places, times, steps)
    mean_place = motion.parameters(_middles(volumes)).mean(axis=1, keepdims=True)
    return Motion(knots, places - mean_place, times, steps)


def apply_motion(
    bold: Float[ndarray, "x y z volumes"],
    motion: Motion,
    grid: VoxelGrid,
    volumes: VolumeAxis,
    *,
    method: Method = "taylor",
) -> None:
    """Move the head in place, each slice by where the head was when it was acquired.

    The head rotates about the centre of the grid (about z, then y, then x) and is then shifted.

    Parameters
    ----------
    bold : array, shape (x, y, z, volumes)
        Images of a head that lies still.
    motion : Motion
        Where the head is.
    grid : VoxelGrid
        Place of the voxels.
    volumes : VolumeAxis
        When each slice was acquired.
    method : {'taylor', 'resample'}
        First order of the mean image (fast; the error grows with the square of the motion), or
        cubic splines of each volume, mirrored beyond the grid.
    """
    expected = (*grid.shape, volumes.n_volumes)
    if bold.shape != expected or len(volumes.slice_times) != grid.shape[2]:
        raise GridError(
            f"images have shape {bold.shape} but the grid and the volumes have {expected} and "
            f"{len(volumes.slice_times)} slice times; use those of the images"
        )
    if method == "taylor":
        _move_by_taylor(bold, motion, grid, volumes)
    else:
        _move_by_resampling(bold, motion, grid, volumes)


def _draw_wander(forget: float, n_knots: int, rng: np.random.Generator) -> ndarray:
    """Draw places along six axes whose differences have unit variance."""
    slow = rng.standard_normal((6, n_knots))
    slow[:, 1:] *= np.sqrt(1 - forget**2)
    for now in range(1, n_knots):
        slow[:, now] += forget * slow[:, now - 1]
    white = rng.standard_normal((6, n_knots))
    white_share = -2 * _DIFFERENCE_CORRELATION[:, np.newaxis]
    slow *= np.sqrt((1 - white_share) / (2 * (1 - forget)))
    return np.asarray(slow + np.sqrt(white_share / 2) * white)


def _draw_jerks(
    settings: MotionSettings, shares: ndarray, duration: float, rng: np.random.Generator
) -> tuple[ndarray, ndarray]:
    """Draw times and steps of sudden moves, shape (jerks,) and (6, jerks)."""
    n_jerks = rng.poisson(settings.jerk_rate * duration / _SECONDS_PER_MINUTE)
    times = np.sort(rng.uniform(0, duration, n_jerks))
    directions = shares[:, np.newaxis] * rng.standard_normal((6, n_jerks))
    sizes = settings.jerk_size * np.exp(_JERK_SPREAD * rng.standard_normal(n_jerks))
    return times, _from_mm(directions * sizes / np.abs(directions).sum(axis=0))


def _move_by_taylor(bold: ndarray, motion: Motion, grid: VoxelGrid, volumes: VolumeAxis) -> None:
    """Add motion parameters times the derivatives of the mean image."""
    mean = np.stack(
        [bold[:, :, z].mean(axis=-1, dtype=np.float64) for z in range(bold.shape[2])], axis=2
    )
    derivatives = motion_derivatives(mean, grid).astype(bold.dtype)
    for z in range(bold.shape[2]):
        bold[:, :, z] += derivatives[:, :, z] @ motion.parameters(volumes.times(z)).astype(
            bold.dtype
        )


def _move_by_resampling(
    bold: ndarray, motion: Motion, grid: VoxelGrid, volumes: VolumeAxis
) -> None:
    """Evaluate the cubic spline through each volume where each slice came from."""
    n_slices = bold.shape[2]
    parameters = np.stack([motion.parameters(volumes.times(z)) for z in range(n_slices)])
    moved = np.empty(grid.shape, bold.dtype)
    for volume in range(bold.shape[3]):
        spline = spline_filter(bold[..., volume], order=3, output=np.float64, mode="mirror")
        for z in range(n_slices):
            affine = source_affine(parameters[z, :, volume], grid)
            affine_transform(
                spline,
                affine[:3, :3],
                offset=affine[:3, 3] + z * affine[:3, 2],
                output=moved[:, :, z : z + 1],
                output_shape=(*grid.shape[:2], 1),
                order=3,
                mode="mirror",  # the edge may cut a head that goes on beyond it
                prefilter=False,
            )
        bold[..., volume] = moved


def _quantile_of_sum(shares: ndarray, probability: float) -> float:
    """Return a quantile of a sum of half-normal numbers with given means."""
    n_bins = int(np.ceil(8 * shares.sum() / _BIN))
    edges = np.maximum((np.arange(n_bins + 1) - 0.5) * _BIN, 0)
    spectrum = np.ones(n_bins + 1, complex)
    for share in shares[shares > 0]:
        density = np.diff(erf(edges / (share * np.sqrt(np.pi))))
        spectrum *= np.fft.rfft(density, 2 * n_bins)
    cumulative = np.cumsum(np.fft.irfft(spectrum, 2 * n_bins))
    return float(np.searchsorted(cumulative, probability) * _BIN)


def _middles(volumes: VolumeAxis) -> ndarray:
    """Return the middle of each volume, in s."""
    return volumes.tr * (np.arange(volumes.n_volumes) + 0.5)


def _in_mm(steps: ndarray) -> ndarray:
    """Return motion parameters with rotations as arcs on a sphere of 50 mm."""
    return np.concatenate([steps[:3], _RADIUS * steps[3:]])


def _from_mm(steps: ndarray) -> ndarray:
    """Return motion parameters whose rotations were arcs on a sphere of 50 mm."""
    return np.concatenate([steps[:3], steps[3:] / _RADIUS])
