"""What a simulated study says about itself."""

from __future__ import annotations

from neurotranscoder.simulate.scenario import Scenario

_HEAD = """\
Simultaneous EEG-fMRI, simulated by neurotranscoder. Nobody was recorded. The scenario is
'{name}', the task '{task}'.
"""
_END = """\
The sources and all settings are in derivatives/truth; which runs are for testing alone stands in
the scans.tsv of each subject.
"""


def readme_of(scenario: Scenario) -> str:
    """Return what a study was made from, in words, as its settings say."""
    facts = [*_signals(scenario), *_noise(scenario), *_artefacts(scenario)]
    return "\n".join([_HEAD.format(name=scenario.name, task=scenario.task.name), *facts, "", _END])


def _signals(scenario: Scenario) -> list[str]:
    """Say what EEG and BOLD make of sources."""
    follows = "source"
    if scenario.coupling.mode == "power":
        follows = "impulses and power of rhythms"
    response = "hemodynamic response"
    if scenario.balloon is not None:
        response = "balloon model"
    elif scenario.hrf_spread is not None:
        response = "hemodynamic response of its region"
    facts = [
        f"- BOLD: {follows} * {response}",
        "- EEG: leadfield x (source * evoked response)",
    ]
    if scenario.network is not None:
        facts.append("- Regions drive other regions.")
    if scenario.subjects is not None:
        facts.append("- Subjects differ in head, hemodynamic response and strength of sources.")
    return facts


def _noise(scenario: Scenario) -> list[str]:
    """Say what noise there is."""
    names = []
    for name, ratio, parts in (
        ("BOLD", scenario.bold_snr_db, scenario.bold_noise),
        ("EEG", scenario.eeg_snr_db, scenario.eeg_noise),
    ):
        kind = "none" if ratio is None else "white"
        if parts is not None:
            kind = "by parts, as the settings say"
        level = "" if ratio is None else f", {ratio:g} dB"
        names.append(f"- Noise of {name}: {kind}{level}")
    return names


def _artefacts(scenario: Scenario) -> list[str]:
    """Say what else is in the recordings."""
    found = {
        "Images lie in each subject's own space; T1 images are there.": scenario.native,
        "The head moves.": scenario.motion,
        "Eyes blink.": scenario.blinks,
        "The heart is in the EEG.": scenario.heart,
        "EEG is raw: it has the gradient and pulse artefacts of a scanner, to be cleaned first.": (
            scenario.scanner
        ),
        "Volume triggers have faults.": scenario.triggers,
    }
    return [f"- {words}" for words, settings in found.items() if settings is not None]
