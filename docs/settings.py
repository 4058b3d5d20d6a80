"""Write docs/settings.md from the settings themselves: python docs/settings.py."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from neurotranscoder.config import Config
from neurotranscoder.io.store import write_text

HEAD = """# Settings

Written by `python docs/settings.py` from the code. A TOML file (`--config study.toml`) holds
them by section; `--set section.key=value` changes one. Every command saves the resolved settings
beside its results.
"""


def section(name: str, settings: BaseModel) -> list[str]:
    """Return a table of one section, followed by those below it."""
    rows, below = [], []
    for key, field in type(settings).model_fields.items():
        value = getattr(settings, key)
        meaning = " ".join((field.description or "").split())
        if isinstance(value, BaseModel):
            below += section(f"{name}.{key}" if name else key, value)
        else:
            rows.append(f"| `{key}` | `{value!r}` | {meaning} |")
    if not rows:
        return below
    head = ["", f"## [{name}]", "", "| key | default | meaning |", "|---|---|---|"]
    return [*head, *rows, *below]


def settings_page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(section("", Config())) + "\n"


if __name__ == "__main__":
    write_text(Path(__file__).with_name("settings.md"), settings_page())
