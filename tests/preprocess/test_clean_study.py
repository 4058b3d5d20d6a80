import pytest

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.store import write_json
from neurotranscoder.preprocess.clean_study import (
    CleanStudy,
    read_clean_study,
    write_clean_study,
)

STUDY = CleanStudy("oddball", simulated=True, left_out={"02": "no samples"})


def test_a_clean_study_knows_the_name_of_the_one_that_it_was_made_of(tmp_path):
    assert read_clean_study(tmp_path) is None
    write_clean_study(tmp_path, STUDY)
    assert read_clean_study(tmp_path) == STUDY


def test_a_fault_stays_until_its_subject_is_clean():
    now = CleanStudy("oddball", simulated=True, left_out={"03": "no triggers"})
    assert dict(now.after(STUDY, {"01"}).left_out) == {"02": "no samples", "03": "no triggers"}
    assert dict(now.after(STUDY, {"02"}).left_out) == {"03": "no triggers"}


def test_a_damaged_file_says_what_makes_it_anew(tmp_path):
    write_json(tmp_path / "records" / "study.json", {"name": "oddball"})
    with pytest.raises(StoreError, match="what `preprocess` writes; run it again"):
        read_clean_study(tmp_path)
