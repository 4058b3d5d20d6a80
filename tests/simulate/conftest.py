import pytest

from neurotranscoder.physics.head import build_head
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.presets import PRESETS


@pytest.fixture(scope="session")
def tiny():
    return PRESETS["tiny"].model_copy(update={"runs_per_subject": 2})


@pytest.fixture(scope="session")
def noise_free(tiny):
    return tiny.model_copy(update={"eeg_snr_db": None, "bold_snr_db": None})


@pytest.fixture(scope="session")
def tiny_head(tiny):
    return build_head(tiny.head)


@pytest.fixture(scope="session")
def tiny_cohort(tiny, tiny_head):
    return make_cohort(tiny, tiny_head)
