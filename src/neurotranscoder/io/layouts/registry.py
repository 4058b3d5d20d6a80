"""The layouts by name."""

from __future__ import annotations

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.io.layouts import ds000116, ds002336, natview, noddi
from neurotranscoder.io.layouts.plan import Layout

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (ds000116.LAYOUT, noddi.LAYOUT, ds002336.LAYOUT, natview.LAYOUT)
}


def layout_named(name: str, eeg: str = "") -> Layout:
    """Return a layout that has a kind of EEG files; SettingsError when there is none."""
    if name not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise SettingsError(f"layout {name!r} is unknown; need one of {known}; correct the name")
    layout = LAYOUTS[name]
    if eeg and eeg not in layout.eeg:
        needed = ", ".join(layout.eeg)
        raise SettingsError(f"{name} has no eeg {eeg!r}; need one of {needed}; correct eeg")
    return layout
