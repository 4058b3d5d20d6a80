"""Whole studies of the scenarios 'oddball' and 'faces'."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.io.events import read_events
from neurotranscoder.io.store import read_table
from neurotranscoder.physics.head import Head, HeadSettings
from neurotranscoder.physics.tissue import tissue_on_grid
from neurotranscoder.simulate.activations import region_names
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.design import is_stimulus, is_target
from neurotranscoder.simulate.named_regions import named_labels
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.truth import load_truth

SIZE = {"preset": "tiny", "n_subjects": 1, "runs_per_subject": 2}
DURATION = {"oddball": 42.0, "faces": 40.0}


@pytest.fixture(scope="module", params=DURATION)
def study(request, tmp_path_factory):
    """A scenario and its short study on disk."""
    root = tmp_path_factory.mktemp(request.param) / "study"
    scenario = named_scenario(request.param, duration=DURATION[request.param], **SIZE)
    simulate_study(scenario, root)
    return scenario, root


@pytest.mark.parametrize(
    ("name", "task", "tr", "n_volumes", "n_trials"),
    [("oddball", "oddball", 2.1, 140, 105), ("faces", "faces", 2.0, 280, 180)],
)
def test_scenarios_have_the_timing_of_the_paper(name, task, tr, n_volumes, n_trials):
    scenario = named_scenario(name, preset="paper")
    assert (scenario.tr, scenario.volumes.n_volumes) == (tr, n_volumes)
    assert scenario.task.name == task
    assert scenario.run_id(0, 2).label == f"sub-01_task-{task}_run-03"
    for seed in range(20):
        events = scenario.task.draw(scenario.duration, np.random.default_rng(seed))
        assert len(events.onset) == n_trials


def test_task_names_files_and_is_described(study):
    scenario, root = study
    task = scenario.task
    for kind, suffix in (("func", "bold.json"), ("eeg", "eeg.json")):
        path = root / "sub-01" / kind / f"sub-01_task-{task.name}_run-02_{suffix}"
        sidecar = json.loads(path.read_text())
        assert (sidecar["TaskName"], sidecar["TaskDescription"]) == (task.name, task.description)
    assert f"'{task.name}'" in (root / "README").read_text()
    table = read_table(root / "sub-01" / "func" / f"sub-01_task-{task.name}_run-01_events.tsv")
    assert set(table["trial_type"]) <= set(task.labels)


def test_truth_lists_named_regions_and_what_activates_them(study):
    scenario, root = study
    folder = root / "derivatives" / "truth"
    regions, table = (read_table(folder / f"{n}.tsv") for n in ("regions", "activations"))
    names = region_names(scenario.regions.activations)
    assert tuple(regions["name"][-len(names) :]) == names
    assert regions["latency"][-1] == regions["follows_response"][-1] == "n/a"
    row = 0
    for activation in scenario.regions.activations:
        for condition, gain in activation.gains.items():
            assert regions["name"][int(table["index"][row]) - 1] == activation.region
            found = {key: table[key][row] for key in ("region", "condition", "after")}
            assert found == {
                "region": activation.region,
                "condition": condition,
                "after": activation.after,
            }
            for key in ("latency", "duration", "jitter", "participation", "n_impulses"):
                assert float(table[key][row]) == getattr(activation, key)
            assert float(table["gain"][row]) == gain
            row += 1
    assert row == len(table["index"])


def test_truth_on_disk_equals_the_run_in_memory(study, tiny_head):
    scenario, root = study
    truth = load_truth(root)
    run = simulate_run(scenario, tiny_head, 0, 1)
    stored = truth.sources(run.recording.run)
    for name in ("region", "time", "amplitude", "waves"):
        assert_array_equal(getattr(stored, name), getattr(run.sources, name))
    assert truth.regions.names[-1] == scenario.regions.activations[-1].region


@pytest.mark.parametrize("sense", ["auditory", "visual"])
@pytest.mark.parametrize("subject", ["sub-01", "sub-09"])
def test_real_events_drive_the_oddball(real_data, tmp_path, subject, sense):
    paths = sorted((real_data / "oddball_events" / subject).rglob(f"*{sense}*_events.tsv"))[:2]
    tables = [read_events(path) for path in paths]
    scenario = named_scenario("oddball", duration=105.0, **SIZE)
    simulate_study(scenario, tmp_path, events=tables)
    truth = load_truth(tmp_path)
    names = truth.regions.names
    for run in truth.runs:
        events = read_events(tmp_path / run.folder / "func" / f"{run.label}_events.tsv")
        target = is_stimulus(events) & is_target(events)
        sources = truth.sources(run)
        press = (events.onset + events.response_time)[target]
        motor = sources.time[sources.region == names.index("primary_motor_left")]
        assert 0.5 * len(press) < len(motor) <= len(press)
        assert np.abs(motor[:, np.newaxis] - press).min(axis=1).max() < 0.15  # five sd of jitter
        visual = sources.time[sources.region == names.index("occipital")]
        delay = visual[:, np.newaxis] - events.onset[target]
        assert np.abs(delay - 0.35).min(axis=1).max() < 0.15
        auditory = sources.region == names.index("auditory")
        events_heard = auditory.sum() / 8  # impulses of a burst
        assert 0.75 * np.sum(is_stimulus(events)) < events_heard <= np.sum(is_stimulus(events))
        assert sources.amplitude[auditory].min() > 0
        assert sources.amplitude[sources.region == names.index("angular")].max() < 0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        # section 4.1: 64 x 64 x 27 voxels of 3 x 3 x (3 + 1) mm, and 3 mm isotropic
        ("faces", HeadSettings(shape=(64, 64, 27), voxel_sizes=(3, 3, 4), centre=(0, -17, 14))),
        ("oddball", HeadSettings(shape=(64, 78, 48), voxel_sizes=(3, 3, 3), centre=(0, -17, 8))),
    ],
)
def test_grids_of_the_paper_hold_all_regions(name, settings):
    tissue = tissue_on_grid(settings.grid)
    brain = tissue.grey + tissue.white > 0.5
    n_voxels = int(brain.sum())
    up = np.tile([0.0, 0.0, 1.0], (n_voxels, 1))
    head = Head(
        settings.grid, brain, np.zeros((1, n_voxels)), up, Montage(("Cz",)),
        tissue.grey[brain], tissue.white[brain],
    )  # fmt: skip
    names = region_names(named_scenario(name).regions.activations)
    labels = named_labels(names, head)
    volumes = np.bincount(labels[labels >= 0]) * np.prod(settings.voxel_sizes) / 1000
    assert len(volumes) == len(names)
    assert volumes.min() > 0.8  # ml
