import numpy as np
import pytest

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.catalogue import named_scenario, scenario_names
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.run import simulate_run


def test_presets_without_a_name_are_themselves():
    for preset, scenario in PRESETS.items():
        assert named_scenario(preset=preset) == scenario


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_is_named_after_its_file_and_fits_every_preset(name):
    for preset in PRESETS:
        scenario = named_scenario(name, preset=preset)
        assert scenario.name == name
        assert scenario.head == PRESETS[preset].head
        runs = 5 if name.startswith("cohort") else PRESETS[preset].runs_per_subject
        assert scenario.runs_per_subject == runs


def test_scenarios_of_the_paper_differ_in_slice_order_and_noise_alone():
    names = ("sequential-noisefree", "interleave5-noisefree", "interleave5-snr10")
    first, second, third = (named_scenario(name, preset="paper") for name in names)
    assert second.model_copy(update={"name": first.name, "slices": first.slices}) == first
    noisy = {"name": third.name, "eeg_snr_db": 10.0, "bold_snr_db": 10.0}
    assert second.model_copy(update=noisy) == third
    assert first.volumes.n_passes == 1
    assert second.volumes.n_passes == 5


def test_paper_preset_has_the_size_of_the_paper():
    scenario = PRESETS["paper"]
    assert scenario.head.shape == (64, 64, 35)
    assert len(scenario.run_ids) == 319
    assert scenario.volumes.n_volumes == 300
    n_samples = scenario.source_rate * scenario.tr / scenario.head.shape[2]
    assert n_samples == 6  # of the source for each slice: 105 Hz = 35 slices x 6 / 2 s


def test_noise_free_scenario_has_the_sources_of_its_noisy_twin(tiny_head):
    clean, noisy = (
        simulate_run(named_scenario(name, preset="tiny"), tiny_head, 0, 0)
        for name in ("interleave5-noisefree", "interleave5-snr10")
    )
    np.testing.assert_array_equal(clean.sources.time, noisy.sources.time)
    np.testing.assert_array_equal(clean.sources.waves, noisy.sources.waves)
    error = noisy.recording.bold.data - clean.recording.bold.data
    brain = tiny_head.brain
    signal, noise = (np.var(a[brain], axis=1).mean() for a in (clean.recording.bold.data, error))
    n_values = error[brain].size
    tolerance = 5 * np.sqrt(2 / n_values)  # five standard errors of a sample variance
    np.testing.assert_allclose(signal / noise, 10.0 * (60 / 59), rtol=tolerance + 0.02)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="known scenarios are artefacts, balloon, "):
        named_scenario("interleave6")
    with pytest.raises(SettingsError, match="known presets are small, tiny, paper"):
        named_scenario(preset="huge")
    with pytest.raises(SettingsError, match="scenario 'regions-300': duration 401"):
        named_scenario("regions-300", duration=401.0)


def test_scenario_of_ones_own_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('bold_snr_db = "none"\n[slices]\norder = "odd_even"\n')
    scenario = named_scenario(str(path), preset="tiny")
    assert (scenario.name, scenario.bold_snr_db) == ("mine", None)
    assert scenario.slices.order == "odd_even"
    assert scenario.head == PRESETS["tiny"].head


@pytest.mark.parametrize("text", [None, "[slices", 'slices.order = "spiral"', "colour = 3"])
def test_file_that_is_no_scenario_is_refused(tmp_path, text):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        named_scenario(str(path), preset="tiny")


def test_paper_has_300_runs_for_training_and_19_for_testing():
    scenario = PRESETS["paper"]
    assert len(scenario.run_ids) == 319
    assert len(scenario.test_ids) == 19
    assert scenario.test_ids == scenario.run_ids[300:]


def test_file_may_change_a_scenario_that_is_shipped(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "realistic"\n[motion]\nfd_median = 0.3\n')
    mine, base = (
        named_scenario(str(path), preset="tiny"),
        named_scenario("realistic", preset="tiny"),
    )
    assert mine.name == "mine"
    assert mine.motion.fd_median == 0.3
    changed = {"name": "realistic", "motion": base.motion}
    assert mine.model_copy(update=changed) == base
    path.write_text('base = "real"\n')
    with pytest.raises(SettingsError, match="base is 'real'; need one of artefacts"):
        named_scenario(str(path))
