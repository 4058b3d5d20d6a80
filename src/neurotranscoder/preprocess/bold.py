"""The whole way of a BOLD run: slice timing, motion, anatomy, MNI, one resampling, cleaning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold
from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.anatomy import Anatomy, Found, with_tissues
from neurotranscoder.preprocess.boundary import BoundaryFit, BoundarySettings, refine_on_boundary
from neurotranscoder.preprocess.checks import hole_words
from neurotranscoder.preprocess.compcor import CompcorSettings, TissueSignals, tissue_signals
from neurotranscoder.preprocess.confounds import CleanSettings, Confounds, clean_run, confounds_of
from neurotranscoder.preprocess.coregister import CoregisterSettings, Coregistration, coregister
from neurotranscoder.preprocess.motion import (
    HeadMotion,
    RealignSettings,
    estimate_motion,
    mean_realigned,
)
from neurotranscoder.preprocess.normalise import Normalisation, NormaliseSettings, normalise
from neurotranscoder.preprocess.quality import temporal_snr
from neurotranscoder.preprocess.resample import epi_points, resample_once
from neurotranscoder.preprocess.template import Template, mni_template
from neurotranscoder.preprocess.tissues import TissueSettings
from neurotranscoder.signal.slice_timing import correct_slice_timing


class PreprocessSettings(Settings):
    """Every step of a BOLD run."""

    slice_timing: bool = True
    """Whether slices are brought to the middle of the TR."""
    motion: RealignSettings = RealignSettings()
    """How the motion of the head is estimated."""
    coregister: CoregisterSettings = CoregisterSettings()
    """How the EPI is placed in the anatomy."""
    refine: bool = True
    """Whether that is refined on the boundary of white matter, given or found."""
    boundary: BoundarySettings = BoundarySettings()
    """How it is refined."""
    normalise: NormaliseSettings = NormaliseSettings()
    """How the anatomy is brought to MNI."""
    segment: bool = True
    """Whether brain and tissues are found in the anatomy."""
    tissues: TissueSettings = TissueSettings()
    """How they are found."""
    compcor: CompcorSettings = CompcorSettings()
    """What is read from white matter and fluid, where tissues are known."""
    voxel_size: int = Field(default=2, ge=1, le=8)
    """Edge of the voxels of the result, in mm."""
    clean: CleanSettings = CleanSettings()
    """What is taken out at the end; the table of confounds is written either way."""


@dataclass(frozen=True, slots=True, eq=False)
class PreprocessedBold:
    """A run in MNI, and all that was estimated on the way.

    Parameters
    ----------
    bold : Bold
        The run on voxels of MNI, one acquisition time per volume; 0 outside the mask.
    motion : HeadMotion
        Where the head was.
    coregistration : Coregistration
        The place of the EPI in the anatomy by mutual information.
    boundary : BoundaryFit or None
        The same, refined on white matter; it says itself whether it was taken.
    anatomy : Found
        The place of the template in the anatomy, and its tissues.
    confounds : Confounds
        Motion, framewise displacement, DVARS, global signal, and those of tissues.
    signals : TissueSignals or None
        Signals of white matter and fluid, with what they hold.
    snr : array, shape (x, y, z)
        Temporal signal to noise before cleaning; NaN outside the mask.
    reference : array, shape (a, b, c)
        Mean of the realigned volumes, on the voxels of the scanner.
    slice_timing : bool
        Whether slices were brought to one moment; else each value is of its own slice's time, and
        the axis states the mean of them.
    steps : tuple of str
        What was done, in words and in order.
    cautions : tuple of str
        What to keep in mind of the run as it was stored.
    """

    bold: Bold
    motion: HeadMotion
    coregistration: Coregistration
    boundary: BoundaryFit | None
    anatomy: Found
    confounds: Confounds
    signals: TissueSignals | None
    snr: Float[ndarray, "x y z"]
    reference: Float[ndarray, "a b c"]
    slice_timing: bool
    steps: tuple[str, ...]
    cautions: tuple[str, ...] = ()

    @property
    def epi_to_t1(self) -> Float[ndarray, "4 4"]:
        """The place of the EPI in the anatomy that was used."""
        return _place(self.coregistration, self.boundary)

    @property
    def normalisation(self) -> Normalisation:
        """The place of the template in the anatomy."""
        return self.anatomy.normalisation


def preprocess_bold(
    run: Bold,
    t1: Anatomy,
    settings: PreprocessSettings | None = None,
    *,
    template: Template | None = None,
    found: Found | None = None,
) -> PreprocessedBold:
    """Bring a run as the scanner stored it to MNI, with one interpolation in space.

    Parameters
    ----------
    run : Bold
        The run on the voxels of the scanner.
    t1 : Anatomy
        Anatomy of the same subject.
    settings : PreprocessSettings, optional
        How it is done.
    template : Template, optional
        The target; by default nilearn's on voxels of ``settings.voxel_size``.
    found : Found, optional
        What is known of the same anatomy from another run (``result.anatomy``).

    Returns
    -------
    preprocessed : PreprocessedBold
        The run and every estimate.

    Raises
    ------
    GridError
        When an input is not finite, has no contrast, or the run misses the brain of the template.
    SettingsError
        When memory is too small.
    """
    options = settings or PreprocessSettings()
    target = template or mni_template(options.voxel_size)
    anatomy = found or _found(t1, options, template)
    motion = estimate_motion(run.data, run.grid, run.mask, options.motion)
    reference = mean_realigned(run.data, run.grid, motion.to_volume)
    place = coregister(reference, run.grid, run.mask, t1.image, t1.grid, options.coregister)
    warp = anatomy.normalisation.template_to_t1
    boundary = _refined(reference, run.grid, t1, anatomy, place, options)
    epi_to_t1 = _place(place, boundary)
    points = epi_points(target.grid, target.brain, warp, epi_to_t1)
    seen = _in_mni(run, motion, points, target, slice_timing=options.slice_timing)
    confounds, signals = confounds_of(motion, seen.data, seen.mask), None
    if anatomy.tissues:
        signals = tissue_signals(seen, warp, anatomy.tissues, t1.grid, options.compcor)
        confounds = confounds.beside(signals.names, signals.values)
    return PreprocessedBold(
        bold=_cleaned(seen, confounds, options.clean),
        motion=motion,
        coregistration=place,
        boundary=boundary,
        anatomy=anatomy,
        confounds=confounds,
        signals=signals,
        snr=temporal_snr(seen.data, seen.mask),
        reference=reference,
        slice_timing=options.slice_timing,
        steps=_steps(options, boundary, anatomy),
        cautions=hole_words(run),
    )


def _found(t1: Anatomy, options: PreprocessSettings, template: Template | None) -> Found:
    """Return the place of the template in an anatomy, and the tissues if they are wanted."""
    warp = normalise(t1.image, t1.grid, options.normalise, template=template)
    if not options.segment:
        return Found(warp)
    return with_tissues(t1, warp, template or mni_template(), options.tissues)


def _refined(
    reference: Float[ndarray, "a b c"],
    grid: VoxelGrid,
    t1: Anatomy,
    anatomy: Found,
    place: Coregistration,
    options: PreprocessSettings,
) -> BoundaryFit | None:
    """Return the place refined on the boundary of white matter, given or found."""
    found = anatomy.tissues.white if anatomy.tissues else None
    white, start = found if t1.white is None else t1.white, place.epi_to_t1
    if not options.refine or white is None:
        return None
    try:
        return refine_on_boundary(reference, grid, white, t1.grid, start, options.boundary)
    except GridError as error:
        if t1.white is not None:
            raise
        return BoundaryFit(start, np.nan, np.nan, 0.0, str(error).split(";")[0])


def _place(place: Coregistration, boundary: BoundaryFit | None) -> Float[ndarray, "4 4"]:
    """Return the place of the EPI that is used."""
    return place.epi_to_t1 if boundary is None or boundary.why_not else boundary.epi_to_t1


def _in_mni(
    run: Bold,
    motion: HeadMotion,
    points: Float[ndarray, "points 3"],
    target: Template,
    *,
    slice_timing: bool,
) -> Bold:
    """Return the run on the voxels of the template that it covers in every volume."""
    data, volumes = run.data, run.volumes
    if slice_timing:
        data, volumes = correct_slice_timing(data, volumes)
    moment = float(volumes.slice_times.mean())
    values = resample_once(data, run.grid, motion, points)
    covered = np.all(np.isfinite(values), axis=1)
    if not covered.any():
        raise GridError(
            "no voxel of the template's brain lies within the run; registration has failed; "
            "check that both images show the same head and that their headers are right"
        )
    mask = target.brain.copy()
    mask[target.brain] = covered
    shown = np.zeros((*target.grid.shape, volumes.n_volumes), dtype=np.float32)
    shown[mask] = values[covered]
    axis = VolumeAxis(volumes.tr, volumes.n_volumes, np.full(target.grid.shape[2], moment))
    return Bold(shown, target.grid, axis, mask)


def _cleaned(run: Bold, confounds: Confounds, settings: CleanSettings) -> Bold:
    """Return a run without confounds and slow change, if that is wanted."""
    if settings.does_nothing:
        return run
    data = clean_run(
        run.data, run.grid, run.mask, tr=run.volumes.tr, confounds=confounds, settings=settings
    )
    return Bold(data, run.grid, run.volumes, run.mask)


def _steps(
    options: PreprocessSettings, boundary: BoundaryFit | None, anatomy: Found
) -> tuple[str, ...]:
    """Say what was done."""
    steps = ["motion: rigid, Gauss-Newton, to the mean of the realigned volumes"]
    if options.slice_timing:
        steps.append("slice timing: cubic splines, to the middle of the slice times")
    steps.append("EPI to T1: rigid, Mattes mutual information (SimpleITK)")
    if boundary:
        left = f"is not better and left out: {boundary.why_not}" if boundary.why_not else "refined"
        steps.append(f"EPI to T1, by the boundary of white matter: {left}")
    warp = anatomy.normalisation
    finer = ", then of 1 mm" if warp.method == "quality" else ""
    steps.append(f"T1 to MNI: affine, then a warp with bending energy on voxels of 2 mm{finer}")
    if options.segment:
        left = f"left out: {anatomy.why_not}" if anatomy.why_not else "mixture of brightness"
        steps.append(f"tissues of the T1: {left}")
    steps.append("resampling: once, by cubic splines")
    clean = options.clean
    steps += [f"smoothing: {clean.fwhm:g} mm"] if clean.fwhm else []
    slow = clean.longest_period
    if anatomy.tissues:
        steps.append("signals of deep white matter and fluid: means, principal components")
    out = [*([f"change slower than {slow:g} s"] if slow else []), *clean.confounds]
    steps += [f"regressed out: {', '.join(out)}"] if out else []
    return tuple(steps)
