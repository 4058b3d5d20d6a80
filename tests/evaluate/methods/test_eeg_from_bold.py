import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.eeg_from_bold import EegRegressionSettings, RidgeEeg
from neurotranscoder.evaluate.methods.protocol import without_eeg
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.signal.fir import apply_fir
from synthetic_runs import RATE, block_map, run_of, synthetic_runs

SETTINGS = EegRegressionSettings(span=(-8.0, 4.0), n_splines=12, n_courses=(2, 4))


def test_eeg_that_foretells_bold_is_read_from_its_future(rng):
    """EEG is a smooth filter of later BOLD: 3 s ahead, 1 s wide."""
    lags = np.arange(-20, 11) / RATE
    taps, blocks = np.exp(-0.5 * (lags + 3) ** 2), block_map()
    maps, leads = rng.standard_normal((blocks.n_blocks, 2)), rng.standard_normal((5, 2))
    runs = []
    for number in range(3):
        courses = rng.standard_normal((2, 300))
        eeg = 1e-5 * leads @ apply_fir(courses, taps, first_lag=-20)
        runs.append(run_of(eeg, 900 + maps @ courses, blocks, number=number + 1))
    method = RidgeEeg(SETTINGS)
    method.fit(runs[:2], runs[2:])
    found = method.predict(without_eeg(runs[2])).eeg_from_bold[:, 40:-40]
    # splines 1.1 s apart hold a bump of that width nearly
    assert_allclose(correlate_rows(found, runs[2].eeg[:, 40:-40]), np.ones(5), atol=0.01)
    assert_allclose(found.std(), runs[2].eeg[:, 40:-40].std(), rtol=0.05)


def test_the_number_of_components_is_that_of_the_data():
    runs = synthetic_runs(4, n_frames=400)  # of rank 2
    method = RidgeEeg(SETTINGS)
    method.fit(runs[:3], runs[3:])
    assert len(method.regression.fitted.weights) == 2 * SETTINGS.n_splines


def test_units_of_bold_and_eeg_are_those_of_the_data():
    runs = synthetic_runs(4, n_frames=400)
    method = RidgeEeg(SETTINGS)
    method.fit(runs[:3], runs[3:])
    found = method.predict(runs[3]).eeg_from_bold[:, 20:-30]
    eeg = runs[3].eeg[:, 20:-30]
    regressed = np.sum(found * (eeg - eeg.mean(axis=1, keepdims=True))) / np.sum(found**2)
    assert_allclose(regressed, 1.0, atol=0.1)  # least squares: neither too large nor too small
