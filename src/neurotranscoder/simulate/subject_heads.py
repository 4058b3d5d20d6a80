"""The heads of the subjects of a scenario."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from threadpoolctl import threadpool_limits

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.head import Head, HeadSettings, build_head
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.subjects import draw_traits, own_head_settings

_LOG = logging.getLogger(__name__)


def settings_of_head(scenario: Scenario, subject: int) -> HeadSettings:
    """Return what the head of a subject is built from."""
    if scenario.subjects is None:
        return scenario.head
    traits = draw_traits(scenario.subjects, scenario.seed, subject, n_regions=0)
    return own_head_settings(traits, scenario.subjects, scenario.head)


def subject_heads(
    scenario: Scenario,
    template: Head,
    subjects: Iterable[int],
    *,
    map: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]] = map,
) -> tuple[Head, ...]:
    """Return the heads of some subjects; the template itself for those who do not differ.

    Parameters
    ----------
    scenario : Scenario
        How much heads differ.
    template : Head
        From ``build_head(scenario.head)``.
    subjects : iterable of int
        Which subjects, from 0.
    map : callable
        Like the built-in; may build heads in several processes.

    Raises
    ------
    SettingsError
        When heads differ, and the template is a head of one's own.
    """
    wanted = [settings_of_head(scenario, subject) for subject in subjects]
    own = list(dict.fromkeys(one for one in wanted if one != scenario.head))
    if not own:
        return (template,) * len(wanted)
    if template.origin != scenario.head:
        raise SettingsError(
            f"scenario {scenario.name!r} varies size, skull, electrodes or orientations of the "
            "head, which cannot be varied in a head that was not built from `scenario.head`; give "
            "one head for each subject (`heads`), or set these parts of `subjects` to 0"
        )
    _LOG.info("building the heads of %d subjects, unless they are kept from before", len(own))
    built = dict(zip(own, map(_build, own), strict=True))
    return tuple(built.get(one, template) for one in wanted)


def _build(settings: HeadSettings) -> Head:
    """Build a head; the same to the last bit in whatever process."""
    with threadpool_limits(limits=1):
        return build_head(settings)
