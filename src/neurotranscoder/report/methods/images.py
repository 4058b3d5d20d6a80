"""Sentences about images: how they were brought to MNI, or what brought them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurotranscoder.report.methods.facts import ImageFacts
from neurotranscoder.report.methods.phrases import count, in_runs, number, some, spread

_FMRIPREP = "fmriprep"


def image_sentences(runs: Sequence[ImageFacts], derivative: Sequence[str]) -> list[str]:
    """Return what was done to images.

    Parameters
    ----------
    runs : sequence of ImageFacts
        Runs that were brought to MNI here; none says nothing of it.
    derivative : sequence of str
        Name and version of what preprocessed them elsewhere, or nothing.
    """
    said = [_elsewhere(*derivative)] if derivative else []
    if not runs:
        return said
    numbers, settings = [one.numbers for one in runs], runs[0].settings
    if any(one.settings != settings for one in runs):
        said.append("Settings of images differ between runs; those of the first run are given.")
    where = in_runs(len(runs), len(runs))
    return [
        *said,
        _motion(numbers, where),
        _timing(settings),
        _anatomy(numbers),
        _template(numbers, settings),
        *_tissues(numbers),
        *_cleaning(settings),
        _quality(numbers),
    ]


def _elsewhere(name: str, version: str = "") -> str:
    """Return what preprocessed the images before they were given to this software."""
    cite = " [@esteban2019]" if name.lower() == _FMRIPREP else ""
    return f"Images were preprocessed with {f'{name} {version}'.strip()}{cite}."


def _of(numbers: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Return a number of all runs."""
    return [float(one[name]) for one in numbers if name in one]


def _motion(numbers: Sequence[Mapping[str, Any]], where: str) -> str:
    """Return how motion was estimated, and how much there was."""
    axes = [_of(numbers, f"voxel_{axis}") for axis in "xyz"]
    sizes = list(zip(*axes, strict=True)) if all(axes) else []
    voxels = f"voxels of {some(sizes)} as recorded; " if sizes else ""
    said = (
        f"Images {where} ({voxels}{spread(_of(numbers, 'volumes'))} volumes) were realigned by "
        "rigid motions that minimise squared differences to the mean of the realigned volumes "
        "(Gauss-Newton)"
    )
    mean, most = _of(numbers, "displacement_mean"), _of(numbers, "displacement_max")
    if mean and most:
        said += (
            f"; framewise displacement [@power2012] was {spread(mean, 'mm')} on average over a "
            f"run, {number(max(most))} mm at most"
        )
    return f"{said}."


def _timing(settings: Mapping[str, Any]) -> str:
    """Return whether slices were brought to one moment."""
    if settings.get("slice_timing", True):
        return "Slices were brought to the middle of their acquisition times by cubic splines."
    return "Slice timing was not corrected."


def _anatomy(numbers: Sequence[Mapping[str, Any]]) -> str:
    """Return how the EPI was placed in the anatomy."""
    said = (
        "The mean image of a run was placed in the subject's T1 image by a rigid registration "
        "with the mutual information of Mattes [@mattes2003] in SimpleITK [@lowekamp2013]"
    )
    refined = sum(bool(one.get("boundary")) for one in numbers)
    if refined:
        where = in_runs(refined, len(numbers))
        said += f", refined on the boundary of white matter {where} [@greve2009]"
    return f"{said}."


def _template(numbers: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> str:
    """Return how the anatomy was brought to MNI."""
    ways = {str(one["method"]) for one in numbers if "method" in one}
    names = {"fast": "2 mm", "quality": "2 mm, then of 1 mm"}
    where = " or ".join(words for way, words in names.items() if way in ways)
    return (
        "The T1 image was brought to the template MNI152NLin2009aSym [@fonov2011] by an affine "
        "registration (mutual information) and a warp of low spatial frequencies with bending "
        "energy as prior [@ashburner1999], found by Gauss-Newton steps on locally normalised "
        f"contrast in voxels of {where}. All transforms were composed, and each "
        f"volume was interpolated once, by cubic splines, to voxels of {settings['voxel_size']} "
        "mm. Distortions by the magnetic field were not corrected."
    )


def _tissues(numbers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how tissues were found, and what was read from them."""
    known = sum(bool(one.get("tissues")) for one in numbers)
    if not known:
        return []
    where = in_runs(known, len(numbers))
    said = (
        "The brain, grey matter, white matter and fluid of the T1 image were found by a mixture "
        "of brightness with the tissues of the template as priors [@ashburner2005], voxels of two "
        f"tissues [@shattuck2001] and a polynomial bias field [@vanleemput1999] {where}"
    )
    counts, explained = _of(numbers, "components"), _of(numbers, "explained")
    if counts and explained:
        percent = [100 * share for share in explained]
        said += (
            f"; the table of confounds has {spread(counts)} principal components of voxels deep "
            f"in white matter and fluid (aCompCor) [@behzadi2007], which hold {spread(percent)} % "
            "of the variance there"
        )
    return [f"{said}."]


def _cleaning(settings: Mapping[str, Any]) -> list[str]:
    """Return what was taken out of the images in the end."""
    own = settings.get("clean", {})
    said = []
    if own.get("fwhm"):
        said.append(f"Images were smoothed by {number(own['fwhm'])} mm (full width at half "
                    "maximum).")  # fmt: skip
    slow, columns = own.get("longest_period"), own.get("confounds", ())
    parts = [f"change slower than {number(slow)} s (cosines)"] if slow else []
    parts += [f"{count(len(columns), 'confound')} ({', '.join(columns)})"] if columns else []
    if parts:
        together = " and ".join(parts)
        said.append(f"One regression took out {together}, with nilearn [@abraham2014].")
    return said or ["Nothing was regressed out of the images."]


def _quality(numbers: Sequence[Mapping[str, Any]]) -> str:
    """Return how good the images were before that."""
    snr = _of(numbers, "snr")
    return f"The median temporal signal-to-noise ratio in MNI, before that, was {spread(snr)}."
