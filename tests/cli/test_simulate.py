import numpy as np
import pytest

from neurotranscoder.physics.head import build_head
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.truth import load_truth
from small_study import bytes_below, command

SHORT = ("--preset", "tiny", "--subjects", "1", "--runs", "2", "--duration", "20")


@pytest.fixture(scope="module")
def leadfield(tmp_path_factory):
    """A leadfield of one's own as a file: random, on every brain voxel of the tiny grid."""
    head, rng = build_head(PRESETS["tiny"].head), np.random.default_rng(0)
    path = tmp_path_factory.mktemp("own") / "leadfield.npz"
    channels = np.array([f"E{i}" for i in range(12)])
    gain = rng.standard_normal((12, head.n_voxels))
    np.savez(path, leadfield=gain - gain.mean(axis=0), positions=head.places, channels=channels)
    return path


def test_leadfield_of_ones_own_is_the_one_of_the_study(leadfield, tmp_path):
    assert command("simulate", tmp_path / "study", *SHORT, "--head", leadfield, quick=False) == 0
    head = load_truth(tmp_path / "study").head
    assert head.montage.names == tuple(f"E{i}" for i in range(12))
    np.testing.assert_allclose(head.leadfield, np.load(leadfield)["leadfield"], atol=1e-6)


def test_a_run_of_more_than_a_day_is_refused(tmp_path, capsys):
    words = ("--preset", "tiny", "--duration", "1e9")
    assert command("simulate", tmp_path / "study", *words, quick=False) == 2
    assert "duration: Input should be less than or equal to 86400" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_another_head_is_another_study(leadfield, tmp_path, capsys):
    assert command("simulate", tmp_path / "study", *SHORT, quick=False) == 0
    before = bytes_below(tmp_path)
    assert command("simulate", tmp_path / "study", *SHORT, "--head", leadfield, quick=False) != 0
    assert "choose another output folder" in capsys.readouterr().err
    assert bytes_below(tmp_path) == before


def test_leadfield_that_does_not_match_the_grid_is_refused_before_anything_is_written(
    leadfield, tmp_path, capsys
):
    arrays = dict(np.load(leadfield))
    arrays["positions"] = arrays["positions"] + 500.0
    np.savez(tmp_path / "far.npz", **arrays)
    where = ("--head", tmp_path / "far.npz")
    assert command("simulate", tmp_path / "study", *SHORT, *where, quick=False) == 2
    assert "outside" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_seed_of_a_file_counts_unless_another_is_given(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text("seed = 5\n")
    for name, words in {"file": (), "word": ("--seed", "7")}.items():
        where = ("--scenario", mine, *words)
        assert command("simulate", tmp_path / name, *SHORT, *where, quick=False) == 0
    seeds = [load_truth(tmp_path / name).cohort.scenario.seed for name in ("file", "word")]
    assert seeds == [5, 7]
