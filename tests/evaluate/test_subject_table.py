import numpy as np
import pytest

from neurotranscoder.evaluate.subject_scores import SubjectScores
from neurotranscoder.evaluate.subject_table import STAGE, SubjectRow, means, pareto


def scores(mm, ms):
    return SubjectScores(0.9, 0.9, 0.9, 0.0, 1.0, np.array(mm), np.array(mm), np.array(ms))


def both(stage, rival):
    """Three subjects of two regions; subjects differ a little, alike for both methods."""
    found = {}
    for number, subject in enumerate(("01", "02", "03")):
        for name, (mm, ms) in ((STAGE, stage), ("rival", rival)):
            found[subject, name] = scores([mm + number, mm + 1.0], [ms, ms + number])
    return found


@pytest.mark.parametrize(
    ("rival", "verdict"),
    [
        ((1.0, 5.0), "rival better in both"),
        ((1.0, 20.0), "not better in both"),
        ((9.0, 5.0), "not better in both"),
        ((9.0, 20.0), "not better in both"),
    ],
)
def test_a_rival_is_better_when_it_is_nearer_in_space_and_time(rival, verdict):
    row = pareto("world", both((4.0, 10.0), rival))[0]
    assert (row.verdict, row.n) == (verdict, 6)
    assert row.mm == pytest.approx(4.0 - rival[0])
    assert row.ms == pytest.approx(10.0 - rival[1])


def test_a_difference_that_may_be_chance_is_no_verdict():
    found = both((4.0, 10.0), (4.0, 10.0))
    found["01", "rival"] = scores([1.0, 1.0], [5.0, 5.0])
    assert pareto("world", found)[0].verdict == "nearer in both means"


def test_oracles_and_other_movies_of_the_same_model_are_no_rivals():
    found = both((4.0, 10.0), (1.0, 5.0))
    for subject in ("01", "02", "03"):
        found[subject, "oracle_on_eeg"] = found[subject, f"{STAGE}_fused"] = scores([0.0], [0.0])
    assert [row.rival for row in pareto("world", found)] == ["rival"]


def test_differences_say_what_is_better_than_what():
    values = {
        STAGE: 0.5,
        f"{STAGE}_fused": 0.6,
        "rival": 0.3,
        "group_eeg_fine": 0.7,
        "group_eeg_interpolated": 0.5,
    }
    rows = [
        SubjectRow("world", subject, method, measure, value, "")
        for subject in ("01", "02")
        for method, value in values.items()
        for measure in ["product_r" if method.startswith("group") else "r_time"]
    ]
    found = {row.method: row.value for row in means(rows)}
    assert found[f"{STAGE} - rival"] == pytest.approx(0.2)
    assert found[f"{STAGE}_fused - {STAGE}"] == pytest.approx(0.1)
    assert found["group_eeg_fine - group_eeg_interpolated"] == pytest.approx(0.2)
    assert len(found) == 8
