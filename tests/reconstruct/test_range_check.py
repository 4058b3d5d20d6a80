import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.preprocess.align import AlignSettings, align
from neurotranscoder.reconstruct.one_modality import estimate_from_eeg
from neurotranscoder.reconstruct.range_check import (
    InputRange,
    range_of_bold,
    range_of_eeg,
    range_of_recording,
    range_of_run,
)
from subject_runs import tiny_subject


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def case(request):
    """A model without and with sparse sources, and the runs that it was trained on and others."""
    subject = tiny_subject(request.param)
    setting = AlignSettings(block_size=24.0)
    runs = [align(one, subject.group.blocks, setting) for one in subject.recordings]
    return subject.group, runs


def test_training_and_further_runs_are_inside(case):
    group, runs = case
    assert [part.findings for run in runs for part in range_of_run(group, run)] == [()] * 8


def test_microvolts_read_as_volts_are_said_loudly(case):
    group, runs = case
    found = range_of_eeg(group, runs[0].eeg * 1e6)
    assert 0.9e6 < found.scale < 1.1e6
    assert found.beyond > 0.9
    assert "check the unit in the header" in found.findings[0]


def test_scale_alone_does_not_make_channels_vary_in_another_way(case):
    group, runs = case
    here, far = range_of_eeg(group, runs[0].eeg), range_of_eeg(group, runs[0].eeg * 1e3)
    shapes = [one.outside or one.distance for one in (here, far)]
    assert shapes[1] == pytest.approx(shapes[0], rel=1e-9)


def test_polarity_makes_no_difference(case):
    group, runs = case
    turned = dataclasses.replace(runs[3], eeg=-runs[3].eeg, bold=-runs[3].bold)
    assert range_of_run(group, turned) == range_of_run(group, runs[3])


def test_channels_in_another_order_are_said_loudly(case, rng):
    group, runs = case
    found = range_of_eeg(group, rng.permutation(runs[0].eeg, axis=0))
    assert len(found.findings) == 1
    assert "check the order of channels" in found.findings[0]


def test_what_an_interpolated_channel_holds_makes_no_difference(case, rng):
    group, runs = case
    guesses, names = runs[3].eeg.copy(), group.montage.names[4:6]
    guesses[4:6] = 30 * guesses.std() * rng.standard_normal(guesses[4:6].shape)
    assert range_of_eeg(group, guesses).findings
    found = range_of_eeg(group, guesses, names)
    assert found == range_of_eeg(group, runs[3].eeg, names)
    assert (found.findings, found.n_interpolated) == ((), 2)


def test_without_some_channels_the_training_is_as_far_as_the_model_expects():
    subject = tiny_subject("sparse")
    run = align(subject.recordings[0], subject.group.blocks, AlignSettings(block_size=24.0))
    half = subject.group.montage.names[::2]
    found = range_of_eeg(subject.group, run.eeg, half).distance
    # 1 for all channels, within the difference between two training runs
    assert_allclose(found, range_of_eeg(subject.group, run.eeg).distance, rtol=0.1)


def test_a_run_in_which_all_channels_are_guesses_is_looked_at_as_it_is(case):
    group, runs = case
    assert range_of_eeg(group, runs[0].eeg, group.montage.names).n_interpolated == 0


def test_aligned_runs_and_estimates_from_eeg_alone_know_what_was_interpolated():
    subject = tiny_subject("closed_form")
    setting = AlignSettings(block_size=24.0)
    eeg = dataclasses.replace(subject.recordings[3].eeg, interpolated=("Cz", "Fz"))
    recording = dataclasses.replace(subject.recordings[3], eeg=eeg)
    aligned = range_of_run(subject.group, align(recording, subject.group.blocks, setting))[0]
    whole = range_of_recording(subject.group, recording)[0]
    alone = estimate_from_eeg(subject.group, eeg, recording.clock, setting).range
    assert [one.n_interpolated for one in (aligned, whole, alone)] == [2, 2, 2]


def test_artefacts_in_some_frames_are_said_loudly(case):
    group, runs = case
    eeg = runs[0].eeg.copy()
    eeg[:, ::50] *= 40
    assert any("look for artefacts" in one for one in range_of_eeg(group, eeg).findings)


def test_images_of_another_scale_are_said_loudly(case):
    group, runs = case
    found = range_of_bold(group, runs[0].bold / 100)
    assert "scaled and preprocessed" in found.findings[0]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_flat_and_broken_eeg_are_outside(case, value):
    group, runs = case
    assert range_of_eeg(group, np.full_like(runs[0].eeg, value)).findings


def test_leadfield_of_full_rank_says_nothing_of_directions(rng):
    group = tiny_subject("closed_form").group
    eeg = rng.standard_normal((len(group.leadfield), 100))
    assert range_of_eeg(group, eeg).outside == pytest.approx(1, abs=0.05)  # 8 of 64 directions
    full = dataclasses.replace(group, leadfield=rng.standard_normal(group.leadfield.shape))
    assert range_of_eeg(full, eeg).outside is None


def test_words_say_how_many_channels_were_left_out():
    words = InputRange("EEG", 2.0, 0.0, distance=7.5, n_interpolated=2).findings
    assert words[0].endswith("bad channels (2 interpolated channels were left out of this)")


def test_words_hold_the_figures():
    words = InputRange("EEG", 2.0, 0.25, distance=7.5).findings
    assert [any(part in one for one in words) for part in ("25.0%", "7.5 times")] == [True, True]
    assert len(words) == 2
