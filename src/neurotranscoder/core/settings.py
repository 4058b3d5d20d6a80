"""The base of all settings: frozen, documented, unknown keys refused."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings of one package; subclasses document each field with a string below it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    def digest(self) -> str:
        """Return the SHA-256 of the settings, the same on every machine."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
