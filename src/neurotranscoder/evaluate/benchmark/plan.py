"""Which worlds a benchmark has, and which of their runs train, validate and test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.io.store import read_json, write_json
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.signal.frames import LEAST_INSIDE
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

_TRAIN_AND_TEST = {"paper": (300, 19)}  # section 4.4.1
_OTHERS = (30, 5)
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """One scenario with one geometry seed, and how its runs are shared out.

    Parameters
    ----------
    scenario : Scenario
        Everything that is simulated; ``scenario.seed`` is the geometry seed.
    split : Split
        Labels of its runs, decided before any of them is simulated.
    """

    scenario: Scenario
    split: Split

    def __post_init__(self) -> None:
        if self.scenario.native is not None:
            raise SettingsError(
                f"scenario {self.scenario.name!r} has images in each subject's own space "
                "('native'); a benchmark reads images in MNI, as they are simulated; leave "
                "'native' out, or use `simulate` and `run`"
            )
        edge, tr = Scorer("").edge, self.scenario.tr
        needed = tr * (sum(ceil(one / tr) for one in edge) + LEAST_INSIDE)
        if self.scenario.duration < needed - tr / 2:
            raise SettingsError(
                f"scenario {self.scenario.name!r}: runs last {self.scenario.duration:g} s; scores "
                f"leave out their first {edge[0]:g} s and their last {edge[1]:g} s; need runs of "
                f"{needed:g} s or more; set --duration"
            )

    @property
    def seed(self) -> int:
        """The geometry seed."""
        return self.scenario.seed

    @property
    def name(self) -> str:
        """Scenario and seed, as the folder of its results."""
        return f"{self.scenario.name}/seed-{self.seed}"

    def folder(self, out: Path) -> Path:
        """Return where its results are, below the folder of a benchmark."""
        return out / "worlds" / self.scenario.name / f"seed-{self.seed}"


class BenchmarkPlan(Settings):
    """What a benchmark runs on."""

    scenarios: tuple[str, ...] = Field(min_length=1)
    """Names of scenarios, or TOML files of one's own."""
    preset: str = "small"
    """How many voxels there are."""
    geometry_seeds: tuple[NonNegativeInt, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    """Each draws places, sizes, kinds and coupling of the regions, on the same head. 0-4 are those
    of the published table; whatever is tuned is tuned on seeds from 100."""
    train_runs: PositiveInt | None = None
    """Runs to fit and to choose on: 30, with the preset 'paper' 300."""
    validation_runs: PositiveInt | None = None
    """How many of them are for choices alone: a tenth, at least 2."""
    test_runs: PositiveInt | None = None
    """Runs that are scored: 5, with the preset 'paper' 19."""
    duration: PositiveFloat = 600.0
    """Length of each run, in s; the nearest whole number of TRs is taken."""
    align: AlignSettings = AlignSettings()
    """The group resolution."""
    train: TrainSettings = TrainSettings()
    """How transcoders are trained."""
    fusion: Fusion = "joint"
    """How transcoders fuse their two source estimates."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Training runs without those for choices, runs for choices, and test runs."""
        train, test = _TRAIN_AND_TEST.get(self.preset, _OTHERS)
        train, test = self.train_runs or train, self.test_runs or test
        validation = self.validation_runs or max(2, round(train / 10))
        if train <= validation:
            raise SettingsError(
                f"{train} training runs, {validation} of them for choices, leave none to fit on; "
                f"set --train-runs to {validation + 1} or more"
            )
        return train - validation, validation, test

    def worlds(self) -> tuple[WorldPlan, ...]:
        """Return all worlds, scenario by scenario.

        Raises
        ------
        SettingsError
            When a scenario is unknown or impossible, or two have one name.
        """
        worlds = [
            self._world(name, seed)
            for name in dict.fromkeys(self.scenarios)
            for seed in dict.fromkeys(self.geometry_seeds)
        ]
        names = [world.name for world in worlds]
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(
                f"two scenarios are called {double[0].partition('/')[0]!r}; results are kept by "
                "name: give each file of your own another `name`"
            )
        for world in worlds:
            if not _FOLDER.fullmatch(world.scenario.name):
                raise SettingsError(
                    f"a scenario is called {world.scenario.name!r}; results are kept by name: "
                    "need letters, digits, '.', '_' and '-' only"
                )
        return tuple(worlds)

    def _world(self, name: str, seed: int) -> WorldPlan:
        """Return one world; subjects differ where the scenario says so, else there is one."""
        base = named_scenario(name, preset=self.preset)
        n_subjects = base.n_subjects if base.subjects is not None else 1
        training, validation, test = self.counts
        runs = shared_out(n_subjects, training + validation, test)
        scenario = named_scenario(
            name,
            preset=self.preset,
            seed=seed,
            duration=round(self.duration / base.tr) * base.tr,
            n_subjects=n_subjects,
            runs_per_subject=1 + max(number for _, number in runs),
        )
        labels = tuple(scenario.run_id(*which).label for which in runs)
        bounds = (training, training + validation)
        parts = labels[: bounds[0]], labels[bounds[0] : bounds[1]], labels[bounds[1] :]
        return WorldPlan(scenario, Split(*parts))


def make_plan(values: Mapping[str, Any]) -> BenchmarkPlan:
    """Return a plan from the values of its fields.

    Raises
    ------
    SettingsError
        When a value is impossible.
    """
    try:
        return BenchmarkPlan.model_validate(dict(values))
    except ValidationError as error:
        lines = [": ".join([*map(str, e["loc"]), e["msg"]]) for e in error.errors()]
        raise SettingsError("benchmark: " + "; ".join(lines)) from None


def shared_out(n_subjects: int, n_train: int, n_test: int) -> list[tuple[int, int]]:
    """Return subject and run (from 0) of each run, those for training first.

    Subjects take turns, so that each has as many runs of a part as any other, or one less. The
    test runs of a subject come after its others.
    """
    train = [(k % n_subjects, k // n_subjects) for k in range(n_train)]
    own = [sum(subject == one for subject, _ in train) for one in range(n_subjects)]
    turns = [(k % n_subjects, k // n_subjects) for k in range(n_test)]
    return train + [(subject, own[subject] + turn) for subject, turn in turns]


def keep_split(folder: Path, split: Split) -> None:
    """Write the split of a world, or refuse another one than was written.

    Raises
    ------
    SettingsError
        When results in this folder are of another split: what trained there would be tested here.
    """
    path = folder / "split.json"
    parts = {part: list(labels) for part, labels in asdict(split).items()}
    if not path.is_file():
        write_json(path, parts)
        return
    kept = read_json(path)
    if kept != parts:
        counts = [
            "/".join(str(len(_labels(found.get(part)))) for part in parts)
            for found in (kept, dict[str, object](parts))
        ]
        raise SettingsError(
            f"{path}: holds a split of {counts[0]} training, validation and test runs; this "
            f"benchmark has {counts[1]}, or others; a run that trains here and tests there "
            "proves nothing: ask for the same runs, or choose another output folder"
        )


def _labels(found: object) -> list[object]:
    """Return the labels of a part of a split that was read."""
    return found if isinstance(found, list) else []
