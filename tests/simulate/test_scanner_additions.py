import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Clock
from neurotranscoder.physics.channels import CHANNELS_43_BIPOLAR
from neurotranscoder.physics.head import HeadSettings, build_head
from neurotranscoder.simulate.bold_artefacts import run_motion, run_physiology
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, HeartSettings
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.scanner import (
    ScannerSettings,
    add_gradient_artefact,
    add_pulse_artefact,
    draw_pulses,
)
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.slices import SliceOrder
from neurotranscoder.simulate.triggers import TriggerSettings

ROUNDING = 5e-9  # single precision of 5 mV (3e-10), mixed from 21 waveforms
PARTS = ("scanner", "blinks", "heart", "motion", "triggers", "eeg_noise")


def artefacts(**changes):
    return named_scenario("artefacts", preset="tiny", duration=20.0, seed=4, **changes)


def run_of(scenario, head):
    return simulate_run(scenario, head, 1, 2)


def times_of(run):
    eeg = run.recording.eeg
    return run.recording.clock.scanner_times(eeg.data.shape[1], eeg.sfreq)


def lines_of(rows, sfreq, spacing):
    """Share of the power that lies on multiples of a frequency, 0 Hz left out."""
    power = np.sum(np.abs(np.fft.rfft(rows * signal.windows.hann(rows.shape[1]))) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(rows.shape[1], 1 / sfreq)
    multiple = np.rint(frequencies / spacing)
    width = 2.5 / (rows.shape[1] / sfreq)  # of a line behind this window
    on_line = (multiple > 0) & (np.abs(frequencies - spacing * multiple) < width)
    return power[on_line].sum() / power.sum()


@pytest.fixture(scope="module")
def raw(tiny_head):
    return run_of(artefacts(), tiny_head)


@pytest.fixture(scope="module")
def without_scanner(tiny_head):
    return run_of(artefacts(scanner=None), tiny_head)


def test_raw_eeg_is_in_the_millivolts_below_the_limit_of_the_amplifier(raw):
    eeg = raw.recording.eeg
    assert eeg.data.dtype == np.float32
    assert eeg.sfreq == 5000.0
    strongest = np.abs(eeg.data).max()
    # a gradient of 5 mV, and all else (pulse, blinks, EEG) a few tenths of one
    assert 4.5e-3 < strongest < 6e-3
    assert strongest < 16e-3


def test_brain_and_amplifier_lie_at_their_levels_below_the_artefacts(tiny_head):
    quiet = run_of(artefacts(scanner=None, blinks=None, heart=None), tiny_head)
    rms = 1e6 * np.sqrt(np.mean(quiet.recording.eeg.data.astype(float) ** 2))
    # 10 uV of signal in expectation (rhythms below .2 Hz in 20 s: within a factor) and of noise
    assert 10.0 < rms < 20.0


def test_what_the_scanner_adds_is_its_artefacts(raw, without_scanner, tiny_head):
    scenario, times = artefacts(), times_of(raw)
    expected = np.zeros(raw.recording.eeg.data.shape)
    cap, settings = electrodes_of_head(tiny_head), scenario.scanner
    motion = run_motion(scenario, 1, 2)
    add_gradient_artefact(
        expected, times, scenario.volumes, cap, settings, motion=motion.parameters
    )
    beats = run_physiology(scenario, 1, 2).beats
    rng = generator(scenario.seed, Stage.PULSE, subject=1, run=2)
    add_pulse_artefact(expected, times, draw_pulses(beats, settings, rng), cap, settings)
    added = raw.recording.eeg.data.astype(float) - without_scanner.recording.eeg.data
    assert_allclose(added, expected, atol=ROUNDING)


@pytest.mark.parametrize("part", PARTS)
def test_switching_one_part_off_leaves_the_rest_identical(raw, tiny_head, part):
    other = run_of(artefacts(**{part: None}), tiny_head)
    assert other.recording.clock == raw.recording.clock
    assert_array_equal(other.sources.time, raw.sources.time)
    assert_array_equal(other.recording.events.onset, raw.recording.events.onset)
    if part != "motion":
        assert_array_equal(other.recording.bold.data, raw.recording.bold.data)
    if part not in ("scanner", "heart"):
        ecgs = (run.recording.eeg.others[0].data for run in (raw, other))
        assert_array_equal(*ecgs)
    if part == "triggers":
        assert_array_equal(other.recording.eeg.data, raw.recording.eeg.data)


def test_the_channel_of_the_heart_leaves_the_eeg_identical(raw, tiny_head):
    without = run_of(artefacts(heart=HeartSettings()), tiny_head)
    assert without.recording.eeg.others == ()
    assert_array_equal(without.recording.eeg.data, raw.recording.eeg.data)


def test_gradient_power_lies_on_the_multiples_of_slices_per_tr(raw, without_scanner, tiny_head):
    spacing, inside = tiny_head.grid.shape[2] / 2.0, (times_of(raw) > 0) & (times_of(raw) < 20)
    found, before = (
        lines_of(run.recording.eeg.data[:, inside].astype(float), 5000.0, spacing)
        for run in (raw, without_scanner)
    )
    # gradients of about 1 mV rms, all else (EEG, pulse, blinks) of about .03
    assert found > 0.998
    assert before < 0.1


def test_a_clock_that_drifts_moves_gradients_as_it_moves_time(tiny_head):
    off = {"blinks": None, "motion": None, "eeg_noise": None, "heart": None}
    alone = {"scanner": ScannerSettings(pulse_uv=0.0), "eeg_rms_uv": 1e-9, **off}
    runs = [run_of(artefacts(drift_ppm=ppm, **alone), tiny_head) for ppm in (0.0, 200.0)]
    locked, drifting = (run.recording.eeg.data.astype(float) for run in runs)
    # the artefact of the drifting clock, read at the times of the locked one
    shared = slice(0, min(len(times_of(runs[0])), len(times_of(runs[1]))) - 100)
    times = times_of(runs[0])[shared]
    channel = int(np.abs(locked).max(axis=1).argmax())
    spline = signal.resample(drifting[channel], 8 * drifting.shape[1])
    fine = Clock("measured", times_of(runs[1])[0], 200.0).scanner_times(len(spline), 40_000.0)
    moved = np.interp(times, fine, spline)
    # interpolation of waves below 300 Hz at 40 kHz errs by (2 pi 300 / 40e3)^2 / 8 = 3e-4
    assert_allclose(moved, locked[channel, shared], atol=1e-3 * np.abs(locked).max())
    unmoved = np.abs(drifting[channel, shared] - locked[channel, shared]).max()
    assert unmoved > 0.5 * np.abs(locked[channel]).max()  # up to 20 samples later


def quiet_ecg(head, **changes):
    """ECG without the scanner and without noise."""
    heart = HeartSettings(ecg=EcgSettings(noise_uv=0.0, amplitude_mv=2.0, **changes))
    run = run_of(artefacts(scanner=None, heart=heart), head)
    return run, run.recording.eeg.others[0]


def test_r_peaks_of_the_ecg_are_at_the_beats_of_the_bold_noise(tiny_head):
    run, ecg = quiet_ecg(tiny_head)
    times, beats = times_of(run), run_physiology(artefacts(), 1, 2).beats
    assert (ecg.name, ecg.kind) == ("ECG", "ECG")
    peaks, _ = signal.find_peaks(ecg.data, height=1e-3)
    inside = beats[(beats > times[0]) & (beats < times[-1])]
    assert_allclose(times[peaks], inside, atol=1 / 5000)  # a sample
    assert_allclose(ecg.data[peaks], 2e-3, rtol=1e-3)


def test_scanner_adds_gradients_and_flow_to_the_ecg(tiny_head):
    heart = HeartSettings(ecg=EcgSettings(noise_uv=0.0))

    def ecg(**settings):
        changes = {"scanner": ScannerSettings(**settings)} if settings else {"scanner": None}
        run = run_of(artefacts(heart=heart, **changes), tiny_head)
        return times_of(run), run.recording.eeg.others[0].data.astype(float)

    times, bare = ecg()
    gradient = ecg(ecg_flow_uv=0.0, ecg_gradient=0.5, gradient_mv=6.0)[1] - bare
    # the largest sample lies beside the peak of a wave up to 250 Hz
    assert_allclose(np.abs(gradient).max(), 3e-3, rtol=0.02)
    inside = (times > 0) & (times < 20)
    assert lines_of(gradient[np.newaxis, inside], 5000.0, tiny_head.grid.shape[2] / 2) > 0.9999
    flow = ecg(ecg_flow_uv=200.0, gradient_mv=0.0, pulse_spread=0.0, pulse_duration=0.5)[1]
    # beats are further apart than a pulse is long
    assert_allclose(np.ptp(flow - bare), 200e-6, rtol=0.01)


def test_a_dead_ecg_is_flat_from_some_time_on_and_as_before_until_then(tiny_head):
    alive, dead = (quiet_ecg(tiny_head, dead=dead)[1].data for dead in (False, True))
    lost = np.flatnonzero(dead != alive)[0]
    assert_array_equal(dead[:lost], alive[:lost])
    assert_array_equal(dead[lost:], 0)
    # the next wave of the heart that is not zero comes within a beat (1 s of 28)
    assert 0.2 < lost / len(dead) < 0.5 + 1 / 28


def test_triggers_have_faults_on_request_alone(tiny_head, raw):
    assert raw.triggers is None
    faulty = run_of(artefacts(triggers=TriggerSettings(missing=0.2, extra=1)), tiny_head)
    assert len(faulty.triggers) == 10 - 2 + 1
    assert_array_equal(faulty.recording.eeg.data, raw.recording.eeg.data)
    assert faulty.recording.clock == raw.recording.clock


def test_eeg_too_slow_for_gradients_is_refused():
    with pytest.raises(SettingsError, match=r"eeg_rate is 105 Hz; .* at least 1000 Hz; set eeg_r"):
        artefacts(eeg_rate=105.0)
    pulse_alone = artefacts(eeg_rate=105.0, scanner=ScannerSettings(gradient_mv=0.0))
    assert pulse_alone.eeg_rate == 105.0


def bipolar(n_slices):
    """Settings of a coarse head with 43 bipolar pairs."""
    return HeadSettings(
        shape=(16, 16, n_slices),
        voxel_sizes=(12.0, 12.0, 150.0 / n_slices),
        ico=1,
        channels=CHANNELS_43_BIPOLAR,
    )


@pytest.mark.parametrize(("n_slices", "tr"), [(32, 2.0), (27, 2.1), (30, 2.16)])
def test_bipolar_caps_at_1_khz_have_gradients_of_any_slices(n_slices, tr):
    scenario = named_scenario(
        "artefacts",
        preset="tiny",
        eeg_rate=1000.0,
        head=bipolar(n_slices),
        tr=tr,
        duration=10 * tr,
        slices=SliceOrder(order="sequential"),
    )
    run = simulate_run(scenario, build_head(scenario.head), 0, 0)
    eeg, times = run.recording.eeg, times_of(run)
    assert eeg.montage.names == CHANNELS_43_BIPOLAR
    inside = (times > 0) & (times < 10 * tr)
    # samples 1 ms apart miss the peak of waves up to 250 Hz by up to a half
    assert 2.5e-3 < np.abs(eeg.data[:, inside]).max() < 6e-3
    assert lines_of(eeg.data[:, inside].astype(float), 1000.0, n_slices / tr) > 0.99


def test_noise_of_pairs_is_their_own():
    scenario = artefacts(head=bipolar(32), eeg_rate=1000.0, eeg_noise=None)
    noisy = scenario.model_copy(update={"eeg_snr_db": 0.0})
    clean, with_noise = (
        simulate_run(s, build_head(scenario.head), 0, 0).recording.eeg.data
        for s in (scenario, noisy)
    )
    noise = with_noise.astype(float) - clean
    # 43 independent channels: the variance of their mean is 1/43 of theirs, not 0
    ratio = np.var(noise.mean(axis=0)) / np.var(noise)
    assert_allclose(ratio, 1 / 43, rtol=4 * np.sqrt(2 / noise.shape[1]))


def test_artefacts_of_pairs_are_differences_of_electrodes(tiny_head):
    pairs, singles = electrodes_of_head(build_head(bipolar(32))), electrodes_of_head(tiny_head)
    times, volumes = np.arange(5000) / 1000, artefacts().volumes
    beats = np.array([0.5, 1.4])
    seen = []
    for cap in (pairs, singles):
        eeg = np.zeros((len(cap.derivation), len(times)))
        pulses = draw_pulses(beats, ScannerSettings(), np.random.default_rng(0))
        add_pulse_artefact(eeg, times, pulses, cap, ScannerSettings())
        add_gradient_artefact(eeg, times, volumes, cap, ScannerSettings(pulse_uv=0.0))
        seen.append(eeg)
    names = dict(zip(tiny_head.montage.names, seen[1], strict=True))
    ends = [name.split("-") for name in CHANNELS_43_BIPOLAR]
    expected = np.array([names[plus] - names[minus] for plus, minus in ends])
    scale = np.sum(seen[0] * expected) / np.sum(expected**2)  # both are scaled to their peak
    assert scale > 0
    # electrodes lie on the template's scalp here, on the head's own surface (ico 2) there
    assert np.std(seen[0] - scale * expected) < 0.05 * np.std(seen[0])
