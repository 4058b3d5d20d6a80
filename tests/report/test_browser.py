import os
import shutil
import subprocess

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
)

# written into a copy of the page: what a reader's browser made of it
PROBE = """
<script>
addEventListener("load", () => {
  const images = [...document.images];
  const state = {
    images: images.length,
    broken: images.filter(i => !i.complete || i.naturalWidth === 0).length,
    loaded: performance.getEntriesByType("resource").filter(e => e.name.startsWith("http")).length,
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    mode: document.compatMode,
    captions: [...document.querySelectorAll("caption")].filter(
      c => (c.firstElementChild ?? c).offsetWidth > c.closest(".scroll").clientWidth).length,
  };
  document.documentElement.setAttribute("data-probe", JSON.stringify(state).replaceAll('"', "'"));
});
</script>
"""


@pytest.fixture(scope="module")
def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    if os.environ.get("CI"):
        pytest.fail("no chromium on PATH; CI needs one: apt-get install chromium")
    return pytest.skip("no chromium on PATH")


def open_page(chromium, page, profile, *options):
    """Open a page in a fresh headless browser; return its document and its messages."""
    command = [chromium, *FLAGS, *options, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def write_page(folder, page, *, extra=""):
    """Write a page, with something put in at its end."""
    path = folder / "report.html"
    path.write_text(page.replace("</body>", f"{extra}</body>"))
    return path


def test_real_browser_opens_the_page_without_a_message_on_its_console(chromium, page, tmp_path):
    path = write_page(tmp_path, page)
    document, messages = open_page(chromium, path, tmp_path / "profile", "--dump-dom")
    assert 'id="results"' in document
    assert "CONSOLE" not in messages


def test_browser_reports_a_message_when_there_is_one(chromium, tmp_path):
    path = write_page(tmp_path, "<body></body>", extra="<script>nothing.here</script>")
    messages = open_page(chromium, path, tmp_path / "profile", "--dump-dom")[1]
    assert "CONSOLE" in messages  # else the test above proves nothing


@pytest.mark.parametrize("name", ["page", "benchmark_page"])
@pytest.mark.parametrize("width", [1200, 500])  # Chromium's windows are at least 500 wide
def test_window_holds_every_picture_and_caption(chromium, request, tmp_path, width, name):
    page = request.getfixturevalue(name)
    path = write_page(tmp_path, page, extra=PROBE)
    size = f"--window-size={width},900"
    document, _ = open_page(chromium, path, tmp_path / "profile", "--dump-dom", size)
    state = document.split('data-probe="{')[1].split('}"')[0]
    assert "'broken':0,'loaded':0,'wider':0,'mode':'CSS1Compat','captions':0" in state
    assert f"'images':{page.count('<img ')}," in state
