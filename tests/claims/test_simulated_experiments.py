"""The paper's experiments end to end: maps of conditions show what is there, where and when.

Each is simulated in the layout of its recording, inside a scanner, at a size for tests: one
subject, three short runs, large voxels, little noise. It goes through the commands with the study
file that is shipped. `benchmarks/experiments.py` prints the tables of
docs/experiments_simulated.md.
"""

import pytest

from experiment_example import benchmark_module
from neurotranscoder.evaluate.activation_scores import score_map
from neurotranscoder.evaluate.activation_truth import task_truth
from neurotranscoder.io.events import read_events

experiments = benchmark_module("experiments")

QUICK = (
    "train.sparse.frames=600",
    "subject.frames=600",
    "subject.rounds=2",
    "subject.smoothings=[0.1]",
    "subject.loyalties=[1.0]",
    "analyse.trials.units.trials=4",
    "analyse.figures.most=1",
)
ELECTRODES = (
    "Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "FC1", "FC2", "T7", "C3", "Cz", "C4", "T8",
    "CP5", "CP6", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2",
)  # fmt: skip
PAIRS = (
    "Fp1-F7", "F7-T7", "T7-P7", "P7-O1", "Fp2-F8", "F8-T8", "T8-P8", "P8-O2", "F3-C3", "C3-P3",
    "P3-PO3", "PO3-O1", "F4-C4", "C4-P4", "P4-PO4", "PO4-O2", "Fz-Cz", "Cz-Pz", "Pz-POz",
    "POz-Oz", "FC5-CP5", "FC6-CP6", "Fp1-Fpz", "Fpz-Fp2",
)  # fmt: skip
WORLD = {
    "preset": "tiny",
    "subjects": 1,
    "runs": 3,
    "duration": 168.0,
    "drift_ppm": 0.0,
    "eeg_rate": 1000.0,  # the artefacts repeat from volume to volume
    "eeg_noise": {"white_uv": 0.5, "brain_uv": 2.0},
    "oddball": {"soa_deciles": (2.0, 3.0), "target_share": 0.4},
}
BUTTON = ("primary_motor_left", "primary_somatosensory_left")


def mapped(name, root, *settings, **changes):
    """Simulate an experiment and run it to its maps."""
    changes = WORLD | changes
    if name == "faces":
        del changes["oddball"]
    made = experiments.make(name, root, head={"ico": 2, **changes.pop("head", {})}, **changes)
    experiments.chain(made, (*QUICK, *settings))
    return made


def scored(made, first, second=""):
    """Score the maps of the subject; return the extrema by region, and the whole."""
    truth = experiments.load_truth(made.simulated)
    shown = experiments.all_stimuli(truth)
    found = experiments.statistical_map(made, "sub-01", (first, second))
    sides = [experiments.sides(shown, name) for name in (first, second)]
    score = score_map(found, task_truth(truth.cohort, *sides, found.times))
    return {one.activation.region: one for one in reversed(score.activations)}, score


def assert_shown(scores, regions):
    """Regions are seen with the right sign, within a voxel of 12 mm, within 100 ms."""
    for region in regions:
        one = scores[region]
        assert one.uncorrected, one
        assert one.place <= 12.0, one
        assert abs(one.latency) <= 100.0, one


def events_are_those_that_were_simulated(made):
    """Whether events came through the import as they were drawn."""
    for run in experiments.load_truth(made.simulated).runs:
        (table,) = made.study.glob(f"sub-{run.subject}/func/*_run-{run.run}_events.tsv")
        true = experiments.load_truth(made.simulated).drawn(run).events
        got = read_events(table)
        assert got.onset.tolist() == true.onset.tolist()
        kinds = ["oddball" in label for label in got.trial_type]
        assert kinds == [label == "oddball" for label in true.trial_type]
    return True


# one test for each study: the chain takes half a minute
@pytest.mark.parametrize(
    ("name", "head"), [("oddball-paper", {"channels": ELECTRODES}), ("oddball", {})]
)
def test_oddballs_show_the_button_and_the_p300_and_differ_there_from_standards(
    tmp_path, name, head
):
    made = mapped(name, tmp_path, head=head)
    scores, _ = scored(made, "oddball")
    assert_shown(scores, (*BUTTON, "occipital"))
    assert scores["angular"].uncorrected  # deactivated; the sign is part of what is scored
    scores, score = scored(made, "oddball", "standard")
    assert scores.keys() == {*BUTTON, "occipital"}
    assert_shown(scores, scores)
    assert all(one.corrected for one in scores.values())
    assert score.cosine > 0.5
    assert score.leakage < 0.5
    assert events_are_those_that_were_simulated(made)
    assert (made.out / "results" / "report.html").is_file()


def test_images_of_low_evidence_show_what_sees_them_twice(tmp_path):
    only = (
        "analyse.trials.conditions=['low']",
        "analyse.trials.contrasts=[]",
        "analyse.figures.conditions=['low']",
    )
    made = mapped("faces", tmp_path, *only, head={"channels": PAIRS})
    scores, score = scored(made, "low")
    assert_shown(scores, ("LOC",))
    twice = [one for one in score.activations if one.activation.region in ("LOC", "MT")]
    assert len(twice) == 4  # at .2 and .55 s, in two regions that touch
    assert all(one.corrected and abs(one.latency) <= 100 for one in twice)
    assert scores["angular"].uncorrected  # deactivated
    assert (made.out / "results" / "report.html").is_file()
