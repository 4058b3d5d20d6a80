import numpy as np
import pytest

from neurotranscoder.core.axes import Montage, VolumeAxis
from neurotranscoder.core.recording import Clock, Eeg
from neurotranscoder.preprocess.gradient_seen import has_gradient

SFREQ, TR, N_VOLUMES = 1000.0, 1.3, 20
VOLUMES = VolumeAxis(TR, N_VOLUMES, np.zeros(3))


def eeg_with(rng, artefact_uv):
    """EEG of 15 uV and what every volume repeats, 2 s after the first sample."""
    data = 15e-6 * rng.standard_normal((10, round(30 * SFREQ)))
    template = 1e-6 * artefact_uv * rng.standard_normal(round(TR * SFREQ))
    start = round(2.0 * SFREQ)
    data[:, start : start + N_VOLUMES * len(template)] += np.tile(template, N_VOLUMES)
    return Eeg(data, SFREQ, Montage(tuple(f"C{i}" for i in range(10))))


@pytest.mark.parametrize(("artefact_uv", "seen"), [(0, False), (30, False), (1000, True)])
def test_a_gradient_artefact_is_seen_and_what_is_left_of_one_is_none(rng, artefact_uv, seen):
    clock = Clock("measured", -2.0, 0.0, 0.0, N_VOLUMES)
    assert has_gradient(eeg_with(rng, artefact_uv), clock, VOLUMES) is seen


def test_what_does_not_follow_the_volumes_is_no_gradient(rng):
    clock = Clock("measured", -2.0, 0.0, 0.0, N_VOLUMES)
    eeg = eeg_with(rng, 1000)
    assert not has_gradient(eeg, clock, VolumeAxis(1.37, N_VOLUMES, np.zeros(3)))
