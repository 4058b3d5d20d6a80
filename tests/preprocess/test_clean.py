import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.preprocess.clean import (
    EVERY_STEP,
    EegCleanSettings,
    WantedChannels,
    clean_scanner_eeg,
)
from neurotranscoder.preprocess.ocular import remove_ocular
from ocular_eeg import NAMES, eyes_example


@pytest.fixture(scope="module")
def example():
    return eyes_example(seconds=40.0)


def cleaned(raw, *steps, **options):
    settings = EegCleanSettings(steps=steps)
    return clean_scanner_eeg(raw, tr=2.0, triggers=[], settings=settings, **options)


def test_blinks_go_after_the_pulse_and_before_channels_are_guessed():
    order = [EVERY_STEP.index(name) for name in ("pulse", "bad_channels", "ocular", "channels")]
    assert order == sorted(order)


def test_the_chain_removes_blinks_as_the_function_does(example):
    clean = cleaned(example.raw, "ocular")
    assert_array_equal(clean.raw.get_data(), remove_ocular(example.raw)[0].get_data())
    assert clean.steps[0].numbers["blinks_seen_in"] == "Fp1, Fp2"


def test_without_blinks_the_step_is_left_out_and_says_why():
    still = eyes_example(blink_uv=0.0, seconds=40.0)
    clean = cleaned(still.raw, "ocular")
    assert str(clean.steps[0]).startswith("ocular left out: no blinks were found in Fp1, Fp2")
    assert_array_equal(clean.raw.get_data(), still.raw.get_data())


def test_blinks_stay_where_the_step_is_not_asked_for(example):
    clean = cleaned(example.raw, "reference")
    assert [step.name for step in clean.steps] == ["reference"]
    assert np.max(np.abs(clean.raw.get_data(["Fp1"]))) > 8e-5


def test_blinks_are_looked_for_in_channels_that_the_study_leaves_out(example):
    wanted = WantedChannels(tuple(NAMES[2:]))
    clean = cleaned(example.raw, "ocular", "channels", channels=wanted)
    assert [step.done for step in clean.steps] == [True, True]
    assert "Fp1" not in clean.raw.ch_names
