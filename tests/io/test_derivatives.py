from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Eeg, Events
from neurotranscoder.io.derivatives import (
    path_from,
    start_derivative,
    write_events,
    write_image,
    write_raw,
    write_table_with_sources,
)
from neurotranscoder.io.events import read_events
from neurotranscoder.io.nifti import image_of, open_image
from neurotranscoder.io.store import read_json

SOURCES = ("bids:raw:sub-01/func/sub-01_task-odd_bold.nii.gz",)


def test_a_derivative_says_what_made_it_from_what(tmp_path):
    start_derivative(tmp_path, name="Cleaned", sources=["https://example.org/study"])
    description = read_json(tmp_path / "dataset_description.json")
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "neurotranscoder"
    assert description["SourceDatasets"] == [{"URL": "https://example.org/study"}]
    readme = (tmp_path / "README").read_text()
    assert "from https://example.org/study. Images, EEG and tables of runs" in readme
    assert "What is of the whole study" in readme
    ignored = (tmp_path / ".bidsignore").read_text().splitlines()
    assert {"*.zarr", "*.movie"} <= set(ignored)


@pytest.mark.parametrize("typed", ["study", "./study", "../x/study"])
def test_the_source_is_named_as_seen_from_the_derivative(tmp_path, monkeypatch, typed):
    (tmp_path / "x" / "study").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "x")
    assert path_from(tmp_path / "out" / "results", Path(typed)) == "../../x/study"


def test_every_file_has_a_sidecar_with_its_sources(tmp_path, rng):
    data = rng.random((2, 3, 4)).astype(np.float32)
    image = image_of(data, VoxelGrid((2, 3, 4), np.eye(4)))
    write_image(tmp_path / "a_map.nii.gz", image, sources=SOURCES, metadata={"Units": "z"})
    eeg = Eeg(rng.random((2, 50)), 100.0, Montage(("a", "b")), "1-40 Hz")
    write_raw(tmp_path / "b_eeg.vhdr", eeg, sources=SOURCES)
    write_events(tmp_path / "c_events.tsv", Events.none(), sources=SOURCES)
    write_table_with_sources(tmp_path / "d.tsv", {"x": [1]}, sources=SOURCES)
    for name in ("a_map", "b_eeg", "c_events", "d"):
        assert read_json(tmp_path / f"{name}.json")["Sources"] == list(SOURCES)
    assert read_json(tmp_path / "a_map.json")["Units"] == "z"
    assert_array_equal(np.asarray(open_image(tmp_path / "a_map.nii.gz").dataobj), data)
    assert read_events(tmp_path / "c_events.tsv").trial_type == ()
    with pytest.raises(StoreError, match=r"ends in '_eeg\.vhdr'"):
        write_raw(tmp_path / "b.vhdr", eeg, sources=SOURCES)
