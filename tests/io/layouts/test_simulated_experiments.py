"""The paper's experiments, simulated: recordings have the layouts of the real ones."""

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import loadmat

from experiment_example import short_world, worlds
from neurotranscoder.core.recording import Events
from neurotranscoder.io.events import read_events
from neurotranscoder.io.layouts.matlab import events_of
from neurotranscoder.io.layouts.plan import ImportSettings
from neurotranscoder.io.layouts.study import import_study
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.simulate.session import simulate_study

SHOWN = Events(
    np.array([3.0, 5.5, 8.0]),
    np.full(3, 0.2),
    tuple(
        f"auditory {kind} stimulus presentation" for kind in ("standard", "oddball", "standard")
    ),
    np.array([np.nan, 0.378, np.nan]),
)


@pytest.fixture(scope="module")
def oddball(tmp_path_factory):
    """A study of ds000116 as it was simulated, as it would be downloaded, and imported."""
    root = tmp_path_factory.mktemp("oddball")
    simulate_study(short_world("oddball"), root / "simulated", events=[SHOWN])
    worlds.write_ds000116(root / "simulated", root / "download")
    settings = ImportSettings(electrodes=root / "download" / "locations_34_EEG.ced")
    import_study("ds000116", root / "download", root / "study", settings=settings)
    return root


def matrix(root, kind, name):
    folder = root / "download" / "sub001" / "EEG" / "task001_run001"
    return np.float64(loadmat(folder / f"EEG_{kind}.mat")[name])


@pytest.mark.parametrize(
    ("kind", "name", "rows"),
    [("rereferenced", "data_reref", 37), ("noGA", "data_noGA", 49), ("raw", "data", 49)],
)
def test_matrices_of_the_oddball_have_its_rows_at_1_khz(oddball, kind, name, rows):
    assert matrix(oddball, kind, name).shape == (rows, 40_000)  # 20 volumes of 2 s


def test_raw_rows_hold_the_gradient_artefact_and_clean_ones_do_not(oddball):
    raw, clean = matrix(oddball, "raw", "data")[:43], matrix(oddball, "noGA", "data_noGA")[:43]
    assert np.abs(raw / 10_000).max() > 2e-3  # V; gradients are of 5 mV
    late = np.median(np.std(1e-6 * clean, axis=1))
    assert late < 1e-4


def test_the_electrodes_of_the_oddball_give_its_pairs_back(oddball):
    pairs, scalp = (
        matrix(oddball, "noGA", "data_noGA"),
        matrix(oddball, "rereferenced", "data_reref"),
    )
    names = worlds.scalp_electrodes(worlds.experiment_scenario("oddball").head.channels)
    assert len(names) == 34
    channels = worlds.experiment_scenario("oddball").head.channels
    pair = channels.index("F3-C3")
    got = scalp[names.index("F3")] - scalp[names.index("C3")]
    # pairs make loops, and noise does not add up to 0 around them
    assert np.corrcoef(got, pairs[pair])[0, 1] > 0.99
    assert_allclose(scalp[:34].mean(axis=0), 0.0, atol=1e-3)


def test_images_of_the_oddball_have_32_slices_in_order(oddball):
    image = nib.load(oddball / "download/sub001/BOLD/task001_run001/bold.nii.gz")
    assert image.shape[2:] == (32, 20)
    study = open_study(oddball / "study")
    times = study.load(study.runs[0]).bold.volumes.slice_times
    assert_allclose(times, np.arange(32) / 16)


def test_events_of_the_oddball_come_back_through_its_levels(oddball):
    study = open_study(oddball / "study")
    recording = study.load(study.runs[0])
    assert recording.clock.eeg_start == pytest.approx(0.0, abs=1e-9)
    assert recording.events.trial_type == SHOWN.trial_type
    assert_array_equal(recording.events.onset, SHOWN.onset)
    assert_array_equal(recording.events.response_time, SHOWN.response_time)


@pytest.mark.parametrize("sense", ["auditory", "visual"])
def test_real_tables_come_back_through_the_levels(real_data, tmp_path, sense):
    tables = worlds.real_events(real_data, sense)
    assert len(tables) == 51
    different = []
    for run, table in tables:
        rows = worlds.level_rows(table, 340_000, 1000.0, sense)
        got = events_of(tmp_path, *rows)
        same = got.trial_type == table.trial_type and all(
            np.array_equal(getattr(got, name), getattr(table, name), equal_nan=True)
            for name in ("onset", "duration", "response_time")
        )
        if not same:
            different.append((run.subject, run.run))
            # three stimuli within 88 ms, two of them alike: no row of levels can hold them
            assert np.diff(table.onset).min() < 0.1
    assert different == ([] if sense == "auditory" else [("10", "03")])


@pytest.mark.parametrize(
    ("name", "n_channels", "sfreq", "slices", "tr"),
    [("oddball-paper", 64, 5000.0, 24, 2.1), ("faces", 43, 1000.0, 27, 2.0)],
)
def test_studies_in_bids_have_their_channels_rates_and_slices(
    tmp_path, name, n_channels, sfreq, slices, tr
):
    simulate_study(short_world(name, runs=1), tmp_path)
    study = open_study(tmp_path)
    recording = study.load(study.runs[0])
    assert (len(recording.eeg.data), recording.eeg.sfreq) == (n_channels, sfreq)
    assert recording.bold.data.shape[2:] == (slices, 20)
    assert recording.bold.volumes.tr == tr
    assert recording.clock.n_triggers == 20
    table = next(tmp_path.glob("sub-01/eeg/*_channels.tsv")).read_text()
    assert "ECG" in table
    assert np.abs(recording.eeg.data).max() > 2e-3  # V; gradients are of 5 mV
    events = read_events(next(tmp_path.glob("sub-01/func/*_events.tsv")))
    assert set(events.trial_type) <= set(short_world(name).task.labels)


def test_full_size_is_that_of_the_paper():
    sizes = {name: worlds.experiment_scenario(name, preset="paper") for name in worlds.EXPERIMENTS}
    shapes = {name: one.head.shape for name, one in sizes.items()}
    assert shapes == {
        "oddball-paper": (64, 78, 48), "oddball": (64, 64, 32), "faces": (64, 64, 27),
    }  # fmt: skip
    volumes = {name: one.volumes.n_volumes for name, one in sizes.items()}
    assert volumes == {"oddball-paper": 140, "oddball": 170, "faces": 280}
    runs = {name: (one.n_subjects, one.runs_per_subject) for name, one in sizes.items()}
    assert runs == {"oddball-paper": (19, 5), "oddball": (17, 3), "faces": (21, 4)}
    electrodes = worlds.electrodes_of(sizes["faces"].head.channels)
    assert (len(electrodes), len(sizes["faces"].head.channels)) == (36, 43)
