from dataclasses import replace

import pytest

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.store import write_table
from neurotranscoder.report.page import render_report
from neurotranscoder.report.readout_links import read_readouts
from page_reader import Reader


@pytest.fixture
def out(tmp_path, findings):
    """Results with read-outs of six regions; the EEG explains the last best."""
    folder, channels = tmp_path / "readouts" / "my model", findings.montage.names
    regions = [f"region-{i}" for i in range(6)]
    place = {axis: [10.0 * i for i in range(6)] for axis in "xyz"}
    explained = {"bold_explained": [0.1 * i for i in range(6)]}
    write_table(folder / "regions.tsv", {"region": regions, **place, **explained})
    rows = [(region, channel) for region in regions for channel in channels]
    long = {"region": [row[0] for row in rows], "channel": [row[1] for row in rows]}
    write_table(folder / "leadfield.tsv", {**long, "value": [float(i) for i in range(len(rows))]})
    write_manifest(folder, kind="readouts", settings_hash="")
    return tmp_path


def test_leadfields_that_were_read_out_are_shown_with_a_link_to_all(out, findings):
    bare = replace(findings, topographies=())
    reader = Reader(render_report(bare, readouts=read_readouts(out)))
    assert "readouts/my%20model/readouts.html" in reader.values("href")
    shown = [alt for alt in reader.values("alt") if "scalp patterns of" in alt and "region" in alt]
    assert [alt.split(" at ")[0] for alt in shown] == [f"region-{i}" for i in (5, 4, 3, 2)]
    assert "No leadfield" not in reader.text


def test_without_readouts_the_page_says_what_makes_them(findings):
    bare = replace(findings, topographies=())
    assert "No leadfield was read out; neurotranscoder analyse" in Reader(render_report(bare)).text


def test_leadfields_of_other_channels_are_linked_and_not_drawn(out, findings):
    other = replace(findings.montage, names=tuple(f"X{n}" for n in findings.montage.names))
    page = render_report(replace(findings, montage=other), readouts=read_readouts(out))
    assert "region-5 at" not in page
    assert "readouts/my%20model/readouts.html" in page


def test_tables_that_do_not_belong_together_are_refused(out):
    folder = out / "readouts" / "my model"
    write_table(folder / "regions.tsv", {"region": ["one"]})
    write_manifest(folder, kind="readouts", settings_hash="")
    with pytest.raises(StoreError, match=r"my model: regions\.tsv and leadfield\.tsv do not"):
        read_readouts(out)
