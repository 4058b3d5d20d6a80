"""The runs of worlds as files, for methods that are written elsewhere; never any truth."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Map
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, WorldPlan, keep_split
from neurotranscoder.evaluate.benchmark.tables import KIND
from neurotranscoder.evaluate.benchmark.world import open_world
from neurotranscoder.io.events import write_events
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.store import write_bytes, write_json, write_text

_DONE = "world.json"


def export_worlds(
    plan: BenchmarkPlan,
    out: Path,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    map: Map = map,
) -> None:
    """Write the runs of all worlds at the group resolution, without their truth.

    EEG and BOLD of test runs are in files of their own, so that a method can be shown one
    without the other. Nobody can check that it was.

    Parameters
    ----------
    plan : BenchmarkPlan
        Which worlds.
    out : Path
        Folder of the benchmark that will score predictions; it keeps the split.
    folder : Path
        New or empty folder, or one with this very export.
    progress : callable, optional
        Called with the number of worlds that are done and of all worlds.
    map : callable
        Like the built-in; may spread worlds over processes.

    Raises
    ------
    StoreError
        When a folder holds something else, or another process has it open.
    """
    worlds = plan.worlds()
    with open_output_folder(out, kind=KIND, identity=KIND):
        for world in worlds:
            keep_split(world.folder(out), world.split)
    digest = hashlib.sha256(plan.align.digest().encode())
    for world in worlds:
        digest.update(world.scenario.digest().encode())
    identity = digest.hexdigest()
    facts = {"worlds": [world.name for world in worlds], **plan.align.by_name("align.")}
    with open_output_folder(folder, kind="benchmark-export", identity=identity, facts=facts):
        write_text(folder / "README.txt", _README)
        work = functools.partial(_export_one, plan, folder)
        for done, _ in enumerate(map(work, worlds), start=1):
            if progress is not None:
                progress(done, len(worlds))


def _export_one(plan: BenchmarkPlan, root: Path, world: WorldPlan) -> None:
    """Write the runs of one world; ``world.json`` comes last."""
    folder = root / world.name
    if (folder / _DONE).is_file():
        return
    with open_world(world, plan.align, folder) as opened:
        for part in ("training", "validation"):
            for run in getattr(opened, part):
                arrays = _eeg_of(run) | _bold_of(run)
                _write(folder / part, run, arrays, "")
        for held_out in opened.test:
            run = held_out.aligned
            _write(folder / "test", run, _eeg_of(run), "_eeg")
            _write(folder / "test", run, _bold_of(run), "_bold")
        _write_world(folder, world, opened.training[0])


def _write(folder: Path, run: AlignedRun, arrays: dict[str, ndarray], suffix: str) -> None:
    """Write arrays and events of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    content = safetensors.numpy.save(whole)
    write_bytes(folder / f"{run.run.label}{suffix}.safetensors", content)
    write_events(folder / f"{run.run.label}_events.tsv", run.events)


def _eeg_of(run: AlignedRun) -> dict[str, ndarray]:
    """Return what EEG tells."""
    return {"eeg": run.eeg} | ({} if run.power is None else {"power": run.power})


def _bold_of(run: AlignedRun) -> dict[str, ndarray]:
    """Return what BOLD tells, at the frames and as it was acquired."""
    cells = run.cells
    return {
        "bold": run.bold,
        "acquired": cells.data,
        "acquired_block": cells.block,
        "acquired_slice": cells.slice,
        "acquired_voxels": cells.n_voxels,
    }


def _write_world(folder: Path, world: WorldPlan, run: AlignedRun) -> None:
    """Write what all runs of a world share."""
    volumes = run.cells.volumes
    positions = run.montage.positions
    write_json(
        folder / _DONE,
        {
            "split": asdict(world.split),
            "channels": run.montage.names,
            "electrodes_mm": None if positions is None else positions.tolist(),
            "frame_rate_hz": run.axis.sfreq,
            "first_frame_s": run.axis.start,
            "tr_s": volumes.tr,
            "slice_times_s": volumes.slice_times.tolist(),
            "block_centres_mm": run.blocks.centres.tolist(),
        },
    )


_README = """\
Runs of simulated worlds at the group resolution, for methods that are written elsewhere. There
is no truth in here.

<scenario>/seed-<k>/world.json     channels, places, times, and which runs are for what
.../training/<run>.safetensors     eeg (channels, frames) in V, power (bands, channels, frames) in
                                   V^2, bold (blocks, frames), acquired (cells, volumes): BOLD as
                                   acquired, with block, slice and number of voxels of each cell
.../validation/<run>.safetensors   the same, for choices such as regularisation
.../test/<run>_eeg.safetensors     eeg and power of a run that is scored
.../test/<run>_bold.safetensors    its bold and acquired
.../<part>/<run>_events.tsv        what happened

Fit on training, choose on validation. For every test run write <run>.safetensors or <run>.npz
with some of these arrays, blocks (or channels) by frames, to MINE/<scenario>/seed-<k>:
  from test/<run>_eeg alone      bold_from_eeg, eeg_from_eeg, source_from_eeg
  from test/<run>_bold alone     eeg_from_bold, bold_from_bold, source_from_bold
  from both                      source_fused
and have them scored:
  neurotranscoder benchmark OUT ... --predictions my_method=MINE
The target of bold_from_eeg is in test/<run>_bold, and so on: files show what was predicted, not
what was looked at. A method given by --method is shown zeros in place of what it predicts.
"""
