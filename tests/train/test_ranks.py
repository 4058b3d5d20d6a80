import os
import signal

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import SettingsError, WeightsError
from neurotranscoder.io.weights import load_tensors
from neurotranscoder.train.losses import cycle_losses
from neurotranscoder.train.network import build_network
from neurotranscoder.train.ranks import Ranks, joined, launched
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.windows import ScaledRun, TrainingWindows, order, pick_blocks
from rank_group import (
    RUNS,
    SETTINGS,
    changed,
    described,
    last_message,
    results_of,
    start_group,
    train,
)
from synthetic_runs import N_CHANNELS, block_map

pytestmark = pytest.mark.usefixtures("one_thread")
GATED = changed(SETTINGS, architecture="gated", windows_per_step=2, steps=4)
BROKEN = {"settings": SETTINGS, "broken": True}


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    """What two ranks end with; rank 1 is given another folder."""
    base = tmp_path_factory.mktemp("ranks")
    trainings = [
        [BROKEN | {"folder": base / f"rank-{rank}"}, {"settings": GATED}] for rank in range(2)
    ]
    return base, results_of(start_group(trainings))


def flat(values):
    """Return all numbers of nested dicts and lists, in order."""
    if isinstance(values, dict | list):
        parts = values.values() if isinstance(values, dict) else values
        return [number for part in parts for number in flat(part)]
    return [] if values is None else [values]


@pytest.mark.parametrize("number", [0, 1], ids=["paper", "gated"])
def test_two_ranks_follow_the_losses_of_one(by_two, number):
    ranks = [found[number] for found in by_two[1]]
    alone = described(train(**BROKEN) if number == 0 else train(GATED))
    assert ranks[0] == ranks[1]
    assert ranks[0]["skipped"] == alone["skipped"]
    # double precision sums in one order: threads of a product are all that could differ
    assert_allclose(flat(ranks[0]["curve"]), flat(alone["curve"]), rtol=1e-5)
    assert_allclose(flat(ranks[0]["weights"]), flat(alone["weights"]), rtol=1e-5, atol=1e-7)


def test_a_window_that_diverges_on_one_rank_is_skipped_by_both(by_two):
    skipped = [found[0]["skipped"] for found in by_two[1]]
    assert skipped[0] == skipped[1] != []
    assert all("run-7" in window for window in skipped[0])


def test_rank_0_alone_writes_checkpoints(by_two):
    assert (by_two[0] / "rank-0" / "training.json").is_file()
    assert not (by_two[0] / "rank-1").exists()


@pytest.mark.parametrize(("sent", "patience"), [(signal.SIGKILL, 120), (signal.SIGSTOP, 5)])
def test_a_lost_rank_ends_the_group_and_training_goes_on_to_the_same_curve(
    by_two, tmp_path, sent, patience
):
    options = [BROKEN | {"folder": tmp_path}]
    group = start_group([options, options], patience=patience)
    process, reader = group[1]
    while reader.recv() != ("step", 3):
        pass
    os.kill(process.pid, sent)
    kind, message = last_message(*group[0])
    process.kill()
    process.join()
    assert kind == "error"
    assert "WorkerError: rank 0 lost the other ranks" in message
    assert load_tensors(tmp_path, "training")[1]["step"] in (2, 4)
    whole = by_two[1][0][0]
    if sent == signal.SIGKILL:
        resumed = results_of(start_group([options, options]))
        assert [found[0] for found in resumed] == [whole, whole]
    else:
        resumed = described(train(**options[0]))  # on one rank
        assert_allclose(flat(resumed["curve"]), flat(whole["curve"]), rtol=1e-5)


@pytest.mark.parametrize("change", [{"settings": changed(SETTINGS, seed=1)}, {"broken": True}])
def test_ranks_with_other_settings_or_runs_are_refused(change):
    trainings = [[{"settings": SETTINGS} | part] for part in ({}, change)]
    messages = [last_message(*member) for member in start_group(trainings)]
    for kind, message in messages:
        assert kind == "error"
        assert "WorkerError: ranks [1] were given other settings" in message


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="NCCL needs a GPU for each rank")
def test_two_gpus_follow_the_losses_of_one():
    options = [{"settings": SETTINGS}]
    ranks = results_of(start_group([options, options], device="cuda"))
    alone = described(train(SETTINGS, device="cuda"))
    assert_allclose(flat(ranks[0][0]["curve"]), flat(alone["curve"]), rtol=1e-5)


def plain_loop(settings):
    """The same steps in few words: one batch of the mean loss of its windows, Adam, no checks."""
    scaling = Scaling.fit(RUNS[:2])
    windows = TrainingWindows([ScaledRun.of(run, scaling) for run in RUNS[:2]], settings.windows)
    model = build_network(N_CHANNELS, block_map().mask, settings).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    n, core = settings.windows_per_step, windows.core
    for step in range(settings.steps):
        optimiser.zero_grad()
        total = 0.0
        for place in range(n * step, n * (step + 1)):
            training_pass, within = divmod(place, len(windows))
            window = windows[int(order(settings.seed, training_pass, len(windows))[within])]
            n_blocks = window.bold.shape[1]
            picked = torch.as_tensor(pick_blocks(settings.seed, place, n_blocks, 20))
            outputs = model(window.eeg, window.bold, core=core, picked=picked)
            eeg, bold = window.eeg[..., core], window.bold[..., core][:, picked]
            losses = cycle_losses(outputs, eeg, bold, slice(None), settings.losses)
            total = total + losses.total / n
        total.backward()
        optimiser.step()
    return model, optimiser


def test_one_window_a_step_gives_the_bytes_of_a_plain_loop(tmp_path):
    settings = changed(SETTINGS, windows_per_step=1, steps=5)
    expected = plain_loop(settings)[0].state_dict()
    train(settings, folder=tmp_path)
    tensors, _ = load_tensors(tmp_path, "training")
    found = {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].tobytes() == value.numpy().tobytes(), name


def test_a_step_follows_the_mean_loss_of_its_windows(tmp_path):
    settings = changed(SETTINGS, steps=1)
    model, optimiser = plain_loop(settings)
    train(settings, folder=tmp_path)
    found, _ = load_tensors(tmp_path, "training")
    for name, parameter in model.named_parameters():
        # a tenth of the gradient; Adam's steps would hide its scale
        expected = optimiser.state[parameter]["exp_avg"].numpy()
        scale = max(np.abs(expected).max(), 1e-4)  # biases before a normalisation have none
        assert_allclose(found[f"adam.{name}.exp_avg"], expected, rtol=1e-4, atol=1e-4 * scale)
    statistics = [name for name in model.state_dict() if ".norm." in name and "running" in name]
    assert len(statistics) == 2 * 20  # five layers in each of four coders
    for name in statistics:
        value = model.state_dict()[name]
        assert_allclose(found[f"model.{name}"], value.numpy(), rtol=1e-6)


def test_two_steps_of_three_windows_see_what_six_of_one_see():
    one, three = changed(SETTINGS, windows_per_step=1, steps=6), changed(SETTINGS, steps=2)
    last = []
    for settings in (one, three):
        still = changed(settings, learning_rate=1e-12, validate_every=settings.steps)
        row = described(train(still))["curve"][-1]
        last.append(flat([row["training"], row["validation"]]))
    # validation uses the running statistics of all six windows, in their order
    assert_allclose(last[1], last[0], rtol=1e-5)


def test_checkpoint_of_other_steps_is_refused(tmp_path):
    train(changed(SETTINGS, steps=2), folder=tmp_path)
    with pytest.raises(WeightsError, match="other settings"):
        train(changed(SETTINGS, steps=2, windows_per_step=2), folder=tmp_path)


def test_more_ranks_than_windows_are_refused(monkeypatch):
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")
    assert launched() == (1, 4)
    message = r"train.paper.windows_per_step is 3 and 4 ranks .* set it to 4 or a multiple"
    with pytest.raises(SettingsError, match=message), joined(torch.device("cpu"), SETTINGS):
        pass
    with pytest.raises(SettingsError, match=message):
        Ranks(1, 4).check(SETTINGS)


@pytest.mark.parametrize("rank", [None, "two", "2"])
def test_several_processes_that_cannot_meet_are_refused(monkeypatch, rank):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
        if rank is not None:
            monkeypatch.setenv(name, rank)
    with pytest.raises(SettingsError, match="start with torchrun"):
        launched()
