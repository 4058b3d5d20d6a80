import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.network import (
    Links,
    NetworkSettings,
    draw_links,
    follow_impulses,
    follow_rhythms,
)
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.rhythms import draw_rhythms
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.trains import Impulses

SFREQ = 1000.0


def chain():
    """0 drives 1, which drives 2."""
    return Links(np.array([0, 1]), np.array([1, 2]), np.array([0.05, 0.02]), np.zeros(2, bool))


def test_followers_of_followers_come_late_and_weak_as_often_as_stated(rng):
    n = 20_000
    first = Impulses(np.zeros(n, dtype=int), np.arange(n) * 1.0, np.full(n, 2.0))
    settings = NetworkSettings(probability=0.4, gain=0.5)
    found = follow_impulses(first, chain(), settings, sfreq=SFREQ, rng=rng)
    for region, delay, amplitude, share in ((0, 0, 2, 1), (1, 0.05, 1, 0.4), (2, 0.07, 0.5, 0.16)):
        mine = found.region == region
        assert_allclose(mine.sum() / n, share, atol=4 * np.sqrt(share * (1 - share) / n))
        assert_allclose(found.time[mine] % 1.0, delay, atol=1e-9)
        assert_allclose(found.amplitude[mine], amplitude)


def test_driven_rhythm_shares_its_driver_late_and_keeps_its_variance(rng):
    frequencies = np.arange(1, 4001) / 400.0
    waves = draw_rhythms(3, frequencies, sd=1.0, rng=rng)
    settings = NetworkSettings(coherence=0.36)
    links = Links(np.array([5]), np.array([9]), np.array([0.03]), np.ones(1, bool))
    linked = follow_rhythms(waves, frequencies, np.array([5, 7, 9]), links, settings)
    assert_allclose(linked[:2], waves[:2])
    late = waves[0] * np.exp(-2j * np.pi * frequencies * 0.03)
    assert_allclose(linked[2], 0.8 * waves[2] + 0.6 * late)


def test_links_never_lead_back(tiny_cohort, rng):
    settings = NetworkSettings(n_links=8, n_rhythm_links=2)
    links = draw_links(settings, tiny_cohort.regions, rhythms=True, rng=rng)
    assert len(links.source) == 10
    assert np.all((links.delay >= 0.01) & (links.delay <= 0.1))
    pairs = set(zip(links.source.tolist(), links.target.tolist(), strict=True))
    assert len(pairs) == 10
    reached = np.zeros((8, 8), dtype=int)
    reached[links.source, links.target] = 1
    assert np.all(np.linalg.matrix_power(reached, 8) == 0)
    for rhythms in (False, True):
        mine, drove = links.only(rhythms=rhythms), set()
        for source, target in zip(mine.source, mine.target, strict=True):
            drove.add(source)
            assert target not in drove  # a driver is complete before it drives


def test_too_many_links_are_refused(tiny_cohort, rng):
    with pytest.raises(
        SettingsError, match=r"network\.n_links is 90; .* allow at most 10; lower it"
    ):
        draw_links(
            NetworkSettings(n_links=90, n_rhythm_links=2),
            tiny_cohort.regions,
            rhythms=True,
            rng=rng,
        )


def test_network_keeps_levels_and_what_regions_do_by_themselves(tiny_head):
    regions = RegionSettings(n_evoked=12, n_oscillatory=6, n_motor=1)
    few = {"n_subjects": 1, "duration": 600.0, "regions": regions, "bold_snr_db": None}
    few |= {"eeg_snr_db": None, "network": NetworkSettings(n_links=30, n_rhythm_links=5)}
    linked = make_cohort(named_scenario("network", preset="tiny", **few), tiny_head)
    alone = make_cohort(
        named_scenario("network", preset="tiny", **(few | {"network": None})), tiny_head
    )
    run, other = simulate_run_of(linked, 0, 0), simulate_run_of(alone, 0, 0)
    n = len(other.sources.time)
    assert_allclose(run.sources.time[:n], other.sources.time)
    assert len(run.sources.time) > 1.2 * n
    # inherited impulses come with their region's own ones, so the sum has more variance than
    # the Poisson law expects
    assert_allclose(np.sqrt(np.mean(run.recording.eeg.data**2)), 10e-6, rtol=0.25)
    power = np.sum(np.abs(run.sources.waves) ** 2) / linked.levels.rhythm_sd**2
    expected = np.sum(np.abs(other.sources.waves) ** 2) / alone.levels.rhythm_sd**2
    assert_allclose(power, expected, rtol=0.2)  # some 40 degrees of freedom in each rhythm
