from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.physics.hrf import HrfShape, HrfSpread, draw_hrf_shapes
from neurotranscoder.simulate.subjects import (
    SubjectSpread,
    draw_traits,
    own_head_settings,
    own_hrfs,
)

NONE = SubjectSpread(**dict.fromkeys(SubjectSpread.model_fields, 0.0))
HRFS = draw_hrf_shapes(12, HrfShape(), HrfSpread(), np.random.default_rng(0))


def traits_of(spread, subject=0, n_regions=12):
    return draw_traits(spread, 5, subject, n_regions)


def as_arrays(traits):
    return {field.name: np.asarray(getattr(traits, field.name)) for field in fields(traits)}


def test_subjects_without_spread_are_the_template():
    traits, template = traits_of(NONE), HeadSettings(skull_share=0.97)
    assert own_head_settings(traits, NONE, template) == template
    assert own_hrfs(traits, HRFS, HrfSpread()) == HRFS
    assert_array_equal(traits.strengths, np.ones(12))


@pytest.mark.parametrize(
    ("setting", "concerned"),
    [
        ("scale_sd", {"scale"}),
        ("skull_conductivity_log_sd", {"skull_conductivity"}),
        ("skull_thickness_log_sd", {"skull_thickness"}),
        ("hrf_delay_sd", {"hrf_delay"}),
        ("hrf_region_delay_sd", {"hrf_region_delay"}),
        ("strength_log_sd", {"strengths"}),
        ("gain_log_sd", {"gain", "strengths"}),
        ("electrode_jitter", set()),
        ("orientation_jitter", set()),
    ],
)
def test_setting_one_property_to_zero_leaves_the_others(setting, concerned):
    before = as_arrays(traits_of(SubjectSpread()))
    after = as_arrays(traits_of(SubjectSpread(**{setting: 0.0})))
    changed = {name for name, value in before.items() if not np.array_equal(value, after[name])}
    assert changed == concerned


def test_subjects_differ_and_stay_who_they_are_whatever_the_regions():
    first, second = (as_arrays(traits_of(SubjectSpread(), subject)) for subject in (0, 1))
    assert all(not np.any(first[name] == second[name]) for name in first)
    fewer = as_arrays(traits_of(SubjectSpread(), n_regions=7))
    for name, value in fewer.items():
        assert_array_equal(value, first[name][:7] if value.shape == (7,) else first[name])


def test_draws_have_their_sd_and_are_cut_off():
    spread = SubjectSpread(scale_sd=0.03, strength_log_sd=0.3, gain_log_sd=0.0)
    drawn = [traits_of(spread, subject, 40) for subject in range(200)]
    scale = np.concatenate([one.scale for one in drawn])
    strength = np.concatenate([np.log(one.strengths) for one in drawn])
    for values, mean, sd in ((scale, 1.0, 0.03), (strength, 0.0, 0.3)):
        n = len(values)
        assert np.abs(values - mean).max() <= 2.5 * sd
        assert np.abs(values - mean).max() > 2.2 * sd
        assert_allclose(values.mean(), mean, atol=4 * sd / np.sqrt(n))
        assert_allclose(values.std(), 0.955 * sd, rtol=4 / np.sqrt(2 * n))


def test_properties_are_drawn_independently():
    drawn = [traits_of(SubjectSpread(), subject, 1) for subject in range(300)]
    columns = [
        [
            *one.scale,
            one.skull_conductivity,
            one.skull_thickness,
            one.electrode_seed,
            one.orientation_seed,
            one.hrf_delay,
            *one.hrf_region_delay,
            np.log(one.gain),
            *np.log(one.strengths / one.gain),
        ]
        for one in drawn
    ]
    correlation = np.corrcoef(np.array(columns), rowvar=False)
    others = correlation[~np.eye(len(correlation), dtype=bool)]
    assert np.abs(others).max() < 4 / np.sqrt(300)


def test_skull_and_size_are_relative_to_the_template():
    template = HeadSettings(scale=(1.1, 1.0, 0.9), skull_share=0.6)
    traits = traits_of(SubjectSpread())
    own = own_head_settings(traits, SubjectSpread(), template)
    assert_allclose(own.scale, np.array([1.1, 1.0, 0.9]) * traits.scale)
    assert_allclose(own.conductivities, [0.3, 0.006 * traits.skull_conductivity, 0.3])
    assert_allclose(own.skull_range, np.array([3.0, 7.0]) * traits.skull_thickness)
    assert_allclose(own.skull_share, 0.6 * traits.skull_thickness)


def test_bone_leaves_room_for_skin_in_the_thickest_skull():
    thickest = max(
        (traits_of(SubjectSpread(skull_thickness_log_sd=0.4), i) for i in range(50)),
        key=lambda traits: traits.skull_thickness,
    )
    assert thickest.skull_thickness > 1.6
    own = own_head_settings(thickest, SubjectSpread(), HeadSettings(skull_share=0.7))
    assert own.skull_share == 0.95


def test_jitter_adds_to_that_of_the_template():
    template = HeadSettings(electrode_jitter=3.0, orientation_jitter=2.0)
    spread = SubjectSpread(electrode_jitter=4.0, orientation_jitter=0.0)
    own = own_head_settings(traits_of(spread), spread, template)
    assert own.electrode_jitter == 5.0
    assert own.electrode_seed is not None
    assert (own.orientation_jitter, own.orientation_seed) == (2.0, None)


def test_responses_of_a_subject_move_together_and_keep_their_undershoot():
    spread = SubjectSpread(hrf_delay_sd=0.3, hrf_region_delay_sd=0.0)
    traits = traits_of(spread)
    moved = own_hrfs(traits, HRFS, HrfSpread())
    for after, before in zip(moved, HRFS, strict=True):
        assert_allclose(after.peak_delay - before.peak_delay, traits.hrf_delay)
        gaps = (shape.undershoot_delay - shape.peak_delay for shape in (after, before))
        assert_allclose(*gaps)
    assert traits.hrf_delay != 0


def test_regions_move_apart_only_where_they_differ_in_the_template():
    traits = traits_of(SubjectSpread(hrf_delay_sd=0.0))
    own = own_hrfs(traits, HRFS, HrfSpread())
    delays = [a.peak_delay - b.peak_delay for a, b in zip(own, HRFS, strict=True)]
    assert_allclose(delays, traits.hrf_region_delay)
    alike = (HrfShape(),) * 12
    assert own_hrfs(traits, alike, None) == alike
    assert len(set(own_hrfs(traits_of(SubjectSpread()), alike, None))) == 1


def test_responses_never_peak_beyond_their_range():
    spread = SubjectSpread(hrf_delay_sd=3.0)
    drawn = [own_hrfs(traits_of(spread, i), HRFS, HrfSpread()) for i in range(30)]
    modes = np.array([[s.peak_delay - s.peak_dispersion for s in shapes] for shapes in drawn])
    assert_allclose([modes.min(), modes.max()], [3.1, 8.5])


def test_template_that_peaks_beyond_the_range_is_refused():
    late = (HrfShape(peak_delay=11.0, undershoot_delay=21.0),)
    traits = traits_of(SubjectSpread(), n_regions=1)
    with pytest.raises(SettingsError, match=r"peaks at 10 s, and those of subjects may peak at"):
        own_hrfs(traits, late, None)
    assert own_hrfs(traits_of(NONE, n_regions=1), late, None) == late
