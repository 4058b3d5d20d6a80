"""Shapes and types are enforced while testing; real data is found through one fixture."""

import os
from pathlib import Path

import jaxtyping

jaxtyping.install_import_hook("neurotranscoder", "typecheck_for_tests.check")

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real recordings; the test is skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEUROTRANSCODER_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set NEUROTRANSCODER_TEST_DATA")
    return folder
