from pathlib import Path

import pytest

from neurotranscoder.config import Config, experiment_file, experiment_names, load_config, to_toml
from neurotranscoder.core.errors import SettingsError


def test_settings_written_as_toml_are_read_back(tmp_path):
    config = load_config(
        None,
        [
            "train.residual.steps=7",
            'study.participants=["01", "a b"]',
            "study.clock={eeg_start=-0.5}",
            'study.images="a \\"strange\\" \\\\ pl\\u00e4ce\\n"',
            "align.frames_per_tr=6",
            "train.paper.learning_rate=1e-05",
            "train.split.by=subject",
        ],
    )
    (tmp_path / "study.toml").write_text(to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "study.toml") == config
    assert config.study.clock.eeg_start == -0.5
    assert config.train.split.by == "subject"


def test_defaults_written_as_toml_are_the_defaults(tmp_path):
    (tmp_path / "study.toml").write_text(to_toml(Config()), encoding="utf-8")
    assert load_config(tmp_path / "study.toml") == Config() == load_config()


def test_a_section_keeps_the_defaults_that_it_does_not_name(tmp_path):
    (tmp_path / "study.toml").write_text("[train.residual]\nsteps = 7\n")
    config = load_config(tmp_path / "study.toml", ["train.residual.windows.overlap=0.25"])
    assert config.train.residual.steps == 7
    assert config.train.residual.windows.overlap == 0.25
    assert config.train.residual.windows.context == 32.0
    assert config.train.residual.losses.eeg_from_eeg == 0.0
    assert config.train.paper == Config().train.paper


def test_overrides_win_over_the_file_and_later_ones_over_earlier(tmp_path):
    (tmp_path / "study.toml").write_text("[align]\nblock_size = 8.0\nmin_share = 0.5\n")
    config = load_config(
        tmp_path / "study.toml", ["align.block_size=10", "align . block_size = 12.5"]
    )
    assert (config.align.block_size, config.align.min_share) == (12.5, 0.5)


def test_all_faults_of_a_file_are_told_at_once_with_the_known_keys(tmp_path):
    (tmp_path / "study.toml").write_text(
        "[train]\nlearning_rat = 1\n[align]\nblock_size = 0\n[reconstruct]\nfusion = 'mean'\n"
    )
    with pytest.raises(SettingsError, match=r"study\.toml") as caught:
        load_config(tmp_path / "study.toml")
    told = str(caught.value)
    assert "[train] has unknown key 'learning_rat'; known keys are 'architecture', 'split'" in told
    assert "align.block_size = 0: Input should be greater than 0" in told
    assert "reconstruct.fusion = 'mean': Input should be 'joint', 'sum' or 'zscored'" in told


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[train\n", r"study\.toml: not valid TOML: .*line 1"), (b"\xff\xfe", "not valid TOML")],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path, content, message):
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        load_config(tmp_path / "study.toml")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"no such settings file; check the path given to"):
        load_config(tmp_path / "study.toml")
    with pytest.raises(SettingsError, match=r"cannot be read .*--config needs a TOML file"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.seed", r"--set got 'train\.seed'; it needs section\.key=value"),
        ("=3", "it needs section.key=value"),
        ("train..steps=3", "it needs section.key=value"),
        ("align.block_size.x=3", r"align\.block_size = "),
        ("align.target_rate=nan", r"align\.target_rate = nan: Input should be a finite number"),
    ],
)
def test_overrides_that_say_nothing_are_refused(override, message):
    with pytest.raises(SettingsError, match=message):
        load_config(None, [override])


def test_a_key_below_a_value_is_refused():
    with pytest.raises(SettingsError, match="x is a value and has no keys below it"):
        load_config(None, ["align.x=1", "align.x.y=2"])


@pytest.mark.parametrize("name", experiment_names())
def test_a_shipped_experiment_is_read_by_its_name_and_written_back_the_same(tmp_path, name):
    config = load_config(Path(name))
    (tmp_path / "study.toml").write_text(to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "study.toml") == config
    assert config.analyse.trials.conditions
    assert (config.analyse.trials.window.start, config.analyse.trials.window.stop) == (-0.5, 3.0)


def test_the_experiments_are_those_of_the_paper_and_its_nearest_public_recording():
    assert experiment_names() == ("faces", "oddball", "oddball-paper")
    assert experiment_file("faces").startswith("# The three-choice categorisation of the paper")


def test_a_file_of_that_name_wins_over_a_shipped_experiment_and_a_folder_does_not(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("faces").write_text("[align]\nblock_size = 9.0\n")
    Path("oddball").mkdir()
    assert load_config(Path("faces")).align.block_size == 9.0
    assert load_config(Path("oddball")).analyse.trials.pools


def test_an_unknown_experiment_is_refused_with_the_names_of_those_that_there_are():
    with pytest.raises(SettingsError, match=r"odball: .* package: faces, oddball, oddball-paper"):
        load_config(Path("odball"))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("clean.steps=ocular", "clean.steps = 'ocular': Input should be a list, as"),
        ("study.channels=[]", r"study.channels = \[\]: Input should be a list of at least 1"),
        ('analyse.trials.contrasts=[["a", "b", "c"]]', "Input should be a list of at most 2"),
        ("study.clock=5", "study.clock = 5: Input should be a section"),
        ("study.max_eeg=-1", "study.max_eeg = -1: Input should be greater than 0"),
        ("study.max_image_bytes=0", "max_image_bytes = 0: Input should be greater than 0"),
        ('study.channels=["Cz", "Cz"]', "'Cz'.: it needs names of channels, each of them once"),
    ],
)
def test_values_of_another_kind_are_refused_in_words_of_toml(override, told):
    with pytest.raises(SettingsError, match=told):
        load_config(None, [override])
