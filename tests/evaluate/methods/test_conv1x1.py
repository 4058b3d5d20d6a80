import numpy as np
import torch
from numpy.testing import assert_array_equal

from neurotranscoder.evaluate.methods.conv1x1 import Conv1x1, Conv1x1Settings, conv1x1_network
from neurotranscoder.signal.correlation import correlate_rows
from synthetic_runs import synthetic_runs

QUICK = Conv1x1Settings(lag_seconds=5.0, n_splines=6, hidden=(16,), steps=200, validate_every=20)


def test_a_frame_never_sees_another_one():
    network = conv1x1_network(3, 4, (5,), torch.Generator().manual_seed(0)).double()
    silent = torch.zeros(1, 3, 9, dtype=torch.float64)
    loud = silent.clone()
    loud[..., 4] = 2.0
    with torch.no_grad():
        moved = (network(loud) - network(silent)).abs().sum(dim=1)[0]
    assert moved.nonzero().flatten().tolist() == [4]


def test_bold_of_a_shared_source_is_learnt():
    runs = synthetic_runs(6, n_frames=400)
    method = Conv1x1(0, QUICK)
    method.fit(runs[:5], runs[5:])
    found = method.predict(runs[5]).bold_from_eeg
    assert np.median(correlate_rows(found[:, 12:], runs[5].bold[:, 12:])) > 0.9


def test_the_seed_decides_everything():
    runs = synthetic_runs(3)

    def predict(seed, state):
        torch.manual_seed(state)  # the global state has no say
        method = Conv1x1(seed, QUICK)
        method.fit(runs[:2], runs[2:])
        return method.predict(runs[2]).bold_from_eeg

    first, again, other = predict(1, 0), predict(1, 5), predict(2, 0)
    assert_array_equal(first, again)
    assert np.abs(other - first).max() > 1e-3 * np.abs(first).max()


def test_kept_weights_are_the_best_on_validation_runs():
    runs = synthetic_runs(2, noise=3.0)  # so noisy that long training is learning by heart
    errors = []
    for validate_every in (20, 400):
        settings = QUICK.model_copy(update={"steps": 400, "validate_every": validate_every})
        method = Conv1x1(0, settings)
        method.fit(runs[:1], runs[1:])
        bold = runs[1].bold - runs[1].bold.mean(axis=1, keepdims=True)
        errors.append(np.mean((bold - method.predict(runs[1]).bold_from_eeg)[:, 12:] ** 2))
    assert errors[0] < 0.95 * errors[1]
