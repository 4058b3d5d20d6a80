"""Scenarios by name: each a file of settings that is shipped with the package."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.scenario import Scenario

_FOLDER = "scenarios"
_NONE = "none"  # TOML has no null


def scenario_names() -> tuple[str, ...]:
    """Return the names of all scenarios that are shipped, sorted."""
    folder = resources.files(__package__) / _FOLDER
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml")))


def named_scenario(
    name: str | None = None, *, preset: str = "small", **changes: object
) -> Scenario:
    """Return a scenario at the size of a preset.

    Parameters
    ----------
    name : str, optional
        One of `scenario_names`, or the path of a ``*.toml`` file of one's own; it says what
        happens in the brain and how it is measured. A file with ``base = "realistic"`` holds what
        differs from that scenario. The preset's own scenario by default.
    preset : str
        One of `PRESETS`; it says how many voxels, subjects and runs there are.
    **changes
        Fields of `Scenario` that replace those of both, such as ``seed=1``.

    Raises
    ------
    SettingsError
        When a name is unknown or settings contradict each other.
    """
    if preset not in PRESETS:
        raise SettingsError(f"preset is {preset!r}; known presets are {', '.join(PRESETS)}")
    settings: dict[str, Any] = PRESETS[preset].model_dump()
    if name is not None:
        settings = _merged(settings, _file_of(name))
    try:
        return Scenario.model_validate(settings | changes)
    except ValidationError as error:
        lines = [": ".join([*map(str, e["loc"]), e["msg"]]) for e in error.errors()]
        what = f"preset {preset!r}" + (f", scenario {name!r}" if name else "")
        reasons = "; ".join(lines).replace("Value error, ", "")
        raise SettingsError(f"{what}: {reasons}") from None


def _file_of(name: str) -> dict[str, Any]:
    """Return the settings of a shipped scenario, or of a file of the user's."""
    if name.endswith(".toml"):
        return _read(Path(name))
    if name not in scenario_names():
        known = ", ".join(scenario_names())
        raise SettingsError(
            f"scenario is {name!r}; known scenarios are {known}, or give the path of a .toml file"
        )
    text = (resources.files(__package__) / _FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read(path: Path) -> dict[str, Any]:
    """Return the settings of a file, named after it unless it says otherwise."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error}); check the path") from None
    found = {"name": path.stem} | found
    if (base := found.pop("base", None)) is None:
        return found
    if base not in scenario_names():
        raise SettingsError(
            f"{path}: base is {base!r}; need one of {', '.join(scenario_names())}, the scenario "
            "that this file changes"
        )
    return _merged(_file_of(base), found)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return settings with changes, tables key by key."""
    out = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            out[key] = _merged(base[key], value)
        else:
            out[key] = None if value == _NONE else value
    return out
