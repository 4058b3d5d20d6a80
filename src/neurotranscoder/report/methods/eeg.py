"""Sentences about the cleaning of EEG, from what was done to each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neurotranscoder.report.methods.facts import EegFacts, StepFacts
from neurotranscoder.report.methods.phrases import in_runs, listed, number, spread

_WORDS = {
    "gradient": "removal of the gradient artefact",
    "resample": "resampling",
    "pulse": "removal of the pulse artefact",
    "bad_channels": "replacement of bad channels",
    "ocular": "removal of blinks and eye movements",
    "filters": "filters",
    "reference": "average reference",
}
_FOUND_IN = {"ecg": "the ECG", "eeg": "the EEG", "ecg and eeg": "the ECG and, where it was dead, "
             "the EEG"}  # fmt: skip


def eeg_sentences(runs: Sequence[EegFacts]) -> list[str]:
    """Return what was done to the EEG, step by step; steps that were left out are named as such.

    Parameters
    ----------
    runs : sequence of EegFacts
        Runs that were cleaned; none gives no sentence.
    """
    if not runs:
        return []
    said = [f"EEG {in_runs(len(runs), len(runs))} was cleaned step by step"]
    said[0] += " with MNE-Python [@gramfort2013] and methods of neurotranscoder."
    settings = runs[0].settings
    if any(one.settings != settings for one in runs):
        said.append("Settings differ between runs; those of the first run are given.")
    for name, words in _STEPS.items():
        steps = [step for one in runs for step in one.steps if step.name == name]
        done = [step for step in steps if step.done]
        if done:
            where = in_runs(len(done), len(runs))
            said.append(words([one.numbers for one in done], settings, where))
        said += _left_out(name, steps, len(runs))
    return said


def _left_out(name: str, steps: Sequence[StepFacts], n_runs: int) -> list[str]:
    """Return in how many runs a step was tried and left out, and the first reason."""
    out = [step for step in steps if not step.done]
    if not out:
        return []
    reason = _first_part(out[0].said)
    first = "" if len({step.said for step in out}) == 1 else " of the first of them"
    where = in_runs(len(out), n_runs)
    return [f"The {_WORDS[name]} was left out {where} (reason{first}: {reason})."]


def _first_part(said: str) -> str:
    """Return what comes before the first semicolon that stands in no bracket."""
    depth = 0
    for place, letter in enumerate(said):
        depth += (letter == "(") - (letter == ")")
        if letter == ";" and depth <= 0:
            return said[:place].strip()
    return said.strip()


Many = Sequence[Mapping[str, Any]]


def _values(numbers: Many, name: str) -> list[float]:
    """Return one number of all runs that have it."""
    return [float(one[name]) for one in numbers if name in one]


def _gradient(numbers: Many, settings: Mapping[str, Any], where: str) -> str:
    """Return how the gradient artefact was removed."""
    own = settings.get("gradient", {})
    said = (
        f"The gradient artefact was removed {where} by moving averages of the artefact "
        "[@allen2000] and basis sets of what they leave, after FASTR [@niazy2005] with changes of "
        "our own"
    )
    if own:
        kind = "slices" if own["template"] == "slice" else "volumes"
        said += f": templates were means of {kind} over {own['window']} volumes, read at their "
        said += "places between the samples of the EEG"
    parts = _values(numbers, "components")
    if own.get("max_components") and parts:
        said += (
            f"; {spread(parts)} principal components (median channel) of the residual exceeded "
            "the edge of noise [@marchenko1967] and were removed"
        )
    said += "; adaptive noise cancelling followed" if own.get("adaptive") else ""
    before, after = _values(numbers, "before_uv"), _values(numbers, "after_uv")
    if before and after:
        said += f". The rms of the median channel fell from {spread(before, 'µV')} to "
        said += spread(after, "µV")
    return f"{said}."


def _resample(numbers: Many, _: Mapping[str, Any], where: str) -> str:
    """Return how the EEG was resampled."""
    before, to = _values(numbers, "from_hz"), _values(numbers, "to_hz")
    rates = f" from {spread(before)} to {spread(to, 'Hz')}" if before and to else ""
    return f"It was resampled{rates} {where}, low-passed against aliases."


def _pulse(numbers: Many, _: Mapping[str, Any], where: str) -> str:
    """Return how the pulse artefact was removed."""
    places = dict.fromkeys(str(one["found_in"]) for one in numbers if "found_in" in one)
    found = " or ".join(_FOUND_IN.get(one, one) for one in places) or "the recording"
    rates, parts = _values(numbers, "per_minute"), _values(numbers, "components")
    beats = f" ({spread(rates)} a minute)" if rates else ""
    said = (
        f"The pulse artefact was removed {where}: beats{beats} were found in {found} by a matched "
        "filter and dynamic programming [@ellis2007]"
    )
    if parts:
        said += (
            f"; {spread(parts)} spatial components of the average beat were subtracted, each "
            "with the strength, delay and length of the single beat"
        )
    shares = [100 * one for one in _values(numbers, "removed")]
    said += f" ({spread(shares, '%')} of the variance of the median channel)" if shares else ""
    return f"{said}."


def _bad(numbers: Many, _: Mapping[str, Any], where: str) -> str:
    """Return how bad channels were replaced."""
    counts = _values(numbers, "channels")
    some = f"{spread(counts)} a run" if counts else "channels"
    return (
        f"Flat, saturated or noisy channels ({some}) were replaced {where} by spherical splines "
        "of the others [@perrin1989]."
    )


def _ocular(numbers: Many, _: Mapping[str, Any], where: str) -> str:
    """Return how blinks and eye movements were removed."""
    kinds = []
    for kind in ("blinks", "eye movements"):
        name = kind.replace(" ", "_")
        rates = _values(numbers, f"{name}_per_minute")
        seen = dict.fromkeys(str(one[f"{name}_seen_in"]) for one in numbers
                             if f"{name}_seen_in" in one)  # fmt: skip
        if rates:
            some = "" if len(rates) == len(numbers) else f", {in_runs(len(rates), len(numbers))}"
            kinds.append(f"{kind} ({spread(rates)} a minute, found in {' or '.join(seen)}{some})")
    said = (
        f"{listed(kinds) or 'blinks and eye movements'} were removed {where} by a multi-channel "
        "Wiener filter of one component each [@somers2018]"
    )
    shares = [100 * one for one in _values(numbers, "removed")]
    said += f" ({spread(shares, '%')} of the variance of the median channel)" if shares else ""
    return f"{said[0].upper()}{said[1:]}."


def _filters(numbers: Many, settings: Mapping[str, Any], where: str) -> str:
    """Return which filters were applied."""
    own = settings.get("filters", {})
    parts = []
    if own.get("drift_period"):
        period = number(own["drift_period"])
        parts.append(f"a regression of the mean, the slope and cosines slower than {period} s")
    if own.get("low_cut"):
        parts.append(f"a high-pass at {number(own['low_cut'])} Hz")
    if own.get("high_cut"):
        parts.append(f"a low-pass at {number(own['high_cut'])} Hz")
    if own.get("notches"):
        parts.append(f"notches at {listed([number(one) for one in own['notches']])} Hz")
    what = listed(parts) or "filters"
    cut = [one for one in _values(numbers, "half_power_hz") if one > 0]
    passed = f"; half of the power passed from {spread(cut, 'Hz')} on" if cut else ""
    return f"It was filtered {where}, without phase, by {what}{passed}."


def _reference(numbers: Many, _: Mapping[str, Any], where: str) -> str:
    """Return how the EEG was referenced."""
    counts = _values(numbers, "channels")
    of = f" of {spread(counts)} channels" if counts else ""
    return f"The EEG was referenced to the average{of} {where}."


_STEPS: dict[str, Callable[[Many, Mapping[str, Any], str], str]] = {
    "gradient": _gradient,
    "resample": _resample,
    "pulse": _pulse,
    "bad_channels": _bad,
    "ocular": _ocular,
    "filters": _filters,
    "reference": _reference,
}
