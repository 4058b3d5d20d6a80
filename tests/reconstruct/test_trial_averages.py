from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.recording import Events
from neurotranscoder.reconstruct.fast import interpolated
from neurotranscoder.reconstruct.rest_windows import SINGLE, peak_windows
from neurotranscoder.reconstruct.trial_averages import PEAKS, trial_averages
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from subject_runs import tiny_subject

RATE = 25.0
PLAIN = PaperSubjectSettings(rate=RATE, stop=1.2)
CORRECTED = PLAIN.model_copy(update={"overlap_correction": True})
WHOLE = slice(None)


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("closed_form")


def with_events(recording, onsets, names):
    nan = np.full(len(onsets), np.nan)
    return replace(recording, events=Events(np.array(onsets, dtype=float), nan, names, nan))


def of(recordings, subject, settings):
    return trial_averages(recordings, subject.group, settings).averages


def test_corrected_averages_are_those_of_a_dense_regression_over_runs(subject):
    recordings = subject.recordings[:2]
    [found] = of(recordings, subject, CORRECTED)
    designs, values = [], []
    for number, recording in enumerate(recordings):
        movie = interpolated(subject.group, recording, rate=RATE).from_bold
        design = np.zeros((movie.axis.n_times, 32))
        design[:, 30 + number] = 1
        for onset in recording.events.onset:
            first = round((onset - movie.axis.start) * RATE)
            for lag in range(max(0, -first), min(30, movie.axis.n_times - first)):
                design[first + lag, lag] += 1
        designs.append(design)
        values.append(movie.at(WHOLE).T)
    solved = np.linalg.lstsq(np.concatenate(designs), np.concatenate(values))[0]
    expected = solved[:30].T
    # factors are single precision
    assert_allclose(found.from_bold.at(WHOLE), expected, atol=1e-4 * np.abs(expected).max())
    assert found.n_trials == sum(len(one.events.onset) for one in recordings)
    assert "corrected for overlap (standard error x" in found.condition


def test_far_events_need_no_correction(subject):
    alone = with_events(subject.recordings[0], [5.0, 25.0, 50.0, 80.0], ("a",) * 4)
    [plain], [corrected] = (of([alone], subject, one) for one in (PLAIN, CORRECTED))
    movie = interpolated(subject.group, alone, rate=RATE).from_eeg
    starts = [round((onset - movie.axis.start) * RATE) for onset in alone.events.onset]
    in_trials = (np.array(starts)[:, np.newaxis] + np.arange(30)).ravel()
    rest = np.delete(movie.at(WHOLE), in_trials, axis=1).mean(axis=1)
    # what differs is the constant of the run: the mean of the frames without trials
    expected = plain.from_eeg.at(WHOLE) - rest[:, np.newaxis]
    assert_allclose(corrected.from_eeg.at(WHOLE), expected, atol=1e-4 * np.abs(expected).max())


def test_rest_is_averaged_around_peaks_of_global_power_that_do_not_overlap(subject):
    silent = replace(subject.recordings[0], events=Events.none())
    [found] = of([silent], subject, PLAIN)
    movie = interpolated(subject.group, silent, rate=RATE).from_eeg
    power = np.sum(movie.at(WHOLE).astype(float) ** 2, axis=0)
    first = peak_windows(movie, 30)
    assert (found.condition, found.n_trials) == (PEAKS, len(first))
    assert np.diff(first).min() >= 30
    centres = power[first + 15]
    assert centres.min() > power.mean()
    assert_array_equal(centres >= power[first + 14], True)
    expected = np.mean([movie.at(slice(n, n + 30)) for n in first], axis=0)
    assert_allclose(found.from_eeg.at(WHOLE), expected, atol=1e-4 * np.abs(expected).max())
    assert found.from_eeg.axis.times[15] == pytest.approx(0)


def test_single_windows_of_rest_are_pieces_of_the_runs(subject):
    silent = [replace(one, events=Events.none()) for one in subject.recordings[:2]]
    settings = PLAIN.model_copy(update={"rest": "single", "rest_windows": 3})
    found = of(silent, subject, settings)
    assert [(one.condition, one.n_trials) for one in found] == [(SINGLE, 1)] * 3
    movies = [interpolated(subject.group, one, rate=RATE).from_bold for one in silent]
    for one, movie in zip(found, (movies[0], movies[0], movies[1]), strict=True):
        whole, piece = movie.at(WHOLE), one.from_bold.at(WHOLE)
        errors = [np.abs(whole[:, n : n + 30] - piece).max() for n in range(whole.shape[1] - 29)]
        assert min(errors) < 1e-5 * np.abs(piece).max()


def test_a_run_without_events_adds_nothing_to_runs_that_have_some(subject):
    one, two = subject.recordings[:2]
    [alone], [both] = (
        of(runs, subject, PLAIN) for runs in ([one], [one, replace(two, events=Events.none())])
    )
    assert both.n_trials == alone.n_trials
    expected = alone.from_eeg.at(WHOLE)
    assert_allclose(both.from_eeg.at(WHOLE), expected, atol=1e-4 * np.abs(expected).max())
