import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.errors import GridError, SettingsError, TrainingError, WeightsError
from neurotranscoder.io.weights import load_tensors
from neurotranscoder.train.loop import train_network
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import build_network
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.windows import WindowSettings
from small_network import SETTINGS, linear_start
from synthetic_runs import N_CHANNELS, block_map, run_of, synthetic_runs

RUNS = synthetic_runs(3)
LONG_RUNS = synthetic_runs(4, n_frames=800)


def train(settings=SETTINGS, *, linear=None, runs=RUNS, training=None, **options):
    """Train on all runs but the last."""
    model = build_network(N_CHANNELS, block_map().mask, settings, linear=linear)
    known = runs[:-1] if training is None else training
    scaling = Scaling.fit(runs[:-1])
    return train_network(model, known, runs[-1:], settings, scaling=scaling, **options)


def state_of(result):
    return {name: value.numpy().tobytes() for name, value in result.model.state_dict().items()}


def stop_at(step):
    def progress(done, _steps, _loss):
        if done == step:
            raise KeyboardInterrupt

    return progress


def test_training_lowers_the_losses_on_a_held_out_run():
    settings = SETTINGS.model_copy(
        update={"steps": 160, "validate_every": 80, "blocks_per_step": None}
    )
    result = train(settings, runs=LONG_RUNS)
    first, last = result.curve[0].validation, result.curve[-1].validation
    # silence scores 1 each; EEG from BOLD is a deconvolution and needs more steps than these
    assert last.bold_from_eeg < 0.85
    assert max(last.bold_from_bold, last.eeg_from_eeg) < 0.5
    assert last.total < 0.7 * first.total
    assert result.best_step == 160


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    other = SETTINGS.model_copy(update={"seed": 1})
    assert state_of(train()) == state_of(train())
    assert state_of(train()) != state_of(train(other))


@pytest.mark.parametrize("step", [1, 3, 4, 8, 11])
def test_training_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, step):
    whole = train(folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(folder=tmp_path / "stopped", progress=stop_at(step))
    resumed = train(folder=tmp_path / "stopped")
    assert state_of(resumed) == state_of(whole)
    assert resumed.curve == whole.curve
    files = [sorted(p.name for p in (tmp_path / f).iterdir()) for f in ("whole", "stopped")]
    assert files[0] == files[1]  # names hold the SHA-256 of weights and Adam's state
    one, other = (load_tensors(tmp_path / f, "training") for f in ("whole", "stopped"))
    assert one[1] == other[1]


def test_finished_training_is_not_done_again(tmp_path):
    whole = train(folder=tmp_path)
    again = train(folder=tmp_path, progress=stop_at(SETTINGS.steps))
    assert state_of(again) == state_of(whole)


@pytest.mark.parametrize("change", [{"learning_rate": 2e-2}, {"seed": 1}])
def test_checkpoint_of_other_settings_is_refused(tmp_path, change):
    train(folder=tmp_path)
    with pytest.raises(WeightsError, match="choose another folder"):
        train(SETTINGS.model_copy(update=change), folder=tmp_path)


def test_checkpoint_of_other_runs_is_refused(tmp_path):
    train(folder=tmp_path)
    with pytest.raises(WeightsError, match="other settings, runs"):
        train(training=RUNS[1:2], folder=tmp_path)


def test_best_weights_are_those_of_the_best_validation():
    result = train(SETTINGS.model_copy(update={"steps": 40}))
    best = min(result.curve, key=lambda row: row.validation.bold_from_eeg)
    assert result.best_step == best.step
    assert result.steps_done == 40


def test_linear_start_wins_when_the_network_only_does_harm():
    settings = SETTINGS.model_copy(update={"architecture": "gated", "learning_rate": 3.0})
    linear = linear_start()
    result = train(settings, linear=linear)
    assert result.best_step == 0
    assert [gate.value for gate in result.gates] == [0.0] * 4


def test_gates_open_and_the_linear_part_stays(tmp_path):
    settings = SETTINGS.model_copy(
        update={"architecture": "gated", "steps": 120, "validate_every": 120}
    )
    linear = linear_start(gain=0.01)
    result = train(settings, linear=linear, runs=LONG_RUNS, folder=tmp_path)
    assert result.curve[-1].validation.total < 0.8 * result.curve[0].validation.total
    tensors, _ = load_tensors(tmp_path, "training")
    gates = [
        value
        for name, value in tensors.items()
        if name.startswith("model.") and name.endswith(".gate")
    ]
    assert len(gates) == 4
    assert np.abs(gates).min() > 1e-3
    kept = tensors["model.source_to_bold.linear.hrf"]
    assert_array_equal(kept, linear.source_to_bold.hrf.detach().numpy().astype(np.float32))


def test_linear_part_is_trained_when_asked(tmp_path):
    settings = SETTINGS.model_copy(update={"architecture": "gated", "train_linear": True})
    linear = linear_start()
    train(settings, linear=linear, folder=tmp_path)
    tensors, _ = load_tensors(tmp_path, "training")
    moved = tensors["model.source_to_bold.linear.hrf"] - linear.source_to_bold.hrf.detach().numpy()
    assert np.abs(moved).min() > 0


def test_patience_ends_training():
    settings = SETTINGS.model_copy(
        update={"architecture": "gated", "learning_rate": 3.0, "patience": 2}
    )
    assert train(settings, linear=linear_start()).steps_done == 8


def broken_run(*frames):
    """Frames with volts instead of microvolts, up and down: the mean of the run stays."""
    run = RUNS[0]
    eeg = run.eeg.copy()
    for frame in frames:
        eeg[0, frame : frame + 2] = 10.0, -10.0
    return run_of(eeg, run.bold, run.blocks, number=7)


def test_window_that_makes_the_loss_explode_is_skipped_and_named(tmp_path):
    settings = SETTINGS.model_copy(
        update={"steps": 20, "windows": WindowSettings(seconds=16, overlap=0, context=4)}
    )
    training = [broken_run(20), RUNS[1]]
    result = train(settings, training=training, folder=tmp_path)
    assert result.rollbacks == 1
    assert result.skipped == ("sub-01_task-rest_run-7 at frame 10",)
    assert result.steps_done == 20
    assert all(np.isfinite(v).all() for v in load_tensors(tmp_path, "training")[0].values())


def test_resumed_training_skips_the_same_window(tmp_path):
    settings = SETTINGS.model_copy(
        update={"steps": 20, "windows": WindowSettings(seconds=16, overlap=0, context=4)}
    )
    training = [broken_run(20), RUNS[1]]
    whole = train(settings, training=training)
    with pytest.raises(KeyboardInterrupt):
        train(settings, training=training, folder=tmp_path, progress=stop_at(8))
    resumed = train(settings, training=training, folder=tmp_path)
    assert state_of(resumed) == state_of(whole)
    assert resumed.skipped == whole.skipped


def test_run_that_keeps_diverging_is_named():
    training = [broken_run(*range(0, 200, 10))]
    with pytest.raises(TrainingError, match=r"run-7: training diverged .* after 3 rollbacks"):
        train(training=training)


def test_sum_of_errors_trains_as_well():
    weights = LossWeights(reduction="sum", bold_from_bold=0.5)
    settings = SETTINGS.model_copy(update={"losses": weights, "learning_rate": 1e-3})
    result = train(settings)
    assert result.rollbacks == 0
    assert result.steps_done == SETTINGS.steps


def test_training_without_validation_runs_is_refused():
    model = build_network(N_CHANNELS, block_map().mask, SETTINGS)
    with pytest.raises(GridError, match="at least one of each"):
        train_network(model, RUNS, [], SETTINGS, scaling=Scaling.fit(RUNS))


def test_gated_without_linear_coders_is_refused():
    settings = SETTINGS.model_copy(update={"architecture": "gated"})
    with pytest.raises(SettingsError, match="fit the closed form first"):
        train(settings)


def test_nothing_to_train_is_refused():
    linear = linear_start().requires_grad_(False)
    with pytest.raises(SettingsError, match="no free parameters"):
        train_network(linear, RUNS[:2], RUNS[2:], SETTINGS, scaling=Scaling.fit(RUNS))
