import numpy as np

from neurotranscoder.preprocess.channels import BadChannels, ReferenceReport
from neurotranscoder.preprocess.eeg import ResampleReport
from neurotranscoder.preprocess.ocular import OcularPart, OcularReport
from neurotranscoder.preprocess.step_numbers import numbers_of


def test_the_numbers_of_a_report_have_their_units_in_their_names():
    assert numbers_of(ResampleReport(5000.0, 250.0, 3, (0.5,))) == {
        "from_hz": 5000.0,
        "to_hz": 250.0,
    }
    assert numbers_of(ReferenceReport(31, 4.2)) == {"channels": 31}


def test_replaced_channels_are_counted_and_named():
    found = numbers_of(BadChannels(flat=("Cz",), noisy=("Pz", "Oz")))
    assert found == {"channels": 3, "names": "Cz, Pz, Oz"}


def test_blinks_have_their_rate_their_channels_and_what_they_left():
    average = np.zeros((2, 3))
    blinks = OcularPart(
        "blinks", ("Fp1", "Fp2"), np.array([1.0]), 12.0, 0.6, 0.1, average, average
    )
    report = OcularReport((blinks,), ("Fp1", "Cz"), np.array([0.5, 0.1]), np.array([-1, 0, 1.0]))
    assert numbers_of(report) == {
        "removed": 0.3,
        "blinks_per_minute": 12.0,
        "blinks_seen_in": "Fp1, Fp2",
        "blinks_correlation_before": 0.6,
        "blinks_correlation_after": 0.1,
    }


def test_a_report_that_is_not_known_has_no_numbers():
    assert numbers_of(object()) == {}
