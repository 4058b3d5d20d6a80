import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.analyse.agreement import SourcePair, agreement
from neurotranscoder.analyse.conventions import convention_facts, opposite_lobe
from neurotranscoder.core.response import Response
from readout_example import trained_example

TIMES = np.arange(0, 20, 0.5)


def lobes(first, second):
    """Two lobes, at 4 and at 7 s."""
    return Response(
        TIMES, first * np.exp(-((TIMES - 4) ** 2)) + second * np.exp(-((TIMES - 7) ** 2))
    )


def test_opposite_lobe_is_relative_to_the_largest_and_within_the_window():
    assert opposite_lobe(lobes(1.0, 0.5), (2.0, 8.0)) == 0.0
    assert_allclose(opposite_lobe(lobes(2.0, -1.0), (2.0, 8.0)), 0.5, rtol=1e-3)
    assert opposite_lobe(lobes(2.0, -1.0), (2.0, 4.5)) == 0.0
    assert opposite_lobe(lobes(-1.0, 0.0), (2.0, 4.5)) == np.inf


def test_facts_say_how_sign_lag_and_gain_were_fixed(rng):
    trained = trained_example()[0]
    source = rng.standard_normal((2, 300))
    pairs = [SourcePair("01", source, 0.5 * np.roll(source, 2, axis=1), trained.rate)]
    facts = {one.measure: one for one in convention_facts(trained, agreement(pairs, [(0.0, 1.0)]))}
    assert_allclose(facts["bold_estimate_later"].value, 2 / trained.rate, atol=0.05)
    assert_allclose(facts["response_area"].value, 1.0, rtol=0.01)
    assert facts["response_peak"].value == trained.response.peak
    assert "is positive" in facts["opposite_lobe"].fixed_by
    assert {one.quantity for one in facts.values()} == {"sign", "lag", "gain"}
