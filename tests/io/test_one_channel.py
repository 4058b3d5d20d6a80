import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import ClockError, GridError
from neurotranscoder.io.one_channel import recording_from_arrays
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks


def recording(neural, hemodynamic, **options):
    options = {"sfreq": 50.0, "tr": 1.5, "name": "calcium", **options}
    return recording_from_arrays(neural, hemodynamic, **options)


def aligned(found, **settings):
    settings = AlignSettings(**settings)
    return align(found, common_blocks([found.bold], settings), settings)


def test_samples_one_by_one_come_back_unchanged_from_alignment(rng):
    neural, optical = rng.standard_normal((2, 400))
    run = aligned(recording(neural, optical, sfreq=6.25, tr=0.16), frames_per_tr=1)
    assert_allclose(run.eeg[0], neural)
    assert_allclose(run.bold[0], optical, atol=1e-12)


def test_a_neural_signal_that_begins_earlier_keeps_its_place():
    neural = np.zeros(2000)
    neural[500 + 10 * 50] = 1.0  # 10 s after the first volume began
    run = aligned(recording(neural, np.arange(20.0), neural_start=-10.0))
    frame = int(run.eeg[0].argmax())
    assert abs(run.axis.times[frame] - 10.0) <= 0.5 / run.axis.sfreq + 1e-9


def test_hemodynamic_samples_stand_for_the_declared_moment():
    found = recording(np.arange(1500.0), np.arange(20.0), sample_time=1.5)
    assert_allclose(found.bold.volumes.times(0), 1.5 * np.arange(1, 21))


def test_the_clock_is_called_declared():
    found = recording(np.arange(1500.0), np.arange(20.0))
    assert "declared, not measured" in str(found.clock)


@pytest.mark.parametrize(
    ("neural", "hemodynamic", "message"),
    [
        (np.r_[np.arange(1499.0), np.nan], np.arange(20.0), "neural signal has 1 NaN.*1499"),
        (np.arange(1500.0), np.full(20, 3.0), "hemodynamic signal has 20 samples and no var"),
        (np.arange(1500.0)[np.newaxis], np.arange(20.0), r"shape \(1, 1500\).*ravel"),
        (np.arange(1500.0), np.array([1.0]), "hemodynamic signal has 1 samples"),
    ],
)
def test_unusable_signals_are_refused(neural, hemodynamic, message):
    with pytest.raises(GridError, match=message):
        recording(neural, hemodynamic)


def test_a_neural_signal_that_ends_early_is_refused():
    with pytest.raises(ClockError, match=r"0\.000-28\.000 s.*0\.000-30\.000 s"):
        recording(np.arange(1400.0), np.arange(20.0))


def test_a_rate_of_zero_is_refused():
    with pytest.raises(GridError, match="sfreq is 0"):
        recording(np.arange(1500.0), np.arange(20.0), sfreq=0.0)
