import json

import pytest

from neurotranscoder.core.errors import ClockError
from neurotranscoder.core.recording import Clock
from neurotranscoder.preprocess.stated_clock import clock_fields, stated_clock


@pytest.mark.parametrize(
    "clock", [Clock("measured", -4.25, 15.5, 1e-4, 300), Clock("declared", 0.0)]
)
def test_a_clock_comes_back_from_a_sidecar(clock):
    back = stated_clock(json.loads(json.dumps(clock_fields(clock)))).clock
    assert str(back) == str(clock)
    assert (back.eeg_start, back.drift_ppm) == (clock.eeg_start, clock.drift_ppm)


def test_a_sidecar_without_a_clock_states_none():
    assert stated_clock({"SamplingFrequency": 250.0}) is None


@pytest.mark.parametrize(
    "stated", ["soon", {"Source": "guessed", "EEGStart": 0.0}, {"Source": "declared"}]
)
def test_what_is_no_clock_is_refused(stated):
    with pytest.raises(ClockError, match=r"ScannerClock of the sidecar is .* need Source"):
        stated_clock({"ScannerClock": stated})
