import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.methods.imaging_heads import template_settings
from neurotranscoder.evaluate.methods.imaging_kernels import lcmv_kernel, minimum_norm_kernel
from neurotranscoder.evaluate.methods.inverses import (
    Evidence,
    FmriInformed,
    Lcmv,
    MinimumNorm,
)
from neurotranscoder.physics.head import HeadSettings, build_head, mne_forward
from neurotranscoder.simulate.presets import PRESETS

FAMILIES = ("MNE", "dSPM", "sLORETA", "eLORETA")


@pytest.fixture(scope="module")
def head():
    return build_head(PRESETS["tiny"].head)


@pytest.fixture(scope="module")
def forward(head):
    return mne_forward(head)


def kernel_of(forward, head, family, snr=3.0):
    return minimum_norm_kernel(forward, head.montage.names, snr=snr, family=family)


@pytest.fixture
def eeg(head, rng):
    values = 1e-6 * rng.standard_normal((len(head.montage.names), 20))
    return values - values.mean(axis=0)


def measured(head, eeg):
    info = mne.create_info(list(head.montage.names), 1.0, "eeg")
    evoked = mne.EvokedArray(eeg, info, verbose="error")
    evoked.set_eeg_reference(projection=True, verbose="error")
    return evoked, mne.make_ad_hoc_cov(evoked.info, {"eeg": 2e-6}, verbose="error")


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_of_minimum_norm_do_what_mne_does_to_the_same_data(family, head, forward, eeg):
    evoked, noise = measured(head, eeg)
    inverse = mne.minimum_norm.make_inverse_operator(
        evoked.info, forward, noise, loose=0.0, depth=None, fixed=True, verbose="error"
    )
    found = mne.minimum_norm.apply_inverse(evoked, inverse, 1 / 9, family, verbose="error").data
    own = kernel_of(forward, head, family) @ eeg
    # 2 uV of noise instead of 1: those that are relative to noise show it
    level = 2.0 if family in ("dSPM", "sLORETA") else 1.0
    assert_allclose(own / level, found, rtol=1e-6, atol=1e-6 * np.abs(found).max())


def test_kernels_of_lcmv_do_what_mne_does_to_the_same_data(head, forward, eeg):
    evoked, noise = measured(head, eeg)
    covariance = eeg @ eeg.T / 20
    filters = mne.beamformer.make_lcmv(
        evoked.info,
        forward,
        mne.Covariance(covariance, evoked.ch_names, [], evoked.info["projs"], 20),
        reg=0.1,
        noise_cov=noise,
        weight_norm="unit-noise-gain",
        verbose="error",
    )
    found = mne.beamformer.apply_lcmv(evoked, filters, verbose="error").data
    own = lcmv_kernel(forward, head.montage.names, covariance, regularisation=0.1) @ eeg
    scale = np.abs(found).max()
    assert_allclose(own / 2, found, rtol=1e-6, atol=1e-6 * scale)  # 2 uV of noise instead of 1


def test_dspm_and_sloreta_are_minimum_norm_with_a_positive_factor_at_each_voxel(head, forward):
    kernel = kernel_of(forward, head, "MNE")
    for family in ("dSPM", "sLORETA"):
        other = kernel_of(forward, head, family)
        factor = np.sum(other * kernel, axis=1) / np.sum(kernel**2, axis=1)
        assert factor.min() > 0
        assert factor.max() > 1.5 * factor.min()  # so they differ where voxels are averaged
        assert_allclose(other, factor[:, np.newaxis] * kernel, atol=1e-9 * np.abs(other).max())


def test_minimum_norm_is_the_posterior_mean_of_white_sources_in_white_noise(head, forward):
    gain, n_channels = head.leadfield, len(head.leadfield)
    centre = np.eye(n_channels) - 1 / n_channels
    gram = gain @ gain.T
    noise = np.trace(gram) / (n_channels - 1) / 3.0**2  # rank n - 1: average reference
    expected = gain.T @ np.linalg.solve(gram + noise * np.eye(n_channels), centre)
    found = kernel_of(forward, head, "MNE")
    ratio = np.sum(found * expected) / np.sum(expected**2)
    assert_allclose(found, ratio * expected, atol=1e-6 * np.abs(found).max())


def evidence_of(head, bold_power):
    blocks = BlockMap.from_mask(head.grid, head.brain, factors=(2, 2, 2))
    covariance = np.eye(len(head.montage.names))
    return Evidence(head.montage.names, covariance, bold_power(blocks), blocks)


def test_fmri_informed_minimum_norm_has_a_tenth_of_the_variance_where_bold_is_quiet(head):
    evidence = evidence_of(head, lambda blocks: blocks.centres[:, 2] - 200)  # the upper half
    label = evidence.blocks.labels[tuple(head.indices.T)]
    active = evidence.bold_power > np.median(evidence.bold_power)
    variance = np.where((label >= 0) & active[label], 1.0, 0.1)
    weighted = variance * head.leadfield
    gram = weighted @ head.leadfield.T
    noise = np.trace(gram) / (len(gram) - 1) / 5.0**2
    centre = np.eye(len(gram)) - 1 / len(gram)
    expected = weighted.T @ np.linalg.solve(gram + noise * np.eye(len(gram)), centre)
    found = FmriInformed(0.5, 5.0).kernel(head, evidence)
    ratio = np.sum(found * expected) / np.sum(expected**2)
    assert_allclose(found, ratio * expected, atol=1e-6 * np.abs(found).max())


def test_fmri_informed_minimum_norm_leaves_the_forward_solution_as_it_was(head):
    before = MinimumNorm("MNE", 3.0).kernel(head, evidence_of(head, lambda b: b.centres[:, 0]))
    evidence = evidence_of(head, lambda blocks: blocks.centres[:, 2])
    FmriInformed(0.5, 3.0).kernel(head, evidence)
    assert_allclose(MinimumNorm("MNE", 3.0).kernel(head, evidence), before, rtol=1e-12)


def test_lcmv_suppresses_a_strong_source_elsewhere(head):
    """The estimate at one voxel of a source at another shrinks as that grows."""
    names, gain = head.montage.names, head.leadfield / np.linalg.norm(head.leadfield, axis=0)
    here, there = 10, int(np.argmin(np.abs(gain[:, 10] @ gain)))
    leaks = []
    for strength in (1.0, 100.0):
        covariance = np.eye(len(names)) + strength * np.outer(gain[:, there], gain[:, there])
        evidence = evidence_of(head, lambda blocks: blocks.centres[:, 2])
        evidence = Evidence(names, 1e-12 * covariance, evidence.bold_power, evidence.blocks)
        kernel = Lcmv(0.001).kernel(head, evidence)
        leaks.append(abs(kernel[here] @ gain[:, there]) / abs(kernel[here] @ gain[:, here]))
    assert leaks[1] < 0.1 * leaks[0]


def test_template_that_is_wrong_has_the_same_voxels_and_channels_and_no_seed_of_a_subject():
    own = HeadSettings(electrode_jitter=4.0, electrode_seed=5, orientation_seed=6)
    wrong = template_settings(own)
    assert (wrong.grid.shape, wrong.channels) == (own.grid.shape, own.channels)
    assert (wrong.electrode_seed, wrong.orientation_seed) == (None, None)
    assert wrong.seed != own.seed
    assert_allclose(wrong.scale, 1.05)
    assert_allclose([wrong.orientation_jitter, wrong.electrode_jitter], [20.0, 5.0])
