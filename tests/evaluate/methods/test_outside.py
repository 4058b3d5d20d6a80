import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import MethodError
from neurotranscoder.evaluate.methods.outside import (
    OutsideMethod,
    PredictionFiles,
    fingerprint_of,
    load_factory,
    outside_spec,
)
from neurotranscoder.evaluate.methods.protocol import predict_blindly
from neurotranscoder.evaluate.scoring import Prediction
from synthetic_runs import synthetic_runs

MODULE = """
import numpy as np

class Cheat:
    def fit(self, training, validation): ...
    def predict(self, run): return {"bold_from_eeg": run.bold, "eeg_from_bold": run.eeg}

class Vandal(Cheat):
    def predict(self, run): run.eeg[:] = 0

class Answers(Cheat):
    answer = None
    def predict(self, run): return self.answer

class Nested:
    def fit(self, training, _):
        for run in training:
            self.predict(run)
    def predict(self, run):
        for array in (run.blocks.labels, run.cells.volumes.slice_times):
            array[:] = array.ravel()[::-1].reshape(array.shape) + 1
        return {"bold_from_eeg": np.zeros(run.bold.shape)}

class Exits:
    def fit(self, training, _): raise SystemExit(3)
    def predict(self, run): ...

class NoFit:
    def predict(self, run): ...

number = 3

def broken(): raise RuntimeError("no licence")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of one's own in the current folder, under a name that no other test uses."""
    name = f"own_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.fixture
def run():
    return synthetic_runs(1)[0]


def test_a_method_that_reads_what_it_predicts_reads_zeros(module, run):
    found = predict_blindly(OutsideMethod("cheat", f"{module}:Cheat"), run)
    assert not np.any(found.bold_from_eeg)
    assert not np.any(found.eeg_from_bold)


def test_a_method_cannot_change_what_others_are_shown(module, run):
    before = run.eeg.copy()
    with pytest.raises(MethodError, match=r"'vandal': predict failed.*read-only"):
        OutsideMethod("vandal", f"{module}:Vandal").predict(run)
    assert_allclose(run.eeg, before)


def test_a_method_that_changes_all_it_can_changes_a_copy(module, run):
    before = copy.deepcopy(run)
    method = OutsideMethod("nested", f"{module}:Nested")
    method.fit([run], [])
    method.predict(run)
    assert_allclose(run.blocks.labels, before.blocks.labels)
    assert_allclose(run.cells.volumes.slice_times, before.cells.volumes.slice_times)


def test_a_method_that_ends_the_process_fails_by_name(module, run):
    method = OutsideMethod("exits", f"{module}:Exits")
    with pytest.raises(MethodError, match=r"'exits': fit failed .SystemExit: 3"):
        method.fit([run], [])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda run: {"bold_from_eeg": run.bold[:, 1:]}, "has shape .* need .*: blocks by frames"),
        (lambda run: {"eeg_from_bold": run.bold}, "channels by frames"),
        (lambda run: Prediction(source_fused=run.bold * np.nan), "NaN or infinite"),
        (lambda run: {"bold": run.bold}, "predicts bold; known parts are bold_from_eeg"),
        (lambda _: {"bold_from_eeg": "loud"}, "no array of numbers"),
        (lambda run: {"bold_from_eeg": 1j * run.bold}, "no array of numbers .it is complex"),
        (lambda run: run.bold, "returned a ndarray; need a Prediction"),
        (lambda _: {}, "says nothing about"),
    ],
)
def test_an_answer_that_cannot_be_scored_is_refused_by_name(answer, message, module, run):
    load_factory(f"{module}:Answers").answer = answer(run)
    with pytest.raises(MethodError, match=f"method 'mine': .*{message}"):
        OutsideMethod("mine", f"{module}:Answers").predict(run)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nothing", "nothing does not exist"),
        ("number", "number is no callable"),
        ("broken", "the factory failed .RuntimeError: no licence"),
        ("NoFit", "without fit; need fit"),
    ],
)
def test_a_factory_that_makes_no_method_is_refused(factory, message, module):
    with pytest.raises(MethodError, match=message):
        outside_spec("mine", f"{module}:{factory}")


@pytest.mark.parametrize("address", ["not_installed_here:x", "no_colon", ":x", "numpy:"])
def test_an_address_that_leads_nowhere_is_refused(address):
    with pytest.raises(MethodError, match=r"cannot be imported|is no address"):
        load_factory(address)


def test_the_fingerprint_follows_the_file(module, tmp_path):
    before = fingerprint_of(f"{module}:Cheat")
    (tmp_path / f"{module}.py").write_text(MODULE + "\n")
    assert fingerprint_of(f"{module}:Cheat") != before


def test_files_of_predictions_are_read_by_the_label_of_the_run(tmp_path, run):
    method = PredictionFiles("files", tmp_path)
    with pytest.raises(MethodError, match=f"'files': no file of run {run.run.label}"):
        method.predict(run)
    path = tmp_path / f"{run.run.label}.npz"
    np.savez(path, bold_from_eeg=2 * run.bold)
    assert_allclose(method.predict(run).bold_from_eeg, 2 * run.bold)
    np.savez(path, bold_from_eeg=np.array([{}], dtype=object))
    with pytest.raises(MethodError, match=r"'files': .*cannot be read as named arrays"):
        method.predict(run)
