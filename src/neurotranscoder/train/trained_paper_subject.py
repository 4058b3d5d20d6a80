"""A subject's coders of the paper's second stage, and their place on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.store import read_json, write_json
from neurotranscoder.io.weights import load_tensors, save_tensors
from neurotranscoder.model.residual import SpaceCoder
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.average_tiles import AverageScales
from neurotranscoder.train.curve import CurveRow
from neurotranscoder.train.paper_subject import PaperSubjectSettings, untrained

_NAME = "paper_subject"
_KIND = "subject model of the paper"


@dataclass(frozen=True, slots=True)
class CopyR:
    """Correlation of each output of the decoders with its input, over voxels and frames."""

    from_eeg: float
    from_bold: float


@dataclass(frozen=True, slots=True, eq=False)
class PaperSubject:
    """One subject's coders as in the paper, and how much they copy.

    Parameters
    ----------
    module : CyclicTranscoder
        S_E and S_B to the latent source and back; its sign is that of the inputs.
    scales : AverageScales
        Units of S_E and S_B.
    copies : CopyR
        How much the latent sources of the averages are copies of S_E and S_B.
    n_trials : tuple of (str, int)
        How many trials, or windows of rest, each average is of, and what they are.
    curve : tuple of CurveRow
        Losses on eight of the training tiles.
    steps : int
        Steps that were trained.
    settings : PaperSubjectSettings
        Of the fit.
    grid : VoxelGrid
        Voxels of the averages: those of the subject's images.
    group : str
        SHA-256 of the weights of the group model that made S_E and S_B.
    runs : tuple of str
        Labels of the runs whose averages it was trained on.
    seconds : float
        Time that the fit took; not part of the weights.
    """

    module: CyclicTranscoder
    scales: AverageScales
    copies: CopyR
    n_trials: tuple[tuple[str, int], ...]
    curve: tuple[CurveRow, ...]
    steps: int
    settings: PaperSubjectSettings
    grid: VoxelGrid
    group: str
    runs: tuple[str, ...]
    seconds: float = float("nan")

    def __repr__(self) -> str:
        counts: Counter[str] = Counter()
        for name, n in self.n_trials:
            counts[name] += n
        trials = "; ".join(f"{name}: {n}" for name, n in counts.items())
        copies = f"{self.copies.from_eeg:.2f} from EEG, {self.copies.from_bold:.2f} from BOLD"
        return f"PaperSubject({self.steps} steps on averages ({trials}); copy-r {copies})"


def save_paper_subject(folder: Path, trained: PaperSubject) -> None:
    """Write a subject's coders, the manifest last; equal ones give equal bytes.

    What it took is in ``timing.json``, which differs.
    """
    state = trained.module.state_dict()
    tensors: dict[str, ndarray] = {
        f"module.{key}": value.cpu().numpy() for key, value in state.items()
    }
    tensors["voxel_to_world"] = trained.grid.voxel_to_world
    metadata: dict[str, object] = {
        "tile": list(cast(SpaceCoder, trained.module.eeg_to_source).shape),
        "scales": asdict(trained.scales),
        "copies": asdict(trained.copies),
        "n_trials": [list(one) for one in trained.n_trials],
        "curve": [row.to_json() for row in trained.curve],
        "steps": trained.steps,
        "settings": trained.settings.model_dump(mode="json"),
        "shape": list(trained.grid.shape),
        "group": trained.group,
        "runs": list(trained.runs),
    }
    save_tensors(folder, _NAME, tensors, metadata)
    write_json(folder / "timing.json", {"seconds": trained.seconds})
    write_manifest(folder, kind=_KIND, settings_hash=trained.settings.digest())


def load_paper_subject(folder: Path) -> PaperSubject:
    """Read a subject's coders; every byte is checked.

    Raises
    ------
    StoreError, WeightsError
        When the folder is not a finished model of this kind, or is damaged.
    """
    read_manifest(folder, kind=_KIND)
    tensors, raw = load_tensors(folder, _NAME)
    metadata = cast(dict[str, Any], raw)
    settings = PaperSubjectSettings.model_validate(metadata["settings"])
    x, y, z = metadata["tile"]
    module = untrained((x, y, z), settings)
    _fill(module, tensors, folder)
    return PaperSubject(
        module=module.eval(),
        scales=AverageScales(**metadata["scales"]),
        copies=CopyR(**metadata["copies"]),
        n_trials=tuple((name, n) for name, n in metadata["n_trials"]),
        curve=tuple(CurveRow.from_json(row) for row in metadata["curve"]),
        steps=metadata["steps"],
        settings=settings,
        grid=VoxelGrid(tuple(metadata["shape"]), tensors["voxel_to_world"]),
        group=metadata["group"],
        runs=tuple(metadata["runs"]),
        seconds=float(cast(float, read_json(folder / "timing.json")["seconds"])),
    )


def _fill(module: CyclicTranscoder, tensors: Mapping[str, ndarray], folder: Path) -> None:
    """Put saved weights into coders."""
    state = {
        key.removeprefix("module."): torch.from_numpy(np.array(value))
        for key, value in tensors.items()
        if key.startswith("module.")
    }
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{folder}: weights do not fit the coders that the settings describe: {error}; train "
            "again with this version"
        ) from None
