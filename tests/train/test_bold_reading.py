from dataclasses import replace

import numpy as np
import pytest
import torch

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.bold_reading import with_bold_reading
from neurotranscoder.train.linear_fit import LinearFit
from neurotranscoder.train.linear_transcoder import (
    LinearShape,
    linear_transcoder,
    unfitted_transcoder,
)
from neurotranscoder.train.signals import Signals

N_BLOCKS, N_COMPONENTS, N_CHANNELS, N_FRAMES = 30, 6, 8, 1500
HRF = np.array([0.25, 0.5, 0.25])


def world(rng, *, shared):
    """Runs whose blocks have few sources between them, or one each; BOLD is noisy."""
    maps = np.kron(np.eye(N_COMPONENTS), np.full((5, 1), 1 / np.sqrt(5)))
    places = maps if shared else np.eye(N_BLOCKS)
    leadfield = rng.standard_normal((N_CHANNELS, N_BLOCKS))
    runs = []
    for _ in range(4):
        sources = places @ rng.standard_normal((places.shape[1], N_FRAMES))
        noise = 0.5 * rng.standard_normal((N_BLOCKS, N_FRAMES))
        runs.append(Signals(leadfield @ sources, apply_fir(sources, HRF) + noise))
    return maps, runs[:2], runs[2:]


def fit_of(maps):
    return LinearFit(
        maps=maps,
        eeg_weights=np.zeros((N_COMPONENTS, N_CHANNELS)),
        hrf=HRF,
        decoder=HRF,
        decoder_lag=-2,
        leadfield=np.zeros((N_CHANNELS, N_COMPONENTS)),
        rate=1.0,
        whitening=0.0,
        ridge=0.0,
        decoder_ridge=0.0,
        leadfield_ridge=0.0,
    )


@pytest.mark.parametrize("shared", [True, False])
def test_blocks_are_read_one_by_one_where_they_share_no_sources(rng, shared):
    maps, training, validation = world(rng, shared=shared)
    assert with_bold_reading(fit_of(maps), training, validation).reads_blocks is not shared


@pytest.mark.parametrize("reads_blocks", [True, False])
def test_a_transcoder_reads_bold_as_its_fit_says_also_when_read_from_disk(rng, reads_blocks):
    fit = replace(fit_of(world(rng, shared=True)[0]), reads_blocks=reads_blocks)
    module = linear_transcoder(fit)
    again = unfitted_transcoder(LinearShape.of(fit))
    again.load_state_dict(module.state_dict())
    bold = torch.zeros(1, N_BLOCKS, 9)
    bold[0, 2, 4] = 1.0
    for one in (module, again):
        assert one.reads_blocks is reads_blocks
        reached = one.source_from_bold(bold)[0].abs().sum(1) > 1e-6
        assert reached.nonzero().ravel().tolist() == ([2] if reads_blocks else [0, 1, 2, 3, 4])
