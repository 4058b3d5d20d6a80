from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.global_signal import (
    GlobalSignalControl,
    control_specs,
    global_signal,
    without_global_signal,
)
from neurotranscoder.evaluate.methods.regression import RidgeSettings
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.settings import TrainSettings
from synthetic_runs import synthetic_runs

SHORT = RidgeSettings(lag_seconds=6.0)


@pytest.fixture(scope="module")
def runs():
    """Runs whose blocks have loadings from .5 to 1.5 on what the EEG drives, and little else."""
    made = synthetic_runs(5, n_frames=300, noise=0.02)
    loadings = np.linspace(0.5, 1.5, made[0].blocks.n_blocks)
    found = []
    for run in made:
        first = run.bold[:1] - run.bold[:1].mean()
        found.append(replace(run, bold=900 + np.outer(loadings, first)))
    return found


def test_blocks_follow_the_global_signal_by_their_loadings(runs):
    control = GlobalSignalControl(SHORT)
    control.fit(runs[:3], runs[3:4])
    bold = control.predict(runs[4]).bold_from_eeg[:, 30:]
    assert np.linalg.matrix_rank(bold) == 1
    assert_allclose(bold.std(axis=1) / bold.std(axis=1).mean(), np.linspace(0.5, 1.5, len(bold)))
    assert np.corrcoef(bold[0], runs[4].bold[0, 30:])[0, 1] > 0.9


def test_nothing_is_left_of_the_global_signal(runs):
    [run, *_] = synthetic_runs(1)
    found = without_global_signal(run)
    assert_allclose(global_signal(found), 0, atol=1e-9)
    assert_allclose(found.bold @ global_signal(run), 0, atol=1e-6)
    assert np.std(found.bold) > 0.1 * np.std(run.bold)
    assert_allclose(without_global_signal(runs[0]).bold.std(axis=1), 0, atol=1e-9)


def test_a_run_whose_bold_is_not_shown_stays_as_it_is(runs):
    silent = replace(runs[0], bold=np.zeros_like(runs[0].bold))
    assert np.array_equal(without_global_signal(silent).bold, silent.bold)


def test_closed_form_without_global_signal_predicts_none():
    settings = TrainSettings(
        closed_form=ClosedFormSettings(hrf_duration=8, decoder_span=(-8.0, 4.0)), probe_seconds=20
    )
    [spec] = [one for one in control_specs(settings) if one.name.startswith("closed_form")]
    runs = synthetic_runs(4, n_frames=300)
    method = spec.make(None, 0)
    method.fit(runs[:2], runs[2:3])
    found = method.predict(runs[3]).bold_from_eeg
    assert np.std(found.mean(axis=0)) < 0.05 * np.std(found)
