"""Templates of the pages: every text is escaped, and a missing one is an error."""

from __future__ import annotations

from importlib import resources

import jinja2


def template(name: str) -> jinja2.Template:
    """Return a template of this package; it may include others."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def _source(name: str) -> str:
    """Return the text of a template."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")
