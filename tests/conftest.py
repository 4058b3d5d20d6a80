"""Shapes and types are enforced while testing; real data is found through one fixture."""

import os
import shutil
from pathlib import Path

import jaxtyping

jaxtyping.install_import_hook("neurotranscoder", "typecheck_for_tests.check")

import matplotlib
import numpy as np
import pytest
import torch

from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study
from small_study import command

matplotlib.use("agg")


@pytest.fixture
def rng():
    return np.random.default_rng(20_240_607)


@pytest.fixture
def one_thread():
    """Sums of products in one order, as in processes that torchrun starts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory):
    """A simulated study of two subjects with five runs of two minutes; never write to it."""
    root = tmp_path_factory.mktemp("tiny") / "study"
    simulate_study(PRESETS["tiny"], root)
    return root


@pytest.fixture(scope="session")
def tiny_results(tmp_path_factory, tiny_study):
    """Both quick models of the tiny study, as the command trains them; never write to it."""
    out = tmp_path_factory.mktemp("results") / "out"
    for architecture in ("closed_form", "transcoder"):
        assert command("train", tiny_study, out, "--architecture", architecture) == 0
    return out


@pytest.fixture
def results(tiny_results, tmp_path):
    """A copy of the results that a test may write to."""
    return Path(shutil.copytree(tiny_results, tmp_path / "results"))


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real recordings; the test is skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEUROTRANSCODER_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set NEUROTRANSCODER_TEST_DATA")
    return folder
