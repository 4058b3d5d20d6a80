import copy
from dataclasses import replace

import pytest
from numpy.testing import assert_allclose

from neurotranscoder.analyse.models import ModelFacts, compare_models, over_models
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.train.split import Split
from readout_example import trained_example


def turned_over(trained):
    """Return the model with the other sign of its source."""
    module = copy.deepcopy(trained.module)
    module.source_sign.mul_(-1.0)
    return replace(trained, module=module)


def test_a_model_of_the_other_sign_is_found():
    trained, _, validation = trained_example()
    same, other = compare_models([("a", trained), ("b", turned_over(trained))], validation)
    assert_allclose([same.source_r, other.source_r], [1.0, -1.0], atol=1e-4)
    assert_allclose(same.source_lag, 0.0, atol=1e-6)
    assert same.peak == other.peak == trained.response.peak


def test_models_of_different_splits_are_refused():
    trained, _, validation = trained_example()
    other = replace(trained, split=Split(("x",), ("y",), ("z",)))
    with pytest.raises(SettingsError, match="b and a were trained on different splits"):
        compare_models([("a", trained), ("b", other)], validation)


def test_interval_over_models_is_that_of_their_values():
    facts = [
        ModelFacts(name, peak, 5.0, 1.0, 0.0)
        for name, peak in zip("abc", (4.0, 5.0, 6.0), strict=True)
    ]
    found = over_models(facts, "peak")
    assert found.mean == 5.0
    assert_allclose(found.high - found.mean, 4.3027 / 3**0.5, rtol=1e-4)
