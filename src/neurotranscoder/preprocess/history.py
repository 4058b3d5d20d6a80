"""What was done to a recording, kept in its own description, so that nothing is done twice."""

from __future__ import annotations

import mne

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.passband import Passband
from neurotranscoder.io.filters import passband_of

_MARK = "neurotranscoder:"


def steps_done(raw: mne.io.BaseRaw) -> dict[str, str]:
    """Return the steps of cleaning that a recording has behind it, and how each was done."""
    lines = (raw.info["description"] or "").splitlines()
    ours = (line.removeprefix(_MARK).strip() for line in lines if line.startswith(_MARK))
    return {step: how for step, _, how in (line.partition(" ") for line in ours)}


def refuse_done(raw: mne.io.BaseRaw, step: str) -> None:
    """Refuse a recording that has a step behind it.

    Raises
    ------
    CleaningError
        When it has.
    """
    if (how := steps_done(raw).get(step)) is not None:
        raise CleaningError(
            f"{step} was done on this recording before ({how}); begin with the recording that it "
            "was made from"
        )


def note_step(raw: mne.io.BaseRaw, step: str, how: str) -> None:
    """Add a step to the description of a recording, in place."""
    before = raw.info["description"] or ""
    raw.info["description"] = f"{before}\n{_MARK} {step} {how}".lstrip("\n")


def note_passband(raw: mne.io.BaseRaw, passband: Passband) -> None:
    """Put the gain of a further filter into the description of a recording, in place.

    Filters that its header states count as well, so it comes before the header is changed.
    """
    description = raw.info["description"]
    if (before := passband_of(raw, {})) is not None:
        passband = before.followed_by(passband)
    kept = [one for one in (description or "").splitlines() if not Passband.noted(one)]
    raw.info["description"] = "\n".join([*kept, passband.note()])
