"""Read-outs as files: tables, images to mask by, and a manifest that comes last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.conventions import convention_facts
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.analyse.transcoder import Readouts
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.io.nifti import image_of, write_nifti
from neurotranscoder.io.store import write_table

Column = list[object]


def write_readouts(folder: Path, readouts: Readouts) -> None:
    """Write read-outs into a folder; equal read-outs give equal bytes.

    Parameters
    ----------
    folder : Path
        Where ``regions.tsv``, ``responses.tsv``, ``leadfield.tsv``, ``inverse.tsv``,
        ``agreement.tsv``, ``conventions.tsv`` and the images go. A manifest is the caller's.
    readouts : Readouts
        What to write.
    """
    for name, columns in tables_of(readouts).items():
        write_table(folder / f"{name}.tsv", columns)
    blocks = readouts.regions.blocks
    for name, values, outside in _images_of(readouts):
        image = _image(values, outside, blocks)
        if name.endswith("_dseg"):
            _as_whole_numbers(image)
        write_nifti(folder / f"{name}.nii.gz", image)


def tables_of(readouts: Readouts) -> dict[str, dict[str, Column]]:
    """Return every table by name, each a mapping from its columns to their values."""
    regions, responses = readouts.regions, readouts.responses
    names = list(regions.names)
    channels = list(readouts.trained.montage.names)
    lags = responses.times.tolist()
    spatial = readouts.spatial
    return {
        "regions": _regions(readouts),
        "responses": _long(names, ("region", "lag"), lags, responses.values),
        "leadfield": _long(names, ("region", "channel"), channels, spatial.leadfield),
        "inverse": _long(names, ("region", "channel"), channels, spatial.inverse),
        "agreement": _agreement(readouts),
        "conventions": _conventions(readouts),
    }


def _regions(readouts: Readouts) -> dict[str, Column]:
    """Return one row for each region: where it is, its response, and whether it is seen."""
    regions, responses, spatial = readouts.regions, readouts.responses, readouts.spatial
    agreement, seen = readouts.agreement.r, readouts.identifiability.seen
    x, y, z = regions.centres.T
    weights = regions.maps**2
    columns: dict[str, ndarray] = {
        "x": x,
        "y": y,
        "z": z,
        "n_blocks": regions.sizes,
        "peak": responses.peak.value,
        "peak_low": responses.peak.low,
        "peak_high": responses.peak.high,
        "fwhm": responses.fwhm.value,
        "fwhm_low": responses.fwhm.low,
        "fwhm_high": responses.fwhm.high,
        "undershoot": responses.undershoot.value,
        "undershoot_low": responses.undershoot.low,
        "undershoot_high": responses.undershoot.high,
        "undershoot_time": responses.undershoot_time.value,
        "undershoot_time_low": responses.undershoot_time.low,
        "undershoot_time_high": responses.undershoot_time.high,
        "bold_explained": responses.explained,
        "eeg_explained": spatial.eeg_explained,
        "agreement": agreement.value,
        "agreement_low": agreement.low,
        "agreement_high": agreement.high,
        "seen_by_both": weights.T @ (seen == 2),
        "seen_by_bold": weights.T @ (seen >= 1),
        "leadfield_refit_r": spatial.leadfield_refit_r,
        "inverse_refit_r": spatial.inverse_refit_r,
    }
    out: dict[str, Column] = {"region": list(regions.names)}
    return out | {name: list(values.tolist()) for name, values in columns.items()}


def _long(
    names: list[str], heads: tuple[str, str], along: Sequence[object], values: Banded
) -> dict[str, Column]:
    """Return one row for each region and each place along the second axis of values."""
    first: Column = [name for name in names for _ in along]
    out: dict[str, Column] = {heads[0]: first, heads[1]: list(along) * len(names)}
    for name in ("value", "low", "high"):
        out[name] = list(np.ravel(getattr(values, name)).tolist())
    return out


def _agreement(readouts: Readouts) -> dict[str, Column]:
    """Return one row for each region and band; the whole band first, from 0 to half the rate."""
    found = readouts.agreement
    bands = ((0.0, readouts.trained.rate / 2), *found.bands)
    r = [
        np.concatenate([getattr(found.r, part)[np.newaxis], getattr(found.in_bands, part)])
        for part in ("value", "low", "high")
    ]
    names = list(readouts.regions.names)
    out: dict[str, Column] = {
        "region": [name for _ in bands for name in names],
        "band_low": [low for low, _ in bands for _ in names],
        "band_high": [high for _, high in bands for _ in names],
    }
    columns = zip(("r", "ci_low", "ci_high"), r, strict=True)
    return out | {name: list(np.ravel(values).tolist()) for name, values in columns}


def _conventions(readouts: Readouts) -> dict[str, Column]:
    """Return one row for each fact about what the data cannot tell."""
    facts = convention_facts(readouts.trained, readouts.agreement)
    names = ("quantity", "fixed_by", "measure", "value", "low", "high", "unit")
    return {name: [getattr(fact, name) for fact in facts] for name in names}


def _images_of(readouts: Readouts) -> Iterator[tuple[str, Float[ndarray, "blocks ..."], float]]:
    """Yield name and values of each image, and what stands outside the blocks."""
    tests = readouts.identifiability
    yield "regions_dseg", readouts.regions.labels.astype(float), 0.0
    yield "seen_dseg", tests.seen.astype(float), 0.0
    yield "inverse", readouts.spatial.block_inverse, 0.0
    for name in ("bold_from_eeg", "sources", "shared_bold"):
        test = getattr(tests, name)
        yield f"{name}_r", np.nan_to_num(test.r), 0.0
        yield f"{name}_q", test.q, 1.0


def _image(
    values: Float[ndarray, "blocks ..."], outside: float, blocks: BlockMap
) -> nib.Nifti1Image:
    """Return values of blocks as an image on the source grid."""
    full = np.full((*blocks.mask.shape, *values.shape[1:]), outside, dtype=np.float32)
    full[blocks.mask] = values
    return image_of(full, blocks.grid)


def _as_whole_numbers(image: nib.Nifti1Image) -> None:
    """Have an image written as whole numbers, as they are."""
    image.set_data_dtype(np.int16)  # type: ignore[no-untyped-call]
    header: Any = image.header
    header.set_slope_inter(1, 0)
