"""Write the pages of settings from the settings themselves: python docs/settings.py."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic import BaseModel

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
    """Return a table of one section, followed by those below it, those that are off included."""
    rows, below = [], []
    for key, field in type(settings).model_fields.items():
        value = getattr(settings, key)
        meaning = " ".join((field.description or "").split())
        if isinstance(value, BaseModel):
            below += section(f"{name}.{key}" if name else key, value)
        elif value is None and (optional := _model_of(field.annotation)):
            below += section(f"{name}.{key}" if name else key, optional(), off=True)
        else:
            rows.append(f"| `{key}` | `{value!r}` | {meaning} |")
    if not rows:
        return below
    title = f"## [{name}]" if name else "## Top level"
    head = [
        "",
        f"{title} (off)" if off else title,
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    return [*head, *rows, *below]


def _model_of(annotation: object) -> type[BaseModel] | None:
    """Return the settings in an optional field, if it holds some that have defaults."""
    for kind in get_args(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields.values()
            return None if any(field.is_required() for field in fields) else kind
    return None


def settings_page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(section("", Config())) + "\n"


def scenario_page() -> str:
    """Return the page of what a scenario is made of."""
    return SCENARIO_HEAD + "\n".join(section("", Scenario())) + "\n"


if __name__ == "__main__":
    write_text(Path(__file__).with_name("settings.md"), settings_page())
    write_text(Path(__file__).with_name("scenario_settings.md"), scenario_page())
