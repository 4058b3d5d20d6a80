from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.spectral_wiener import (
    Course,
    SpectralWiener,
    coherence,
    spectra,
)
from neurotranscoder.signal.fir import apply_fir
from synthetic_runs import response

HRF = response()


def courses(rng, n_runs=6, n_frames=1000, responses=(HRF,)):
    """Two slow courses that are alike, seen by three channels and by four components of BOLD.

    Runs take turns with the responses.
    """
    leadfield, maps = rng.standard_normal((3, 2)), rng.standard_normal((4, 2))
    mixed = np.array([[1.0, 0.0], [0.8, 0.6]])
    runs = []
    for number in range(n_runs):
        hrf = responses[number % len(responses)]
        truth = mixed @ apply_fir(rng.standard_normal((2, n_frames)), np.array([1.0, 0.9, 0.5]))
        eeg = leadfield @ truth + 2.0 * rng.standard_normal((3, n_frames))
        bold = maps @ apply_fir(truth, hrf) + 0.3 * rng.standard_normal((4, n_frames))
        runs.append(Course(truth, eeg, bold, hrf))
    return runs


def explained(truth, estimate):
    """Return the share of the power of the truth that an estimate explains, without the ends."""
    inner = slice(50, -50)
    return 1 - np.sum((truth - estimate)[:, inner] ** 2) / np.sum(truth[:, inner] ** 2)


def test_white_noise_has_density_1(rng):
    density = spectra([rng.standard_normal((2, 20_000))], 256)
    assert_allclose(density[:, 1:-1].mean(axis=1), 1.0, atol=0.03)  # 4 standard errors


def test_white_course_in_white_noise_is_shrunk_by_its_share_of_power(rng):
    truth, noise, bold = rng.standard_normal((3, 1, 9000))
    runs = [Course(truth, truth + 2.0 * noise, bold, HRF)]
    found = SpectralWiener.fit(runs, 0.1).estimate(runs[0].eeg, None, HRF)
    gain = np.vdot(found, runs[0].eeg) / np.vdot(runs[0].eeg, runs[0].eeg)
    assert_allclose(gain, 1 / (1 + 4), rtol=0.1)


def test_courses_that_are_mixed_cohere_at_every_frequency(rng):
    two = rng.standard_normal((2, 60_000))
    found = coherence([np.stack([two[0], 0.6 * two[0] + 0.8 * two[1]])], 256)
    assert_allclose(found[5:-5, 0, 1], 0.6, atol=0.1)


def test_both_modalities_explain_more_than_each(rng):
    *known, unseen = courses(rng)
    wiener = SpectralWiener.fit(known, 0.01)
    both = explained(unseen.truth, wiener.estimate(unseen.eeg, unseen.bold, HRF))
    alone = [
        explained(unseen.truth, wiener.estimate(unseen.eeg, None, HRF)),
        explained(unseen.truth, wiener.estimate(None, unseen.bold, HRF)),
    ]
    assert both > max(alone) + 0.05
    assert min(alone) > 0.2


def test_neighbouring_frames_help(rng):
    *known, unseen = courses(rng)
    found = SpectralWiener.fit(known, 0.01).estimate(unseen.eeg, None, HRF)
    truth, eeg = (
        np.concatenate(parts, 1) for parts in zip(*((k.truth, k.eeg) for k in known), strict=True)
    )
    spatial = truth @ eeg.T @ np.linalg.inv(eeg @ eeg.T) @ unseen.eeg
    assert explained(unseen.truth, found) > explained(unseen.truth, spatial) + 0.03


def test_each_run_is_read_with_the_response_of_its_own_brain(rng):
    later = np.concatenate([np.zeros(6), HRF[:-6]])
    *known, _, unseen = courses(rng, n_runs=8, responses=(HRF, later))
    own = SpectralWiener.fit(known, 0.01)
    right = explained(unseen.truth, own.estimate(None, unseen.bold, unseen.hrf))
    assert_allclose(unseen.hrf, later)
    wrong = explained(unseen.truth, own.estimate(None, unseen.bold, HRF))
    mean = (HRF + later) / 2
    pooled = SpectralWiener.fit([replace(one, hrf=mean) for one in known], 0.01)
    assert right > 0.2 > wrong
    assert right > explained(unseen.truth, pooled.estimate(None, unseen.bold, mean)) + 0.05
