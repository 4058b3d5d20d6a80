"""Runs in files, spread over processes, give the weights of runs in memory."""

import copy
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from neurotranscoder.cluster.pool import pool
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.split import Split
from small_network import RECIPE
from synthetic_runs import synthetic_runs

ARCHITECTURES = ("closed_form", "sparse", "transcoder")


@contextmanager
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runs():
    return synthetic_runs(5, n_frames=300)


def fit(runs, architecture):
    split = Split(("a", "b", "c"), ("d", "e"), ("f",))
    settings = RECIPE.model_copy(update={"architecture": architecture})
    with one_thread():
        trained = fit_transcoder(runs[:3], runs[3:], split, settings, device="cpu")
    return {name: value.numpy() for name, value in trained.module.state_dict().items()}


@pytest.fixture(scope="module")
def expected(runs):
    return {architecture: fit(runs, architecture) for architecture in ARCHITECTURES}


def test_weights_are_those_of_runs_in_memory(tmp_path, runs, expected, where):
    same_bytes = "cluster" not in where  # its workers have threads of their own
    with pool(**where) as spread:
        stored = StoredRuns.of(copy.copy, runs, tmp_path, spread=spread)
        for architecture, weights in expected.items():
            found = fit(stored, architecture)
            assert found.keys() == weights.keys()
            for name, value in weights.items():
                atol = 0 if same_bytes else 1e-5 * np.abs(value).max()
                np.testing.assert_allclose(found[name], value, rtol=0, atol=atol, err_msg=name)
