"""Where every voxel has its own train, rivals and limits are given blocks in place of regions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.methods.imaging import SourceImaging
from neurotranscoder.evaluate.methods.imaging_heads import true_head
from neurotranscoder.evaluate.methods.imaging_specs import family_candidates
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.spatial_wiener import spatial_wiener
from neurotranscoder.evaluate.truths import Units, with_truth
from neurotranscoder.physics.head import HeadSettings, build_head
from neurotranscoder.preprocess.align import AlignSettings, align
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of

# 6 mm in z makes more than 1,000 voxels, each a region, of this small head
HEAD = HeadSettings(shape=(16, 16, 25), voxel_sizes=(12.0, 12.0, 6.0), ico=2)


@pytest.fixture(scope="module")
def world():
    scenario = named_scenario(
        "independent", preset="tiny", head=HEAD, duration=400.0, n_subjects=1, runs_per_subject=3
    )
    cohort = make_cohort(scenario, build_head(HEAD))
    runs = [simulate_run_of(cohort, 0, number) for number in range(3)]
    truth = truth_of(cohort, runs)
    blocks = BlockMap.from_mask(HEAD.grid, cohort.template.head.brain, factors=(1, 1, 2))
    aligned = [align(run.recording, blocks, AlignSettings()) for run in runs]
    return truth, blocks, aligned


def test_every_block_is_a_unit_with_the_leadfield_of_its_voxels(world):
    truth, blocks, _ = world
    units = Units.of(truth, blocks)
    assert not units.are_regions
    assert truth.regions.n_regions > 1000
    head, subject = truth.head, truth.cohort.template
    leadfield = units.leadfield(subject)
    labels = blocks.labels[head.brain]
    for block in range(0, blocks.n_blocks, 29):
        expected = head.leadfield[:, labels == block].sum(axis=1)
        assert_allclose(leadfield[:, block], expected, rtol=1e-9, atol=1e-9)
    assert_allclose(units.shares, np.eye(blocks.n_blocks))


def test_oracle_of_independent_voxels_is_no_worse_than_minimum_norm(world):
    truth, _, aligned = world
    test = with_truth(aligned[2:], truth)
    oracle = spatial_wiener(truth, aligned[:2]).predict(aligned[2]).source_from_eeg
    knowledge = Knowledge(truth, (), tuple(with_truth(aligned[1:2], truth)))
    method = SourceImaging(knowledge, family_candidates("MNE"), true_head)
    method.fit(aligned[:1], aligned[1:2])
    rival = method.predict(aligned[2]).source_from_eeg
    best, other = (np.mean(correlate_rows(found, test[0].sources)) for found in (oracle, rival))
    # minimum norm with the true leadfield is nearly optimal for independent sources of equal
    # variance; the oracle differs by chance in what it learns of noise from two runs
    assert best > 0.1
    assert best > other - 0.005
