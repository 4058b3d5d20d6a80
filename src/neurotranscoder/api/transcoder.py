"""The user's facade: fit a transcoder to a study, and use it on MNE and NIfTI objects."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

import mne
import nibabel as nib
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.api.low_cut import low_cut_of
from neurotranscoder.api.study import StudyLike, aligned_runs, opened
from neurotranscoder.config import Config
from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError, SettingsError, WeightsError
from neurotranscoder.core.recording import Bold, Eeg, Recording
from neurotranscoder.core.source import AlignedRun, SourceEstimate
from neurotranscoder.io.eeg import pick_eeg, raw_from_eeg
from neurotranscoder.io.nifti import array_of, grid_of, header_tr, image_of_blocks
from neurotranscoder.io.scratch import scratch_folder
from neurotranscoder.preprocess.align import align
from neurotranscoder.preprocess.group import store_aligned_runs, study_blocks
from neurotranscoder.preprocess.study import Study
from neurotranscoder.preprocess.sync import declared_clock
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.reconstruct.one_modality import (
    OneModality,
    estimate_from_bold,
    estimate_from_eeg,
)
from neurotranscoder.train.device import Device, resolve_device
from neurotranscoder.train.ranks import joined
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import Architecture
from neurotranscoder.train.split import Split, split_runs
from neurotranscoder.train.trained import TrainedTranscoder, load_trained, save_trained

SliceTimes = Sequence[float] | Float[ndarray, " slices"]
_IN_MEMORY = Path("image in memory")


class Transcoder:
    """A group transcoder between EEG and BOLD.

    Parameters
    ----------
    architecture : {'transcoder', 'sparse', 'closed_form', 'paper', 'vanilla'}
        Sparse sources with gated networks, sparse sources alone, the closed form alone, or the
        paper's networks from a random start, with and without cycle losses; default: what
        ``config`` says, 'sparse' without one.
    config : Config, optional
        All other settings.
    device : {'auto', 'cpu', 'cuda'}
        Where networks are trained.

    Attributes
    ----------
    trained : TrainedTranscoder
        What `fit` or `load` made: coders, split, learnt response and leadfield.
    """

    def __init__(
        self,
        architecture: Architecture | None = None,
        *,
        config: Config | None = None,
        device: Device = "auto",
    ) -> None:
        self.config = config or Config()
        self.architecture: Architecture = architecture or self.config.train.architecture
        if self.architecture not in get_args(Architecture):
            known = ", ".join(map(repr, get_args(Architecture)))
            raise SettingsError(f"architecture is {self.architecture!r}; known ones are {known}")
        self.device: Device = device
        self._trained: TrainedTranscoder | None = None

    @property
    def trained(self) -> TrainedTranscoder:
        """The trained transcoder.

        Raises
        ------
        WeightsError
            Before `fit` or `load`.
        """
        if self._trained is None:
            raise WeightsError("the transcoder has no weights yet; call `fit` or `load` first")
        return self._trained

    def fit(
        self, study: StudyLike | Iterable[Recording], *, folder: Path | None = None
    ) -> Transcoder:
        """Train on simultaneous runs; test runs are set aside before anything is fitted.

        Parameters
        ----------
        study : Study, path of a BIDS data set, or iterable of Recording
            Simultaneous runs.
        folder : Path, optional
            Where checkpoints are kept; a killed training goes on from there.

        Returns
        -------
        self : Transcoder
            Trained.

        Raises
        ------
        StudyError
            When the study has problems; all are listed.

        Warns
        -----
        RuntimeWarning
            When filters of the EEG let less than half the power of a hemodynamic response pass.
        """
        study = opened(study, self.config)
        with joined(resolve_device(self.device)):
            if isinstance(study, Study):
                self._trained = self._fit_study(study, folder)
            else:
                runs = aligned_runs(study, self.config)
                split = split_runs([run.run for run in runs], self.config.train.split)
                training, validation = (
                    [run for run in runs if run.run.label in part]
                    for part in (split.training, split.validation)
                )
                self._trained = self._fit_runs(training, validation, split, folder)
        return self

    def _fit_study(self, study: Study, folder: Path | None) -> TrainedTranscoder:
        """Train on runs that lie in files at the group resolution, one in memory at a time."""
        split = split_runs(study.runs, self.config.train.split, stated=study.test_runs)
        blocks = study_blocks(study, self.config.align)
        with scratch_folder(Path(tempfile.gettempdir())) as scratch:
            training, validation = (
                store_aligned_runs(
                    study,
                    [run for run in study.runs if run.label in part],
                    blocks,
                    self.config.align,
                    scratch,
                )
                for part in (split.training, split.validation)
            )
            return self._fit_runs(training, validation, split, folder)

    def _fit_runs(
        self,
        training: Sequence[AlignedRun],
        validation: Sequence[AlignedRun],
        split: Split,
        folder: Path | None,
    ) -> TrainedTranscoder:
        """Train on aligned runs."""
        settings = self.config.train.model_copy(update={"architecture": self.architecture})
        if (low_cut := low_cut_of(training)) is not None and low_cut.too_much:
            warnings.warn(low_cut.words(settings), RuntimeWarning, stacklevel=4)
        return fit_transcoder(
            training, validation, split, settings, folder=folder, device=self.device
        )

    def transcode(
        self,
        signal: mne.io.BaseRaw | nib.Nifti1Image,
        *,
        eeg_start: float = 0.0,
        slice_times: SliceTimes | None = None,
    ) -> nib.Nifti1Image | mne.io.BaseRaw:
        """Predict one modality from the other.

        Parameters
        ----------
        signal : mne.io.Raw or Nifti1Image
            EEG with the channels of the model, or BOLD on the voxel grid of the model.
        eeg_start : float
            Time of the first EEG sample on the clock of the output, in s.
        slice_times : sequence of float, optional
            Acquisition time of each slice of BOLD, in s; needed for images, as NIfTI headers
            do not hold them.

        Returns
        -------
        other : Nifti1Image or mne.io.Raw
            BOLD of the source blocks, or EEG, both at the group rate and around their means. The
            first sample of the EEG is the centre of the first frame, half a frame after 0 s.
        """
        if isinstance(signal, mne.io.BaseRaw):
            found = self._from_raw(signal, eeg_start)
            axis, blocks = found.source.axis, found.source.blocks
            return image_of_blocks(found.other, blocks, tr=1 / axis.sfreq, start=axis.start)
        found = self._from_image(signal, slice_times)
        return raw_from_eeg(Eeg(found.other, found.source.axis.sfreq, self.trained.montage))

    def reconstruct(
        self,
        signal: mne.io.BaseRaw | nib.Nifti1Image,
        *,
        eeg_start: float = 0.0,
        slice_times: SliceTimes | None = None,
    ) -> SourceEstimate:
        """Estimate sources from one modality alone.

        Parameters
        ----------
        signal, eeg_start, slice_times
            As for `transcode`.

        Returns
        -------
        estimate : SourceEstimate
            Sources on the blocks, at the group rate.
        """
        if isinstance(signal, mne.io.BaseRaw):
            return self._from_raw(signal, eeg_start).source
        return self._from_image(signal, slice_times).source

    def estimate(self, recording: Recording) -> GroupEstimates:
        """Estimate everything for one simultaneous run: both sources, fused, and transcoded."""
        run = align(recording, self.trained.blocks, self.config.align)
        return estimate_group(self.trained, run, fusion=self.config.reconstruct.fusion)

    def save(self, folder: Path) -> None:
        """Write weights, settings and split; valid only with the manifest written last."""
        save_trained(folder, self.trained)

    @classmethod
    def load(cls, folder: Path, *, config: Config | None = None) -> Transcoder:
        """Read what `save` (or the command `train`) wrote."""
        trained = load_trained(folder)
        transcoder = cls(trained.settings.architecture, config=config)
        transcoder._trained = trained
        return transcoder

    def _from_raw(self, raw: mne.io.BaseRaw, eeg_start: float) -> OneModality:
        """Estimate sources and BOLD from EEG."""
        eeg = pick_eeg(raw, self.trained.montage.names)
        clock = declared_clock(eeg_start)
        return estimate_from_eeg(self.trained, eeg, clock, self.config.align)

    def _from_image(self, image: nib.Nifti1Image, slice_times: SliceTimes | None) -> OneModality:
        """Estimate sources and EEG from BOLD."""
        if slice_times is None:
            raise SettingsError(
                "BOLD got no slice_times; NIfTI headers do not hold them; pass SliceTiming of the "
                "sidecar, or one repeated time for images that were slice-time corrected"
            )
        data = array_of(image, _IN_MEMORY)
        if data.ndim != 4:
            raise GridError(f"the image has {data.ndim} axes; it needs 4: x, y, z and time")
        times = np.asarray(slice_times, dtype=float)
        volumes = VolumeAxis(header_tr(image), data.shape[3], times)
        mask = self.trained.blocks.labels >= 0
        bold = Bold(data, grid_of(image, _IN_MEMORY), volumes, mask)
        return estimate_from_bold(self.trained, bold, self.config.align)
