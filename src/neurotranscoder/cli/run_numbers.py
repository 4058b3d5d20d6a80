"""The numbers of the runs that were scored, kept beside the scores for the methods text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.store import read_json, write_json
from neurotranscoder.preprocess.study import Study
from neurotranscoder.report.methods.facts import RunNumbers

_FILE = "runs.json"
_DESCRIPTION = "dataset_description.json"


def write_run_numbers(
    folder: Path, study: Study, runs: Sequence[AlignedRun], *, fusion: str, simulated: bool
) -> None:
    """Write sizes, rates and clocks of runs, and what preprocessed their images.

    Parameters
    ----------
    folder : Path
        Where scores are.
    study : Study
        That the runs are of.
    runs : sequence of AlignedRun
        All that models were fitted to or scored on.
    fusion : str
        How source estimates were combined.
    simulated : bool
        Whether the truth is known.
    """
    content = {
        "fusion": fusion,
        "simulated": simulated,
        "derivative": list(_derivative(study.settings.images)),
        "runs": [asdict(_numbers(run, study)) for run in runs],
    }
    write_json(folder / _FILE, content)


def read_run_numbers(folder: Path) -> tuple[tuple[RunNumbers, ...], dict[str, Any]]:
    """Return the numbers of runs, and the rest of the file; nothing where there is none.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    path = folder / _FILE
    if not path.is_file():
        return (), {}
    content = cast(dict[str, Any], read_json(path))
    try:
        runs = [
            RunNumbers(**{**one, "voxel_mm": tuple(one["voxel_mm"])}) for one in content["runs"]
        ]
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path}: {error}; need what `evaluate` writes; run it again") from error
    return tuple(runs), content


def _numbers(run: AlignedRun, study: Study) -> RunNumbers:
    """Return the numbers of a run."""
    rate = study.files[run.run].eeg_sidecars.metadata.get("SamplingFrequency")
    measured = run.clock.source == "measured"
    x, y, z = run.blocks.voxels.voxel_sizes
    return RunNumbers(
        label=run.run.label,
        tr=run.cells.volumes.tr,
        n_volumes=run.cells.volumes.n_volumes,
        n_channels=len(run.montage.names),
        voxel_mm=(float(x), float(y), float(z)),
        clock=run.clock.source,
        sfreq=float(rate) if isinstance(rate, (int, float)) else None,
        residual_ms=1e3 * run.clock.residual_sd if measured else None,
    )


def _derivative(images: Path | None) -> tuple[str, ...]:
    """Return name and version of what preprocessed images, where they are of a derivative."""
    path = images / _DESCRIPTION if images is not None else None
    if path is None or not path.is_file():
        return ()
    known = read_json(path)
    makers = known.get("GeneratedBy")
    if known.get("DatasetType") != "derivative" or not isinstance(makers, list) or not makers:
        return ()
    return tuple(str(makers[0][name]) for name in ("Name", "Version") if name in makers[0])
