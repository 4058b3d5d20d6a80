import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import HrfSpread, hrf_kernel
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.eeg_artefacts import BlinkSettings, HeartSettings
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of


def truth_and_run(head, name, **changes):
    few = {"n_subjects": 1, "runs_per_subject": 1}
    cohort = make_cohort(named_scenario(name, preset="tiny", **(few | changes)), head)
    run = simulate_run_of(cohort, 0, 0)
    return truth_of(cohort, [run]).of(run.recording.run), run


@pytest.fixture(scope="module")
def made(tiny_head):
    return truth_and_run(tiny_head, "interleave5-snr10")


@pytest.fixture(scope="module")
def voxels(tiny_head):
    return np.argwhere(tiny_head.brain)[::37]


def test_p_is_x_convolved_with_d(made, voxels):
    truth, _ = made
    rate = truth.cohort.scenario.source_rate
    x, axis = truth.x(voxels, 20.0, 60.0)
    p, same = truth.p(voxels, 20.0, 60.0)
    assert axis == same
    d = truth.d(np.arange(round(0.47 * rate) + 1) / rate)
    n = len(d)
    dense = np.stack([np.convolve(row, d)[: axis.n_times] for row in x]) / rate
    # rhythms are convolved by a sum over samples instead of an integral: 1e-4 at .2 Hz
    assert_allclose(p[:, n:], dense[:, n:], atol=5e-4 * np.abs(p).max())


def test_x_holds_each_impulse_in_one_sample_of_its_height(made, tiny_head):
    truth, _ = made
    regions, sources = truth.cohort.regions, truth.drawn.electric
    region = int(np.flatnonzero(~regions.oscillatory)[0])
    voxel = np.argwhere(regions.labels == region)[:1]
    x, axis = truth.x(voxel, 0.0, 120.0)
    mine = (sources.region == region) & (sources.time < 120.0)
    assert_allclose(x.sum() / axis.sfreq, sources.amplitude[mine].sum())
    assert_allclose(axis.times[np.flatnonzero(x[0])], np.unique(sources.time[mine]), atol=1e-9)


@pytest.mark.parametrize("term", ["x", "p"])
def test_frames_are_means_of_finer_frames(made, voxels, term):
    truth, _ = made
    fine, _ = getattr(truth, term)(voxels, 12.0, 32.0, rate=100.0)
    coarse, axis = getattr(truth, term)(voxels, 12.0, 32.0, rate=2.5)
    assert_allclose(axis.times[0], 12.2)
    means = fine.reshape(len(fine), -1, 40).mean(axis=-1)
    assert_allclose(coarse, means, atol=1e-6 * np.abs(fine).max())


def test_windows_are_parts_of_the_whole(made, voxels):
    truth, _ = made
    for term in (truth.x, truth.p):
        whole, axis = term(voxels, 0.0, 120.0)
        part, inside = term(voxels, 31.0, 45.0)
        first = round((inside.start - axis.start) * axis.sfreq)
        expected = whole[:, first : first + inside.n_times]
        assert_allclose(part, expected, atol=1e-9 * np.abs(whole).max())


def test_e_is_g_times_p(made, tiny_head):
    truth, run = made
    eeg, clock = truth.eeg(), run.recording.clock
    times = clock.scanner_times(eeg.shape[1], run.recording.eeg.sfreq)
    by_region = truth.drawn.electric.respond(evoked_kernel(), times[3000:3100])
    p = by_region[truth.cohort.regions.labels[tiny_head.brain]]
    assert_allclose(eeg[:, 3000:3100], truth.moment * truth.g @ p, atol=1e-6 * np.abs(eeg).max())
    noise = run.recording.eeg.data - eeg
    assert_allclose(np.var(eeg, axis=1).mean() / np.var(noise, axis=1).mean(), 10.0, rtol=0.02)


def test_images_are_signal_baseline_and_all_parts(tiny_head):
    truth, run = truth_and_run(tiny_head, "realistic")
    assert truth.bold_parts == (
        "motion", "thermal", "autoregressive", "cardiac", "respiratory", "global_signal", "drift",
    )  # fmt: skip
    total = truth.bold().astype(float) + truth.baseline()[..., np.newaxis]
    for part in truth.bold_parts:
        total += truth.bold_part(part)
    # the images add the parts one after the other in float32 at a baseline of 10,000
    assert_allclose(run.recording.bold.data, np.abs(total), atol=0.02)


def test_white_noise_is_a_part_too(made):
    truth, run = made
    assert truth.bold_parts == ("white",)
    total = truth.bold() + truth.baseline()[..., np.newaxis] + truth.bold_part("white")
    assert_allclose(run.recording.bold.data, np.abs(total), atol=0.02)
    with pytest.raises(SettingsError, match="no part 'motion'; it has white"):
        truth.bold_part("motion")


def test_h_of_voxels_is_that_of_their_regions(tiny_head, voxels):
    truth, _ = truth_and_run(tiny_head, "realistic", hrf_spread=HrfSpread())
    lags = np.arange(0, 32, 0.5)
    labels = truth.cohort.regions.labels[tuple(voxels.T)]
    for row, label in zip(truth.h(voxels, lags), labels, strict=True):
        assert_array_equal(row, hrf_kernel(truth.cohort.template.hrfs[label])(lags))


def test_mask_gives_its_voxels_in_c_order(made, tiny_head):
    truth, _ = made
    mask = tiny_head.brain & (np.arange(10) == 5)
    by_mask, _ = truth.p(mask, 5.0, 6.0)
    by_index, _ = truth.p(np.argwhere(mask), 5.0, 6.0)
    assert_array_equal(by_mask, by_index)


@pytest.mark.parametrize(
    ("voxels", "window", "message"),
    [
        (np.array([[0, 0, 0]]), (0.0, 1.0), r"voxel \[0, 0, 0\] is outside the brain"),
        (np.array([[99, 0, 0]]), (0.0, 1.0), r"within the grid of \(16, 16, 10\)"),
        (np.array([[8, 8, 5]]), (5.0, 4.0), "give an increasing window"),
        (np.array([[8, 8, 5]]), (0.0, 999.0), "sources from -8 to 123 s"),
    ],
)
def test_windows_that_are_not_there_are_refused(made, voxels, window, message):
    with pytest.raises(GridError, match=message):
        made[0].x(voxels, *window)


@pytest.mark.parametrize(
    ("name", "changes", "parts"),
    [
        ("realistic", {"eeg_snr_db": 5.0, "blinks": BlinkSettings(), "heart": HeartSettings()},
         ("white", "brain", "blinks", "heart")),
        ("interleave5-snr10", {}, ("white",)),
        ("sequential-noisefree", {}, ()),
    ],
)  # fmt: skip
def test_eeg_is_signal_and_all_parts(tiny_head, name, changes, parts):
    truth, run = truth_and_run(tiny_head, name, **changes)
    assert truth.eeg_parts == parts
    total = truth.eeg() + sum(truth.eeg_part(part) for part in parts)
    assert_allclose(run.recording.eeg.data, total, atol=1e-12)  # V: a millionth of a microvolt
    for part in parts:
        assert np.abs(truth.eeg_part(part)).max() > 1e-7
    with pytest.raises(SettingsError, match="no part 'gradient'; it has"):
        truth.eeg_part("gradient")


def test_raw_eeg_of_a_scanner_is_signal_and_all_parts(tiny_head):
    truth, run = truth_and_run(tiny_head, "artefacts", duration=20.0)
    assert truth.eeg_parts == ("white", "brain", "blinks", "heart", "gradient", "pulse")
    total = truth.eeg() + sum(truth.eeg_part(part) for part in truth.eeg_parts)
    # float32 at 5 mV resolves half a nanovolt
    assert_allclose(run.recording.eeg.data, total, atol=3e-9)


def test_drive_is_x_where_the_coupling_is_linear_and_slow_where_it_is_by_power(
    made, voxels, tiny_head
):
    truth, _ = made
    for one, other in zip(truth.x(voxels, 5.0, 9.0), truth.drive(voxels, 5.0, 9.0), strict=True):
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    by_power, _ = truth_and_run(tiny_head, "power")
    rhythmic = by_power.cohort.regions.oscillatory
    labels = by_power.cohort.regions.labels[tuple(voxels.T)]
    chosen = voxels[rhythmic[labels]]
    drive, axis = by_power.drive(chosen, 5.0, 105.0, rate=20.0)
    power = np.abs(np.fft.rfft(drive - drive.mean(axis=1, keepdims=True))) ** 2
    slow = np.fft.rfftfreq(axis.n_times, 1 / axis.sfreq) < 1.0
    assert power[:, slow].sum() > 0.99 * power.sum()


def test_motion_is_that_of_the_images_and_none_where_the_head_lies_still(made, tiny_head):
    assert made[0].motion() is None
    truth, run = truth_and_run(tiny_head, "realistic")
    motion = truth.motion()
    assert motion.shape == (6, run.recording.bold.volumes.n_volumes)
    assert_allclose(motion.mean(axis=1), 0.0, atol=1e-12)
    assert 0.01 < np.abs(np.diff(motion[:3], axis=1)).sum(axis=0).max() < 3.0  # mm


def test_voxels_may_be_plain_lists_and_objects_are_short_in_print(made):
    truth, run = made
    indices = [[8, 8, 5], [7, 8, 5]]
    assert_array_equal(truth.x(indices, 1.0, 2.0)[0], truth.x(np.array(indices), 1.0, 2.0)[0])
    for shown in (repr(truth), repr(run.recording)):
        assert len(shown) < 200
        assert "sub-01_task-oddball_run-01" in shown
