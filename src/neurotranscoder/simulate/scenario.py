"""Everything that a simulated study is made from; (scenario, seed) regenerates every byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_serializer,
    model_validator,
)

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.settings import PositiveSpan, Settings
from neurotranscoder.physics.balloon import BalloonSettings
from neurotranscoder.physics.evoked import EvokedShape
from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.physics.hrf import HrfShape, HrfSpread
from neurotranscoder.simulate.bold_noise import BoldNoiseSettings
from neurotranscoder.simulate.coupling import RHYTHM_MARGIN, Coupling, Envelope, RhythmBand
from neurotranscoder.simulate.design import OddballDesign
from neurotranscoder.simulate.eeg_artefacts import BlinkSettings, HeartSettings
from neurotranscoder.simulate.eeg_noise import EegNoiseSettings
from neurotranscoder.simulate.faces import FacesDesign
from neurotranscoder.simulate.motion import MotionSettings
from neurotranscoder.simulate.native import NativeSettings
from neurotranscoder.simulate.network import NetworkSettings
from neurotranscoder.simulate.noise import ratio_in_db
from neurotranscoder.simulate.physiology import PhysiologySettings
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.scanner import ScannerSettings
from neurotranscoder.simulate.slices import SliceOrder, slice_times
from neurotranscoder.simulate.subjects import SubjectSpread
from neurotranscoder.simulate.tasks import Task, task_of
from neurotranscoder.simulate.triggers import TriggerSettings


class Scenario(Settings):
    """A simulated study of simultaneous EEG-fMRI.

    A signal-to-noise ratio is the variance of the noise-free signal over that of the noise, at
    the recorded sampling, each averaged over channels (EEG) or voxels of the brain (BOLD; the
    signal over those with a source).
    """

    name: str = "small"
    """What to call it."""
    seed: int = Field(default=0, ge=0)
    """Of everything random."""
    head: HeadSettings = HeadSettings()
    """Voxels, electrodes and conductivities of the template."""
    regions: RegionSettings = RegionSettings()
    """Division of the brain; shared by all subjects."""
    oddball: OddballDesign = OddballDesign()
    """The task, unless there is another; unused when tables of events are given."""
    faces: FacesDesign | None = None
    """The face-car-house task in place of the oddball; null is the oddball."""
    hrf: HrfShape = HrfShape()
    """Hemodynamic response h."""
    hrf_spread: HrfSpread | None = None
    """How much h differs from region to region; null is one response for all."""
    evoked: EvokedShape = EvokedShape()
    """Evoked response d."""
    n_subjects: PositiveInt = 3
    """Subjects; they differ in design and noise."""
    subjects: SubjectSpread | None = None
    """How much else they differ; null is one brain for all, the template's."""
    runs_per_subject: PositiveInt = 6
    """Runs of each subject."""
    test_runs: NonNegativeInt = 2
    """The last runs of each subject are for testing alone, as scans.tsv of the study says; fewer
    where that leaves less than two others."""
    duration: float = Field(default=400.0, gt=0, le=86_400)
    """Length of the BOLD of a run, in s; a multiple of the TR."""
    tr: float = Field(default=2.0, ge=0.1, le=20)
    """Repetition time, in s."""
    slices: SliceOrder = SliceOrder()
    """The order in which slices are acquired."""
    source_rate: float = Field(default=100.0, ge=1, le=10_000)
    """Impulses fall on multiples of its inverse, in Hz."""
    eeg_rate: float = Field(default=100.0, ge=1, le=50_000)
    """Sampling frequency of the EEG clock, in Hz."""
    eeg_lead: PositiveSpan = (3.0, 8.0)
    """Range of how long the EEG starts before the scanner, in s."""
    eeg_tail: NonNegativeFloat = 3.0
    """How long the EEG lasts after the scanner, in s."""
    drift_ppm: float = Field(default=5.0, ge=-10_000, le=10_000)
    """How much longer an EEG second lasts on the scanner clock, in parts per million."""
    rhythm_band: tuple[PositiveFloat, PositiveFloat] = (0.01, 0.2)
    """Band of the rhythms, in Hz; slow, so that BOLD can follow them linearly."""
    rhythm_share: float = Field(default=1 / 3, gt=0, lt=1)
    """Variance of rhythms over that of all, of what ``rhythm_share_of`` says. With a third,
    rhythms and evoked responses are equal in the EEG of .4 s frames; BOLD follows rhythms more."""
    rhythm_share_of: Literal["both", "eeg", "bold"] = "both"
    """What ``rhythm_share`` is of: the geometric mean of EEG and BOLD, EEG alone, for rhythms that
    are too fast for BOLD, or BOLD alone, for those that the evoked response takes from the EEG.
    With coupling by power it is of each of them."""
    rhythm_bands: tuple[RhythmBand, ...] = ()
    """Bands by part of the brain, in place of ``rhythm_band``."""
    envelope: Envelope | None = None
    """How rhythms wax and wane; null is not at all."""
    coupling: Coupling = Coupling()
    """What BOLD follows."""
    network: NetworkSettings | None = None
    """Regions that drive regions; null is none."""
    balloon: BalloonSettings | None = None
    """The balloon model in place of h, which saturates; null is Eq. 1."""
    eeg_rms_uv: float = Field(default=10.0, gt=0, le=10_000)
    """Expected root mean square of the noise-free EEG over channels and times, in microvolt."""
    bold_baseline: float = Field(default=10_000.0, ge=1, le=1e6)
    """Mean signal of a voxel of grey matter."""
    bold_percent: float = Field(default=1.0, gt=0, le=50)
    """Expected sd of the noise-free signal over voxels with a source and times, in % of the
    baseline."""
    eeg_snr_db: float | None = Field(default=10.0, ge=-60, le=200)
    """Signal-to-noise ratio of the EEG, in dB; ``eeg_snr`` gives it as a ratio. Null:
    `eeg_noise` at its own levels, or none."""
    eeg_snr_over: Literal["run", "trial"] = "run"
    """Where the signal of that ratio is measured: over the whole run, or in the trials alone, from
    each stimulus until the slowest region's evoked response has ended."""
    bold_snr_db: float | None = Field(default=10.0, ge=-60, le=200)
    """Signal-to-noise ratio of BOLD, in dB; ``bold_snr`` gives it as a ratio. Null:
    `bold_noise` at its own levels, or none."""
    eeg_noise: EegNoiseSettings | None = None
    """Parts of the EEG noise, in proportion to their levels; null is white noise alone."""
    blinks: BlinkSettings | None = None
    """Blinks in the EEG; null is none."""
    heart: HeartSettings | None = None
    """Electrocardiogram in the EEG; null is none."""
    bold_noise: BoldNoiseSettings | None = None
    """Parts of the BOLD noise, in proportion to their levels; null is white noise alone."""
    physiology: PhysiologySettings = PhysiologySettings()
    """Heart and breathing behind the parts of that name."""
    motion: MotionSettings | None = None
    """How the head moves; null is a head that lies still."""
    native: NativeSettings | None = None
    """Images in each subject's own space, with a T1 image; null is images in MNI and none."""
    scanner: ScannerSettings | None = None
    """Gradient and pulse artefacts in raw EEG, as at 5 kHz; null is none, as after cleaning."""
    triggers: TriggerSettings | None = None
    """Faults of the volume triggers; null is none."""

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        """Refuse settings that contradict each other."""
        volumes = self.duration / self.tr
        low, high = self.rhythm_band
        if abs(volumes - round(volumes)) > 1e-6 or volumes < 2:
            raise ValueError(
                f"duration {self.duration} s is {volumes:g} TRs; need a whole number, at least 2: "
                f"set duration = {max(round(volumes), 2) * self.tr:g}"
            )
        if not low < high < self.eeg_rate / 2:
            raise ValueError(
                f"rhythm_band is {low}-{high} Hz; need it increasing and below half of eeg_rate"
            )
        if self.coupling.mode == "power" and self.regions.has_rhythms and self.envelope is None:
            raise ValueError(
                "BOLD follows the power of rhythms that neither wax nor wane; need 'envelope', or "
                "coupling.mode 'linear'"
            )
        try:
            slice_times(self.slices, self.head.shape[2], self.tr)
        except SettingsError as error:
            raise ValueError(f"slices: {error}") from None
        return self

    @model_validator(mode="before")
    @classmethod
    def _ratios_in_db(cls, data: object) -> object:
        """Take ``eeg_snr`` and ``bold_snr``, ratios of variances, as other words for dB."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for name in [one for one in ("eeg_snr", "bold_snr") if one in data]:
            data[f"{name}_db"] = ratio_in_db(name, data.pop(name))
        return data

    @model_validator(mode="after")
    def _lasts_long_enough(self) -> Scenario:
        """Refuse waves that do not fit the run or the sampling."""
        noise, bands = self.bold_noise, self.rhythm_bands
        if noise is not None and noise.drift > 0 and 2 * self.duration < noise.drift_period:
            raise ValueError(
                f"a drift with periods of at least {noise.drift_period:g} s needs runs of "
                f"{noise.drift_period / 2:g} s or more, not {self.duration:g} s; set "
                "bold_noise.drift to 0 or make bold_noise.drift_period shorter"
            )
        step = 1 / (self.duration + RHYTHM_MARGIN)
        wanted = [("rhythm_band", self.rhythm_band), *((band.name, band.band) for band in bands)]
        if self.envelope is not None:
            wanted.append(("envelope.band", self.envelope.band))
        for name, (low, high) in wanted if self.regions.has_rhythms else ():
            if not high - low >= step:
                raise ValueError(
                    f"{name} is {low:g}-{high:g} Hz; need the least frequency first and at least "
                    f"{step:.2g} Hz between them, in runs of {self.duration:g} s"
                )
        fastest = max((band.band[1] for band in bands), default=0.0)
        if fastest >= self.eeg_rate / 2 - 2:
            raise ValueError(
                f"rhythm_bands reach {fastest:g} Hz; need them 2 Hz below half of eeg_rate "
                f"({self.eeg_rate:g} Hz)"
            )
        return self

    @model_validator(mode="after")
    def _contrasts_are_known(self) -> Scenario:
        """Refuse what would carry conditions out of the regions of activations, or lose signs."""
        if self.regions.activations and self.network is not None:
            raise ValueError(
                "a network would carry activations into regions by chance; leave network or "
                "regions.activations out"
            )
        if self.regions.activations and self.coupling.evoked_power:
            raise ValueError(
                "with coupling.evoked_power deactivations would raise BOLD; set it to false, or "
                "leave regions.activations out"
            )
        return self

    @model_validator(mode="after")
    def _noise_reaches_its_ratio(self) -> Scenario:
        """Refuse ratios that nothing can reach."""
        for name, ratio, parts in (
            ("bold", self.bold_snr_db, self.bold_noise),
            ("eeg", self.eeg_snr_db, self.eeg_noise),
        ):
            if ratio is not None and parts is not None and not parts.is_on:
                raise ValueError(
                    f"{name}_snr_db is {ratio:g} and all parts of {name}_noise are 0; give one a "
                    f"level, leave {name}_noise out for white noise, or set {name}_snr_db to none"
                )
        if self.eeg_snr_over == "trial" and self.regions.timing == "spontaneous":
            raise ValueError(
                "eeg_snr_over is 'trial' and trains are spontaneous: there are no trials; set it "
                "to 'run'"
            )
        return self

    @model_validator(mode="after")
    def _samples_the_scanner(self) -> Scenario:
        """Refuse a scanner whose artefacts the EEG does not sample."""
        if self.scanner is not None and self.eeg_rate < self.scanner.least_rate:
            raise ValueError(
                f"eeg_rate is {self.eeg_rate:g} Hz; gradient artefacts up to "
                f"{self.scanner.low_pass:g} Hz (scanner.low_pass) need at least "
                f"{self.scanner.least_rate:g} Hz; set eeg_rate = 5000, or leave scanner out"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, written: Callable[[Any], Any]) -> dict[str, Any]:
        """Leave out what is null and older studies do not have: theirs stay the same bytes."""
        return {k: v for k, v in written(self).items() if k != "native" or v is not None}

    @property
    def task(self) -> Task:
        """What participants do, unless tables of events are given."""
        return task_of(self.oddball, self.faces)

    @property
    def volumes(self) -> VolumeAxis:
        """When each slice of each volume is acquired."""
        times = slice_times(self.slices, self.head.shape[2], self.tr)
        return VolumeAxis(self.tr, round(self.duration / self.tr), times)

    @property
    def run_ids(self) -> tuple[RunId, ...]:
        """BIDS names of all runs, subject by subject."""
        counts = self.n_subjects, self.runs_per_subject
        return tuple(self.run_id(*which) for which in np.ndindex(*counts))

    @property
    def test_ids(self) -> tuple[RunId, ...]:
        """BIDS names of the runs that are for testing alone."""
        n_test = min(self.test_runs, max(self.runs_per_subject - 2, 0))
        last = range(self.runs_per_subject - n_test, self.runs_per_subject)
        return tuple(self.run_id(s, r) for s in range(self.n_subjects) for r in last)

    def run_id(self, subject: int, run: int) -> RunId:
        """Return the BIDS name of a run; subjects and runs count from 0."""
        if not (0 <= subject < self.n_subjects and 0 <= run < self.runs_per_subject):
            raise SettingsError(
                f"scenario {self.name!r} has {self.n_subjects} subjects with "
                f"{self.runs_per_subject} runs; got subject {subject}, run {run} (from 0)"
            )
        return RunId(f"{subject + 1:02d}", self.task.name, run=f"{run + 1:02d}")

    def numbers_of(self, run: RunId) -> tuple[int, int]:
        """Return subject and run of a BIDS name, both from 0: the inverse of `run_id`."""
        return int(run.subject) - 1, int(run.run) - 1
