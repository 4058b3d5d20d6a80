import re
import runpy
from pathlib import Path

import pytest

from neurotranscoder.cli.app import COMMANDS
from neurotranscoder.simulate.catalogue import scenario_names

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("name", "page"),
    [("settings.md", "settings_page"), ("scenario_settings.md", "scenario_page")],
)
def test_pages_of_settings_are_those_of_the_code(name, page):
    written = runpy.run_path(str(ROOT / "docs" / "settings.py"))[page]()
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == written


def test_simulator_page_names_every_scenario_and_its_python_runs():
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert [name for name in scenario_names() if f"`{name}`" not in text] == []
    [code] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["run"].recording.bold.data.ndim == 4


def test_every_file_that_the_readme_links_to_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [c.__name__ for c in COMMANDS if f"neurotranscoder {c.__name__}" not in text]
    assert missing == []
