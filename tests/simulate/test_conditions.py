import pytest

from neurotranscoder.io.events import read_events
from neurotranscoder.simulate.conditions import matching_condition
from neurotranscoder.simulate.design import is_stimulus, is_target

ODDBALL = ("standard", "oddball")


@pytest.mark.parametrize(
    ("trial_type", "conditions", "expected"),
    [
        ("oddball", ODDBALL, "oddball"),
        ("Oddball", ODDBALL, "oddball"),
        ("auditory standard stimulus presentation", ODDBALL, "standard"),
        ("auditory oddball stimulus presentation", ODDBALL, "oddball"),
        ("visual target", ODDBALL, "oddball"),
        ("deviantTone", ODDBALL, "oddball"),
        ("oddball", ("target",), "target"),
        ("non-target", ODDBALL, "standard"),
        ("nontarget", ODDBALL, "standard"),
        ("face_low", ("face", "car"), "face"),
        ("face_low", ("high", "low"), "low"),
        ("FaceLow", ("high", "low"), "low"),
        ("face_low", ("low", "face", "low face"), "low face"),  # more words
        ("face_low", ("low face", "face_low"), "face_low"),  # the whole label
        ("face_low", ("low", "face"), "low"),  # the first of equals
        ("face_high", ("face_low", "car"), None),  # all words
        ("yellow surface", ("low", "face"), None),  # words, not letters
        ("S128", ("s 128",), "s 128"),
        ("n/a", ODDBALL, None),
        ("rest", (), None),
    ],
)
def test_condition_is_found_by_whole_label_or_words(trial_type, conditions, expected):
    assert matching_condition(conditions, trial_type) == expected


def test_every_real_stimulus_is_an_oddball_or_a_standard(real_data):
    for path in sorted((real_data / "oddball_events").rglob("*_events.tsv"))[::7]:
        events = read_events(path)
        for label, stimulus, target in zip(
            events.trial_type, is_stimulus(events), is_target(events), strict=True
        ):
            if stimulus and label != "n/a":
                assert matching_condition(ODDBALL, label) == ("oddball" if target else "standard")
