import dataclasses

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Eeg, RunId
from neurotranscoder.preprocess.channel_names import chosen_set, derive
from neurotranscoder.preprocess.channel_places import completed_places, sphere_centre
from neurotranscoder.preprocess.channel_set import check_reachable, match_eeg, plan_channels

CAP = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "O2", "T7", "T8")
PLACES = {name: completed_places({}, CAP)[name] for name in CAP}


def runs(*caps):
    return {RunId(f"{i:02d}", "rest"): cap for i, cap in enumerate(caps)}


@pytest.fixture
def eeg(rng):
    """Smooth potentials of three patterns, 10 uV, and a little noise."""
    around = np.array([PLACES[name] for name in CAP]) / 90
    data = 1e-5 * around @ rng.standard_normal((3, 3000)) + 3e-6
    data += 1e-7 * rng.standard_normal(data.shape)
    return Eeg(data, 100.0, Montage(CAP, np.array([PLACES[name] for name in CAP])))


def without(eeg, *names):
    rows = [row for row, name in enumerate(CAP) if name not in names]
    montage = Montage(tuple(CAP[row] for row in rows))
    return dataclasses.replace(eeg, data=eeg.data[rows], montage=montage)


def test_the_set_is_what_more_than_half_of_the_subjects_have():
    assert chosen_set(runs(CAP[:10], CAP, CAP), "most") == CAP
    assert chosen_set(runs(CAP, CAP[:10]), "most") == CAP[:10]


def test_subjects_that_lack_one_channel_each_share_them_all():
    caps = [tuple(name for name in CAP if name != lost) for lost in CAP[:4]]
    assert sorted(chosen_set(runs(*caps), "most")) == sorted(CAP)


def test_single_electrodes_become_pairs_where_as_many_subjects_have_pairs():
    pairs, single = ("F3-C3", "C3-P3"), ("F3", "C3", "P3", "O1")
    assert chosen_set(runs(single, pairs), "most") == pairs
    assert chosen_set(runs(single, pairs, single), "most") == single


def test_a_subject_with_many_runs_has_one_vote():
    many = {RunId("01", "rest", run=str(i)): CAP for i in range(5)}
    others = {RunId(one, "rest"): CAP[:10] for one in ("02", "03")}
    assert chosen_set(many | others, "most") == CAP[:10]


def test_shared_channels_are_those_of_all_runs_in_any_order_and_spelling():
    found = chosen_set(runs(CAP, ("O2", "FP1", "T3", "X9")), "shared")
    assert found == ("Fp1", "O2", "T7")


def test_older_names_and_other_cases_are_the_same_channel():
    change = plan_channels(("T3", "FP1", "Cz"), ("Fp1", "Cz", "T7"), {})
    assert_allclose(change.weights, np.eye(3)[[1, 2, 0]])
    assert change.renamed == ("FP1 (Fp1)", "T3 (T7)")
    assert change.interpolated == change.left_out == ()


@pytest.mark.parametrize(
    ("names", "wanted", "weights"),
    [
        (("F3-C3", "C3-P3"), "F3-P3", [1, 1]),
        (("F3-C3", "C3-P3"), "P3-F3", [-1, -1]),
        (("F3-C3", "P3-C3"), "F3-P3", [1, -1]),
        (("F3", "P3"), "F3-P3", [1, -1]),
        (("F3-C3", "C3-F3"), "F3-C3", [1, 0]),
    ],
)
def test_pairs_follow_from_pairs_and_electrodes_that_make_them_up(names, wanted, weights):
    found = derive(names, (wanted,))
    row = np.zeros(len(names))
    for column, sign in found.terms[wanted]:
        row[column] += sign
    assert row.tolist() == weights


def test_pairs_that_follow_from_none_are_refused_not_interpolated():
    with pytest.raises(GridError, match=r"O1-O2 of the 2 channels .* never interpolated"):
        check_reachable(("F3-C3", "C3-P3"), ("F3-P3", "O1-O2"), max_interpolated=1.0)
    with pytest.raises(GridError, match="F3 of the 1 channels"):
        check_reachable(("F3-C3", "C3-P3"), ("F3",))


def test_missing_channels_are_those_that_mne_interpolates(eeg):
    matched, change = match_eeg(without(eeg, "Cz", "P4"), CAP, PLACES)
    info = mne.create_info(list(CAP), 100.0, "eeg")
    for channel, place in zip(info["chs"], eeg.montage.positions, strict=True):
        channel["loc"][:3] = place / 1e3
    expected = mne.io.RawArray(eeg.data.copy(), info, verbose="error")
    expected.info["bads"] = ["Cz", "P4"]
    origin = sphere_centre(eeg.montage.positions / 1e3)
    expected.interpolate_bads(origin=origin, verbose="error")
    assert_allclose(matched.data, expected.get_data(), atol=1e-15)
    assert change.interpolated == ("Cz", "P4")
    assert_allclose(matched.montage.positions, eeg.montage.positions)


def test_what_is_interpolated_comes_close_to_the_truth_and_the_rest_stays(eeg):
    matched, _ = match_eeg(without(eeg, "Cz"), CAP, {})
    others = [row for row, name in enumerate(CAP) if name != "Cz"]
    assert_allclose(matched.data[others], eeg.data[others], atol=1e-18)
    assert np.corrcoef(matched.data[5], eeg.data[5])[0, 1] > 0.9  # 13 see three smooth patterns
    assert matched.montage.positions is None


def test_channels_that_the_set_has_not_are_left_out_but_help_to_interpolate(eeg):
    wanted = tuple(name for name in CAP if name != "C4")
    _, change = match_eeg(without(eeg, "Cz"), wanted, PLACES)
    assert change.left_out == ("C4",)
    names = without(eeg, "Cz").montage.names
    assert change.weights[wanted.index("Cz"), names.index("C4")] > 0.1


def test_what_is_a_guess_itself_makes_no_other(eeg):
    names = without(eeg, "Cz").montage.names
    change = plan_channels(names, CAP, PLACES, bad=("C3",))
    assert change.weights[CAP.index("Cz"), names.index("C3")] == 0
    assert change.weights[CAP.index("C3"), names.index("C3")] == 1


@pytest.mark.parametrize("names", [("Cz",), ("Fp1-F3", "Cz")])
def test_one_channel_keeps_its_signal_and_pairs_get_no_reference(eeg, names):
    averaged = dataclasses.replace(eeg, data=eeg.data - eeg.data.mean(axis=0))
    found, _ = match_eeg(averaged, names, PLACES)
    rows = {name: averaged.data[row] for row, name in enumerate(CAP)}
    known = {**rows, "Fp1-F3": rows["Fp1"] - rows["F3"]}
    assert_allclose(found.data, [known[name] for name in names], rtol=1e-12)


def test_an_average_reference_becomes_that_of_the_set(eeg):
    few = without(eeg, "O1", "Fp2")
    referenced = dataclasses.replace(few, data=few.data - few.data.mean(axis=0))
    one, other = (match_eeg(given, CAP, PLACES)[0].data for given in (referenced, few))
    assert_allclose(one, other - other.mean(axis=0), atol=1e-15)


def test_more_than_a_quarter_of_the_set_is_not_made_up():
    with pytest.raises(GridError, match=r"4 of the 14 .*C4, P4, O1, O2.*at most 25%"):
        check_reachable([n for n in CAP if n not in ("C4", "P4", "O1", "O2")], CAP)


def test_an_electrode_without_any_place_is_not_interpolated(eeg):
    with pytest.raises(GridError, match="places are unknown of E7"):
        match_eeg(eeg, (*CAP, "E7"), PLACES)


def test_a_template_is_brought_to_the_head_that_was_measured(rng):
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = {name: 1.1 * turn @ place + [5, -3, 20] for name, place in PLACES.items()}
    own = {name: place for name, place in moved.items() if name not in ("Cz", "O2")}
    found = completed_places(own, CAP)
    assert_allclose(found["Cz"], moved["Cz"], atol=1e-9)
    assert_allclose(found["O2"], moved["O2"], atol=1e-9)
    assert found["Fp1"] is own["Fp1"]
