import pytest

from neurotranscoder.core.recording import RunId
from neurotranscoder.io.scans import stated_test_runs, write_split
from neurotranscoder.io.store import read_table, write_table

RUNS = [
    RunId(subject, "oddball", session=session, run=run)
    for subject, session in (("01", ""), ("02", "a"))
    for run in ("01", "02", "03")
]


def test_what_is_written_is_read(tmp_path):
    write_split(tmp_path, RUNS, [RUNS[2], RUNS[4]])
    assert stated_test_runs(tmp_path) == {RUNS[2].label, RUNS[4].label}
    table = read_table(tmp_path / "sub-02" / "ses-a" / "sub-02_ses-a_scans.tsv")
    assert table["filename"][2] == "eeg/sub-02_ses-a_task-oddball_run-02_eeg.vhdr"
    assert table["split"] == ["training", "training", "test", "test", "training", "training"]


def test_study_without_tables_states_nothing(tmp_path):
    assert stated_test_runs(tmp_path) == frozenset()


@pytest.mark.parametrize("column", ["acq_time", "split"])
def test_columns_of_others_state_nothing(tmp_path, column):
    (tmp_path / "sub-01").mkdir()
    table = {"filename": ["func/sub-01_task-x_bold.nii.gz"], column: ["2009-06-15T13:45:30"]}
    write_table(tmp_path / "sub-01" / "sub-01_scans.tsv", table)
    assert stated_test_runs(tmp_path) == frozenset()
