from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmark_example import TRAIN, tiny_plan
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.benchmark.world import open_world
from neurotranscoder.evaluate.methods.filters import true_responses
from neurotranscoder.evaluate.methods.oracles import ORACLE_SPECS, SpatialWienerOracle
from neurotranscoder.evaluate.methods.protocol import Knowledge, predict_blindly
from neurotranscoder.evaluate.methods.regression import RidgeBold, RidgeSettings
from neurotranscoder.evaluate.methods.supervised_linear import SupervisedLinear
from neurotranscoder.evaluate.methods.supervised_mlp import MlpSettings, SupervisedMlp
from neurotranscoder.evaluate.methods.supervised_settings import SupervisedSettings
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.evaluate.scoring import Scorer

QUICK = SupervisedSettings(
    reaches=(0.8,),
    bold_span=(-12.0, 2.0),
    n_splines=7,
    n_components=(10, 20),
    floors=(0.1, 1.0),
    bold_gains=(0.3,),
    n_power=10,
    power_gains=(0.03,),
    exponents=(1.0,),
)
STEPS = MlpSettings(hidden=(16,), steps=60, validate_every=20)
ROUNDING = 1e-9
SOURCES = ("source_from_eeg", "source_from_bold", "source_fused")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Eight training, two validation and two test runs, whose sources overlap in time."""
    plan = tiny_plan(scenarios=("interleave5-snr10",), train_runs=10, test_runs=2, duration=180.0)
    [only] = plan.worlds()
    with open_world(only, plan.align, tmp_path_factory.mktemp("world")) as opened:
        yield opened


def fitted(method, world):
    method.fit(world.training, world.validation)
    return method


@pytest.fixture(scope="module")
def linear(world):
    return fitted(SupervisedLinear(world.knowledge(), QUICK), world)


def all_scores(method, runs):
    """Return r by quantity and kind of source."""
    predictions = [predict_blindly(method, run.aligned) for run in runs]
    rows = Scorer("").score("x", predictions, runs, 0.0)
    return {(row.quantity, row.source_kind): row.r for row in rows}


def scores(method, runs):
    """Return r of all sources by quantity."""
    found = all_scores(method, runs)
    return {quantity: r for (quantity, kind), r in found.items() if kind == "all"}


@pytest.fixture(scope="module")
def power(world):
    return fitted(SupervisedLinear(world.knowledge(), QUICK, with_power=True), world)


@pytest.fixture(scope="module")
def r(linear, world):
    return scores(linear, world.test)


def test_linear_oracle_is_above_the_spatial_one(r, world):
    spatial = scores(fitted(SpatialWienerOracle(world.knowledge()), world), world.test)
    assert r["source_from_eeg"] > spatial["source_from_eeg"] + 0.01
    assert r["bold_from_eeg"] > spatial["bold_from_eeg"] - 0.01


def test_where_choices_are_made_a_wider_class_is_never_worse(world, linear, power):
    """Whatever the kind of source; the rival with the true response is among the candidates."""
    validation = world.knowledge().validation
    spatial = fitted(SpatialWienerOracle(world.knowledge()), world)
    rivals = [
        fitted(RidgeBold(true_responses(world.truth), RidgeSettings(), with_power=wide), world)
        for wide in (False, True)
    ]
    narrow, middle, wide = (all_scores(one, validation) for one in (spatial, linear, power))
    assert all(middle[what] >= narrow[what] - ROUNDING for what in narrow)
    assert all(wide[what] >= middle[what] - ROUNDING for what in middle)
    bold = ("bold_from_eeg", "all")
    for oracle, rival in zip((middle, wide), rivals, strict=True):
        assert oracle[bold] >= all_scores(rival, validation)[bold] - ROUNDING


def test_linear_oracle_is_above_the_closed_form(r, world):
    settings = TRAIN.model_copy(update={"architecture": "closed_form"})
    blind = scores(fitted(TranscoderMethod(settings), world), world.test)
    from_eeg, from_bold, fused = (r[quantity] - blind[quantity] for quantity in SOURCES)
    assert min(from_eeg, fused) > 0.1
    assert from_bold > -0.01  # BOLD of 8 runs of 3 min says little beyond what is blindly found


def test_both_modalities_say_more_than_each(r):
    assert r["source_fused"] > max(r["source_from_eeg"], r["source_from_bold"]) + 0.02


def test_only_true_sources_of_training_and_validation_runs_are_asked_for(world, linear):
    knowledge = world.knowledge()
    known = {run.label for run in knowledge.truth.runs}
    assert known == {run.run.label for run in (*world.training, *world.validation)}
    hidden = replace(
        knowledge,
        training=tuple(replace(h, sources=-h.sources) for h in knowledge.training),
        validation=tuple(replace(h, sources=-h.sources) for h in knowledge.validation),
    )
    turned = fitted(SupervisedLinear(hidden, QUICK), world)  # learns from them, and nothing else
    run = world.test[0].aligned
    straight = linear.predict(run).source_from_eeg
    assert_allclose(turned.predict(run).source_from_eeg, -straight, atol=1e-6 * straight.std())


def test_sources_that_are_not_known_are_named(world):
    nothing = Knowledge(world.truth, (), ())
    with pytest.raises(SettingsError, match=r"true sources of .* are not known"):
        SupervisedLinear(nothing, QUICK).fit(world.training, world.validation)


def test_what_is_hidden_is_not_looked_at(linear, world):
    run = world.test[0].aligned
    other = replace(run, bold=world.test[1].aligned.bold)
    one, two = (predict_blindly(linear, which) for which in (run, other))
    assert_array_equal(one.source_from_eeg, two.source_from_eeg)
    assert_array_equal(one.bold_from_eeg, two.bold_from_eeg)
    assert np.ptp(one.source_from_bold - two.source_from_bold) > 0


@pytest.fixture(scope="module")
def network(world):
    return partial(SupervisedMlp, world.knowledge(), settings=STEPS, linear=QUICK)


def test_networks_never_lose_to_the_regression_on_validation_runs(network, power, world):
    mlp = fitted(network(100), world)
    for one in (mlp.of_eeg, mlp.of_bold, mlp.of_both):
        before, after = one.errors
        assert after <= before
    found, start = scores(mlp, world.test), scores(power, world.test)
    assert all(found[quantity] > start[quantity] - 0.01 for quantity in SOURCES)


def test_networks_are_those_of_their_seed(network, world):
    run = world.test[0].aligned
    first, again, other = (fitted(network(seed), world) for seed in (100, 100, 101))
    for quantity in SOURCES:
        assert_array_equal(
            getattr(first.predict(run), quantity), getattr(again.predict(run), quantity)
        )
    weights = [next(one.of_eeg.network.parameters()) for one in (first, other)]
    assert not np.array_equal(*(one.detach().numpy() for one in weights))


def test_oracles_are_given_the_truth():
    assert all(spec.informed and spec.role == "oracle" for spec in ORACLE_SPECS)
