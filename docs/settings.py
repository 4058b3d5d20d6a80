"""Write the pages of settings from the settings themselves: python docs/settings.py."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from neurotranscoder.config import Config
from neurotranscoder.io.store import write_text
from neurotranscoder.simulate.scenario import Scenario

HEAD = """# Settings

Written by `python docs/settings.py` from the code. A TOML file (`--config study.toml`) holds
them by section; `--set section.key=value` changes one. Every command saves the resolved settings
beside its results.
"""


SCENARIO_HEAD = """# Settings of a simulated study

Written by `python docs/settings.py` from the code. See [the simulator](simulator.md). Sections
with 'off' in their heading are left out unless a scenario has them.
"""


def section(name: str, settings: BaseModel, *, off: bool = False) -> list[str]:
    """Return a table of one section, followed by those below it.

    Sections that are off have one, and so have the items of lists of settings.
    """
    rows, below = [], []
    for key, field in type(settings).model_fields.items():
        value = getattr(settings, key)
        path = f"{name}.{key}" if name else key
        if isinstance(value, BaseModel):
            below += section(path, value)
        elif value is None and (optional := _model_of(field.annotation)):
            below += section(path, optional(), off=True)
        else:
            rows.append(_row(key, f"`{value!r}`", field))
            if item := _item_of(field.annotation):
                below += _item_section(path, item)
    if not rows:
        return below
    title = f"[{name}]" if name else "Top level"
    return [*_table(f"{title} (off)" if off else title, rows), *below]


def _item_section(name: str, item: type[BaseModel]) -> list[str]:
    """Return a table of what one item of a list holds."""
    rows = [
        _row(
            key,
            "needed"
            if field.is_required()
            else f"`{field.get_default(call_default_factory=True)!r}`",
            field,
        )
        for key, field in item.model_fields.items()
    ]
    return _table(f"[[{name}]] (each)", rows)


def _table(title: str, rows: list[str]) -> list[str]:
    """Return a table of settings below its title."""
    return ["", f"## {title}", "", "| key | default | meaning |", "|---|---|---|", *rows]


def _row(key: str, default: str, field: FieldInfo) -> str:
    """Return the row of one setting."""
    return f"| `{key}` | {default} | {' '.join((field.description or '').split())} |"


def _model_of(annotation: object) -> type[BaseModel] | None:
    """Return the settings in an optional field, if it holds some that have defaults."""
    for kind in get_args(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields.values()
            return None if any(field.is_required() for field in fields) else kind
    return None


def _item_of(annotation: object) -> type[BaseModel] | None:
    """Return the settings that a list is of, if it is a list of settings."""
    kind = next(iter(get_args(annotation)), None) if get_origin(annotation) is tuple else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def settings_page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(section("", Config())) + "\n"


def scenario_page() -> str:
    """Return the page of what a scenario is made of."""
    return SCENARIO_HEAD + "\n".join(section("", Scenario())) + "\n"


if __name__ == "__main__":
    write_text(Path(__file__).with_name("settings.md"), settings_page())
    write_text(Path(__file__).with_name("scenario_settings.md"), scenario_page())
