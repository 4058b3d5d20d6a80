import re
import runpy
from pathlib import Path

from neurotranscoder.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[1]


def test_settings_page_is_that_of_the_code():
    page = runpy.run_path(str(ROOT / "docs" / "settings.py"))["settings_page"]()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page


def test_every_file_that_the_readme_links_to_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [c.__name__ for c in COMMANDS if f"neurotranscoder {c.__name__}" not in text]
    assert missing == []
