"""The base of all settings: frozen, documented, unknown keys refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, NonNegativeFloat


def _least_first(span: tuple[float, float]) -> tuple[float, float]:
    """Refuse a range whose least value is not its first."""
    if span[0] > span[1]:
        raise ValueError(f"{span[0]:g} to {span[1]:g} is no range; need the least value first")
    return span


Span: TypeAlias = Annotated[tuple[float, float], AfterValidator(_least_first)]
"""A range: least and greatest value."""
PositiveSpan: TypeAlias = Annotated[
    tuple[NonNegativeFloat, NonNegativeFloat], AfterValidator(_least_first)
]
"""A range of values that are not negative."""


class Settings(BaseModel):
    """Settings of one package; subclasses document each field with a string below it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    def digest(self) -> str:
        """Return the SHA-256 of the settings, the same on every machine."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def by_name(self, prefix: str = "") -> dict[str, object]:
        """Return the value of every setting by its dotted name, as JSON holds it."""
        return _flat(self.model_dump(mode="json"), prefix)


def _flat(values: Mapping[str, object], prefix: str) -> dict[str, object]:
    """Return nested values under dotted names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
