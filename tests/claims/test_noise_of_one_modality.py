"""Noise of one modality: less in the source from that very modality, none in the other's signal.

Measured here (closed form): cardiac noise is .24 of BOLD, .17 of the source from it, .01 of the
EEG from it; blinks are .29 of EEG, .01 of the source from it, .004 of the BOLD from it. At the
levels of 'realistic' cardiac noise is .05 of BOLD, .02 of the source from it, and .11 where noise
that BOLD components share is left in them.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claim_worlds import ALIGN, SMALL, means, small_world
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.benchmark.world import open_world
from neurotranscoder.evaluate.claims.autoencoders import NetworkAutoencoders, PcaAutoencoders
from neurotranscoder.evaluate.claims.noise import estimated_shares, measured_shares, noise_share
from neurotranscoder.evaluate.claims.rows import claim_rows
from neurotranscoder.evaluate.claims.scenarios import noisy_scenario
from neurotranscoder.evaluate.claims.worlds import (
    MODALITY,
    runs_without,
    without_noise,
    world_plan,
)
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.signal.correlation import mean_correlation
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.settings import TrainSettings

OWN_LEVELS = {
    "regions": {"n_evoked": 6, "n_oscillatory": 2, "n_motor": 1},
    "hrf_spread": None,
    "motion": None,
    "eeg_noise": {"white_uv": 5.0},
    "bold_noise": {
        "thermal": 1.0,
        "autoregressive": 0.0,
        "cardiac": 1.0,
        "respiratory": 0.5,
        "global_signal": 0.0,
        "drift": 0.0,
    },
    "blinks": {"per_minute": 20.0},
}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    scenario = noisy_scenario("tiny", **SMALL | OWN_LEVELS)
    return small_world(scenario, tmp_path_factory.mktemp("noisy"))


@pytest.fixture(scope="module")
def realistic(tmp_path_factory):
    """Shares of noise at the levels of 'realistic', where heart and breath are two of many.

    With fewer or shorter runs the response is known too badly to say where BOLD is noise.
    """
    plan = world_plan(noisy_scenario("tiny", **SMALL | {"duration": 400.0}), 8, 2, 3)
    with open_world(plan, ALIGN, tmp_path_factory.mktemp("realistic")) as world:
        clean = {noise: runs_without(world, noise, ALIGN) for noise in ("cardiac", "respiratory")}
        values = [*measured_shares(world, clean)]
        for name, linear in (
            ("closed_form", ClosedFormSettings()),
            ("unfiltered", ClosedFormSettings(noise_strengths=())),
        ):
            settings = TrainSettings(architecture="closed_form", closed_form=linear)
            method = TranscoderMethod(settings)
            method.fit(world.training, world.validation)
            values += estimated_shares(world, clean, name, method)
    return means(claim_rows(values))


@pytest.fixture(scope="module")
def clean(noisy):
    return {noise: runs_without(noisy.world, noise, ALIGN) for noise in MODALITY}


@pytest.fixture(scope="module")
def shares(noisy, clean):
    world, values = noisy.world, []
    width = noisy["closed_form"].trained.shape.n_components
    alone = PcaAutoencoders(width)
    alone.fit(world.training, world.validation)
    values += measured_shares(world, clean)
    for name, method in (("closed_form", noisy["closed_form"]), ("alone", alone)):
        values += estimated_shares(world, clean, name, method)
    return means(claim_rows(values))


def share(shares, noise, method, signal):
    return shares[f"share of {noise} noise", method, signal]


@pytest.mark.parametrize("noise", ["cardiac", "respiratory", "blinks"])
def test_runs_differ_in_the_noise_of_one_modality_alone(noisy, clean, noise):
    other = {"bold": "eeg", "eeg": "bold"}[MODALITY[noise]]
    for held, run in zip(noisy.world.test, clean[noise], strict=True):
        assert_array_equal(getattr(held.aligned, other), getattr(run, other))
        assert not np.array_equal(
            getattr(held.aligned, MODALITY[noise]), getattr(run, MODALITY[noise])
        )


@pytest.mark.parametrize(
    ("noise", "factor"), [("cardiac", 0.85), ("respiratory", 0.7), ("blinks", 0.1)]
)
def test_noise_is_attenuated_in_the_source_from_its_own_modality(shares, noise, factor):
    signal = MODALITY[noise]
    before = share(shares, noise, "measured", signal).value
    after = share(shares, noise, "closed_form", f"source_from_{signal}").value
    assert before > 0.04  # there is something to take away
    assert after < factor * before


@pytest.mark.parametrize("noise", ["cardiac", "respiratory"])
def test_noise_is_attenuated_at_its_realistic_level(realistic, noise):
    before = share(realistic, noise, "measured", "bold").value
    after = share(realistic, noise, "closed_form", "source_from_bold").value
    assert after < 0.7 * before


def test_without_the_filter_between_components_noise_of_the_heart_grows(realistic):
    before = share(realistic, "cardiac", "measured", "bold").value
    assert share(realistic, "cardiac", "unfiltered", "source_from_bold").value > 1.5 * before


@pytest.mark.parametrize("noise", ["cardiac", "respiratory", "blinks"])
def test_the_other_modality_is_transcoded_without_the_noise(shares, noise):
    signal = MODALITY[noise]
    transcoded = {"bold": "eeg_from_bold", "eeg": "bold_from_eeg"}[signal]
    assert share(shares, noise, "closed_form", transcoded).ci_high < 0.02


@pytest.mark.parametrize("noise", ["cardiac", "respiratory", "blinks"])
def test_coders_without_cross_losses_keep_the_noise(shares, noise):
    signal = MODALITY[noise]
    before = share(shares, noise, "measured", signal).value
    alone = share(shares, noise, "alone", f"{signal}_from_{signal}").value
    ours = share(shares, noise, "closed_form", f"source_from_{signal}").value
    assert alone > 0.95 * before
    assert alone > ours / 0.8


def test_the_share_of_added_noise_is_its_share_of_the_variance(rng):
    clean, noise = rng.standard_normal((2, 3, 20_000))
    assert_allclose(noise_share(clean + 0.5 * noise, clean), 0.2, atol=0.01)  # .25 of 1.25
    assert noise_share(-3 * clean + 7, clean) < 1e-12
    assert np.isnan(noise_share(np.ones((2, 9)), np.ones((2, 9))))


def test_coders_of_any_kind_have_shares_of_at_most_one(rng):
    assert noise_share(rng.standard_normal((3, 500)), np.zeros((3, 500))) == 1.0
    assert 0.9 < noise_share(*rng.standard_normal((2, 3, 500))) <= 1.0


def test_noise_that_is_not_there_cannot_be_taken_away():
    quiet = noisy_scenario("tiny", **SMALL | OWN_LEVELS | {"blinks": None, "bold_noise": None})
    for noise in MODALITY:
        with pytest.raises(SettingsError, match=f"no {noise} noise to take away; set"):
            without_noise(quiet, noise)


def test_noise_whose_level_is_tied_to_others_cannot_be_taken_away():
    tied = noisy_scenario("tiny", **SMALL | OWN_LEVELS | {"bold_snr_db": 10.0})
    with pytest.raises(SettingsError, match="set bold_snr_db to none"):
        without_noise(tied, "cardiac")


def test_a_network_without_cross_losses_learns_both_cycles_and_no_transcoding(noisy):
    quick = TrainSettings().paper.model_copy(
        update={"steps": 15, "validate_every": 15, "learning_rate": 0.03}
    )
    alone, world = NetworkAutoencoders(quick), noisy.world
    assert (alone.settings.losses.bold_from_eeg, alone.settings.losses.eeg_from_bold) == (0, 0)
    alone.fit(world.training, world.validation)
    prediction = alone.predict(world.test[0].aligned)
    assert prediction.bold_from_eeg is None
    assert mean_correlation(prediction.eeg_from_eeg, world.test[0].aligned.eeg) > 0.3
    assert mean_correlation(prediction.bold_from_bold, world.test[0].aligned.bold) > 0.3
