from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Events
from neurotranscoder.core.tiles import Box, boxes, overlapping
from neurotranscoder.model.residual import subject_transcoder
from neurotranscoder.reconstruct.fast import InterpolatedEstimates, interpolated
from neurotranscoder.reconstruct.paper_subject import (
    fit_paper_subject,
    latent_tiles,
)
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.train.average_tiles import tiles_of
from neurotranscoder.train.paper_subject import (
    PaperSubjectSettings,
    preserve_power,
    train_on_averages,
    untrained,
)
from subject_runs import tiny_subject

QUICK = PaperSubjectSettings(
    rate=25.0,
    tile=(6, 6, 6, 75),
    spatial_features=(3, 3, 3, 3),
    temporal_features=(3, 3, 3, 3),
    temporal_kernel=5,
    learning_rate=1e-2,
    steps=40,
    check_every=10,
)


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("closed_form")


@pytest.fixture(scope="module")
def trained(subject):
    return fit_paper_subject(subject.recordings[:2], subject.group, QUICK, device="cpu")


def averages_of(subject):
    return trial_averages(subject.recordings[:2], subject.group, QUICK).averages


def weights(module):
    return {name: value.numpy() for name, value in module.state_dict().items()}


def test_an_average_is_the_mean_of_what_follows_the_events(subject):
    [average] = averages_of(subject)
    found = np.zeros((average.from_bold.n_voxels, 75))
    count = 0
    for recording in subject.recordings[:2]:
        movie = interpolated(subject.group, recording, rate=25.0).from_bold
        for onset in recording.events.onset:
            first = round((onset - movie.axis.start) * 25)
            if 0 <= first <= movie.axis.n_times - 75:
                found += movie.at(slice(first, first + 75))
                count += 1
    assert (average.n_trials, average.from_bold.axis.start) == (count, 0.0)
    expected = found / count
    assert_allclose(
        average.from_bold.at(slice(None)), expected, atol=1e-4 * np.abs(expected).max()
    )


def test_averages_of_conditions_add_up_to_that_of_all_trials(subject):
    recordings = subject.recordings[:2]
    [pooled] = averages_of(subject)
    each = QUICK.model_copy(update={"by_condition": True})
    own = trial_averages(recordings, subject.group, each).averages
    total = sum(one.n_trials * one.from_eeg.at(slice(None)) for one in own)
    assert sum(one.n_trials for one in own) == pooled.n_trials
    whole = pooled.from_eeg.at(slice(None))
    assert_allclose(total / pooled.n_trials, whole, atol=1e-4 * np.abs(whole).max())


def test_training_lowers_the_four_losses_and_says_how_much_is_copied(trained):
    first, last = trained.curve[0].validation, trained.curve[-1].validation
    assert last.total < 0.8 * first.total
    assert trained.steps == 40
    copies = trained.copies
    assert copies.from_eeg + copies.from_bold >= 0
    assert f"copy-r {copies.from_eeg:.2f} from EEG" in repr(trained)


def test_copy_r_is_that_of_the_whole_average(subject, trained):
    [average] = averages_of(subject)
    both = InterpolatedEstimates(average.from_eeg, average.from_bold)
    tiles = latent_tiles(trained, both).from_eeg
    whole = tiles.values(Box((0, 0, 0, 0), (*tiles.grid.shape, 75)))[tiles.mask]
    r = np.corrcoef(whole.ravel(), average.from_eeg.at(slice(None)).ravel())[0, 1]
    assert trained.copies.from_eeg == pytest.approx(r, abs=1e-5)


def test_continuous_inference_in_tiles_equals_that_of_the_whole(subject, trained):
    tiles = latent_tiles(trained, interpolated(subject.group, subject.recordings[3], rate=25.0))
    shape = (*tiles.fused.grid.shape, 200)
    for one in (tiles.from_eeg, tiles.from_bold, tiles.fused):
        whole = one.values(Box((0, 0, 0, 0), shape))
        cut = np.empty_like(whole)
        for box in boxes(shape, (5, 4, 3, 60)):
            cut[box.slices] = one.values(box)
        scale = np.abs(whole).max()
        assert scale > 0
        assert_allclose(cut / scale, whole / scale, atol=1e-6)


def test_the_fused_source_is_the_sum_of_both(subject, trained):
    tiles = latent_tiles(trained, interpolated(subject.group, subject.recordings[3], rate=25.0))
    box = Box((2, 2, 1, 10), (9, 9, 6, 40))
    both = tiles.from_eeg.values(box) + tiles.from_bold.values(box)
    assert_allclose(tiles.fused.values(box), both, atol=1e-6 * np.abs(both).max())


def test_a_training_that_stopped_goes_on_to_the_same_weights(
    subject, trained, tmp_path, one_thread
):
    averages = averages_of(subject)
    expected = train_on_averages(averages, QUICK, device="cpu").model

    def stop(done, *_):
        if done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_on_averages(averages, QUICK, folder=tmp_path, device="cpu", progress=stop)
    model = train_on_averages(averages, QUICK, folder=tmp_path, device="cpu").model
    for name, value in weights(expected).items():
        assert_array_equal(weights(model)[name], value)


def test_coders_start_with_the_power_of_what_they_get(subject):
    tiles, places = tiles_of(averages_of(subject), QUICK.tile)
    model = untrained(places[0][1].shape[:3], QUICK)
    preserve_power(model, tiles[::5])
    eeg, bold = (
        torch.cat([torch.as_tensor(getattr(tile, name))[None] for tile in tiles[::5]]).float()
        for name in ("eeg", "bold")
    )
    with torch.no_grad():
        sources = model.eeg_to_source(eeg), model.bold_to_source(bold)
        both = torch.cat(sources)
        pairs = [(eeg, sources[0]), (bold, sources[1])]
        pairs += [(both, coder(both)) for coder in (model.source_to_eeg, model.source_to_bold)]
    for given, made in pairs:  # in single precision
        assert float(made.square().mean() / given.square().mean()) == pytest.approx(1, rel=1e-3)


def test_the_first_loss_is_that_of_outputs_as_loud_as_the_data(trained):
    first = trained.curve[0].validation
    # twice the power of the data where outputs have nothing to do with it
    assert 0.5 * 4 < first.total < 2 * 8


@pytest.mark.parametrize("name", ["eeg_to_source", "source_to_eeg"])
def test_coders_of_space_never_mix_frames(name):
    coder = getattr(small_transcoder(), name)
    source = torch.zeros(1, 60, 6, dtype=torch.float64)
    quiet = coder(source)
    source[0, 31, 2] = 1.0
    changed = (coder(source) != quiet)[0].any(dim=0)
    assert changed.nonzero().tolist() == [[2]]


@pytest.mark.parametrize("name", ["bold_to_source", "source_to_bold"])
def test_coders_of_time_never_mix_voxels(name):
    coder = getattr(small_transcoder(), name)
    source = torch.zeros(1, 60, 30, dtype=torch.float64)
    quiet = coder(source)
    source[0, 31, 12] = 1.0
    changed = (coder(source) != quiet)[0].any(dim=1)
    assert changed.nonzero().tolist() == [[31]]


def small_transcoder():
    generator = torch.Generator().manual_seed(0)
    return subject_transcoder((5, 4, 3), kernel_sizes=(3, 5), generator=generator).double()


def test_tiles_overlap_by_half_and_cover_everything():
    found = np.zeros((35, 16, 9, 300))
    for box in overlapping(found.shape, (16, 16, 16, 300)):
        assert box.shape == (16, 16, 9, 300)
        found[box.slices] += 1
    assert found.min() == 1
    starts = [box.start[0] for box in overlapping(found.shape, (16, 16, 16, 300))]
    assert starts == [0, 8, 16, 19]


def test_runs_whose_trials_do_not_fit_are_refused(subject):
    last = subject.recordings[0].events.onset[-1:]
    events = Events(last, np.full(1, np.nan), ("standard",), np.full(1, np.nan))
    with pytest.raises(GridError, match="check the onsets"):
        trial_averages(
            [replace(subject.recordings[0], events=events)],
            subject.group,
            QUICK.model_copy(update={"stop": 60.0}),
        )
