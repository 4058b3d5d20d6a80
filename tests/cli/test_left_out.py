import pytest

from neurotranscoder.cli.common import Common
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
