import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.channels import (
    CHANNELS_43_BIPOLAR,
    CHANNELS_64,
    electrodes_of,
    reference_of,
    referenced,
)


def test_caps_have_the_channels_they_are_named_after():
    assert len(set(CHANNELS_64)) == 64
    assert len(set(CHANNELS_43_BIPOLAR)) == 43
    assert reference_of(CHANNELS_64) == "average"
    assert reference_of(CHANNELS_43_BIPOLAR) == "bipolar"
    assert set(electrodes_of(CHANNELS_43_BIPOLAR)) <= set(CHANNELS_64)


def test_pairs_of_the_bipolar_cap_mirror_each_other():
    def mirrored(name):
        digits = "".join(character for character in name if character.isdigit())
        number = int(digits) if digits else 0
        other = number + 1 if number % 2 else number - 1
        return name.replace(digits, str(other)) if digits else name

    mirror = {"-".join(map(mirrored, pair.split("-"))) for pair in CHANNELS_43_BIPOLAR}
    assert mirror == set(CHANNELS_43_BIPOLAR)


def test_a_pair_reads_the_first_minus_the_second():
    potential = np.array([[1.0, 2.0], [10.0, 30.0], [100.0, 500.0]])
    names = ("Fz-Cz", "Cz-Pz")
    assert electrodes_of(names) == ("Fz", "Cz", "Pz")
    assert_array_equal(referenced(potential, names), [[-9.0, -28.0], [-90.0, -470.0]])


@pytest.mark.parametrize("names", [("Fz", "Cz", "Pz"), ("Fz-Cz", "Cz-Pz")])
def test_readings_do_not_depend_on_the_reference_of_the_potential(rng, names):
    potential = rng.standard_normal((3, 4, 3))
    shifted = potential + rng.standard_normal((1, 4, 3))
    assert_allclose(referenced(shifted, names), referenced(potential, names), atol=1e-12)


def test_mixture_is_refused_with_the_cure():
    with pytest.raises(SettingsError, match="write the single ones as pairs"):
        reference_of(("F7-T7", "Cz"))


@pytest.mark.parametrize("name", ["-Cz", "Cz-"])
def test_half_a_pair_is_no_pair(name):
    assert reference_of((name,)) == "average"
