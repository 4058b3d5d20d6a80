from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.api.low_cut import low_cut_of, response_share
from neurotranscoder.api.transcoder import Transcoder
from neurotranscoder.cli.train import Parts, train_model
from neurotranscoder.core.passband import Passband
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from synthetic_runs import synthetic_runs

HALF_HERTZ = Passband.of_cutoffs(0.5, np.inf)


def filtered(runs, cut):
    return [replace(run, passband=Passband.of_cutoffs(cut, np.inf)) for run in runs]


@pytest.fixture
def runs():
    return synthetic_runs(3)


@pytest.mark.parametrize(
    ("cut", "least", "most"), [(0.001, 0.97, 1.0), (0.01, 0.8, 0.95), (0.5, 0.0, 0.02)]
)
def test_the_share_of_a_hemodynamic_response_falls_with_the_cut_off(cut, least, most):
    assert least <= response_share(Passband.of_cutoffs(cut, np.inf)) <= most


def test_the_most_filtered_run_counts(runs):
    mixed = [runs[0], *filtered(runs[1:2], 0.01), *filtered(runs[2:], 0.5)]
    found = low_cut_of(mixed)
    assert_allclose(found.low_cut, 0.5, rtol=1e-3)
    assert_allclose(found.share, response_share(HALF_HERTZ))
    assert found.too_much


def test_runs_without_known_filters_say_nothing(runs):
    assert low_cut_of(runs) is None


def test_slow_eeg_is_reported_without_a_warning(runs):
    words = low_cut_of(filtered(runs, 0.01)).words(TrainSettings())
    assert words.startswith("filters of the EEG (stated; half power from 0.01 Hz on) let")


def test_a_training_that_reads_band_power_says_that_held_out_bold_decides(runs):
    words = low_cut_of(filtered(runs, 0.5)).words(TrainSettings(architecture="sparse"))
    assert words.startswith("warning: ")
    assert "held-out BOLD decides how much band power" in words


def test_a_training_without_band_power_names_the_one_that_has_it(runs):
    words = low_cut_of(filtered(runs, 0.5)).words(TrainSettings(architecture="closed_form"))
    assert "--architecture sparse can" in words


def test_the_command_and_the_facade_say_it(runs, tmp_path, capsys, monkeypatch):
    class Stop(Exception):
        pass

    def stop(*_, **__):
        raise Stop

    monkeypatch.setattr("neurotranscoder.cli.train.fit_transcoder", stop)
    monkeypatch.setattr("neurotranscoder.api.transcoder.fit_transcoder", stop)
    short, split = filtered(runs, 0.5), Split(("a", "b"), ("c",), ("d",))
    with pytest.raises(Stop):
        train_model(Parts(short, short, split), TrainSettings(), tmp_path / "m", device="cpu")
    assert "warning: filters of the EEG" in capsys.readouterr().err
    with pytest.raises(Stop), pytest.warns(RuntimeWarning, match="warning: filters of the EEG"):
        Transcoder()._fit_runs(short, short, split, None)
