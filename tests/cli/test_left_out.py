from importlib import import_module

import pytest

from neurotranscoder.cli.common import Common, Workers
from neurotranscoder.cli.left_out import LeftOut, left_out_of
from neurotranscoder.core.errors import GridError, PartialError, SettingsError


def fail(error):
    raise error


@pytest.fixture
def left_out(tmp_path):
    return LeftOut(tmp_path)


def test_a_step_that_a_study_has_no_data_for_is_kept_for_the_page(left_out, capsys):
    left_out.attempt("statistics", lambda: fail(GridError("no trials")))
    left_out.keep()
    left_out.settle()
    assert "LEFT OUT: statistics: no trials" in capsys.readouterr().err
    assert left_out_of(left_out.results) == (
        "Left out (statistics: no trials). What is here of it is of an earlier run.",
    )


def test_a_step_that_settings_ask_for_in_vain_is_a_fault_at_the_end(left_out):
    left_out.attempt("statistics", lambda: fail(SettingsError("no condition 'odball'")))
    with pytest.raises(PartialError, match="settings ask for it: statistics: no condition"):
        left_out.settle()


def test_where_all_that_a_report_is_of_is_left_out_the_end_says_so(tmp_path, monkeypatch):
    run = import_module("neurotranscoder.cli.run")  # the package has a function of this name
    for step in ("train", "evaluate", "analyse"):
        error = None if step == "train" else GridError(f"no {step}")
        monkeypatch.setattr(run, step, lambda *_, error=error, **__: error and fail(error))
    study = run.RawStudy(tmp_path, tmp_path / "out", Common(), Workers())
    with pytest.raises(PartialError, match=r"all was left out: scores: no evaluate; read-outs"):
        study.group()


def test_what_is_done_again_is_no_longer_left_out(left_out):
    left_out.attempt("statistics", lambda: fail(GridError("no trials")))
    left_out.keep()
    LeftOut(left_out.results).keep()
    assert left_out_of(left_out.results) == ()


def test_the_command_that_goes_on_has_the_settings_of_the_first(tmp_path):
    changed = ("analyse.space=mni", 'a.b=["x y"]')
    given = Common(config=tmp_path / "my study.toml", set=changed, seed=3)
    config, last = f" --config '{tmp_path}/my study.toml'", "--set 'a.b=[\"x y\"]' --seed 3"
    assert given.words() == f"{config} --set analyse.space=mni {last}"
