"""Every Python block of the documentation runs, in order, file by file, against the emulator."""

import re
from pathlib import Path

import pytest

from anyfast_emulator import Emulator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")

# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")


@pytest.fixture(autouse=True)
def _gateway(anyfast_emulator, monkeypatch):
    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page):
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        # Blank lines in front make a traceback name the line of the page.
        source = "\n" * text.count("\n", 0, block.start(1)) + block.group(1)
        exec(compile(source, str(page), "exec"), namespace)  # noqa: S102  # that is what this test is for
        for name in [name for name in namespace if name.startswith("test_")]:
            with Emulator() as emulator:
                namespace.pop(name)(emulator)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
