"""Every Python block of the documentation runs, in order, file by file, against the emulator; every link leads on.

What a shell block names (targets, extras, modules and their flags) is there, too.
"""

import ast
import codeop
import importlib.util
import inspect
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from anyfast_emulator import Emulator
from tools.docs import families_page, peers_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted(DOCS.rglob("*.mdx")),
]
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))
# Mintlify, which shows .mdx pages, has a title behind the language.
BLOCK = re.compile(r"^```python\b[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^ *```(?:sh|bash)\b[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|/)([^)\s]+)\)")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")


def named(path):
    return str(path.relative_to(ROOT))


@pytest.fixture
def _gateway(anyfast_emulator, monkeypatch):
    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)


def run(source, path, namespace):
    exec(compile(source, str(path), "exec"), namespace)  # noqa: S102  # that is what this test is for
    for name in [name for name in namespace if name.startswith("test_")]:
        with Emulator() as emulator:
            namespace.pop(name)(emulator)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("_gateway")
@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))], ids=named)
def test_python_blocks_run(page):
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        # Blank lines in front make a traceback name the line of the page.
        run("\n" * text.count("\n", 0, block.start(1)) + block.group(1), page, namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))], ids=named)
def test_python_blocks_can_be_pasted_into_a_prompt(page):
    text = page.read_text(encoding="utf-8")
    broken = []
    for block in BLOCK.finditer(text):
        begun = []
        for line in [*block.group(1).splitlines(), ""]:  # the prompt of Python 3.12 and older reads line by line
            begun.append(line)
            try:
                if codeop.compile_command("\n".join(begun)) is not None:
                    begun.clear()
            except SyntaxError as error:
                broken.append(f"line {text.count(chr(10), 0, block.start(1)) + 1}: {error}: {line!r}")
                break
    assert broken == []


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("_gateway")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
async def test_the_cells_of_a_notebook_run(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    namespace = {"__name__": notebook.stem}
    for cell in cells:
        assert cell.get("outputs", []) == []
        lines = [line for line in cell["source"] if not line.startswith("%")]  # magic is the notebook's own
        if cell["cell_type"] == "code" and any(map(str.strip, lines)):
            await run_cell("".join(lines), notebook, namespace)


async def run_cell(source, path, namespace):
    """A notebook runs its cells within a loop, and lets them await at the top."""
    code = compile(source, str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(code, namespace)  # noqa: S307  # that is what this test is for
    if inspect.isawaitable(waiting):
        await waiting


def anchors_of(page):
    """The anchors that GitHub and the site give to a page's headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    if found := re.match(r'--8<-- "(.+)"', text):
        return anchors_of(ROOT / found.group(1))
    return {families_page.anchor(title.replace("`", "")) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def dead(page):
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    assert list(dead(page)) == []


def lines_of_shell():
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield pytest.param(words, id=f"{named(page)}: {' '.join(words)[:60]}")


def check_make(arguments):
    assert [one for one in arguments if "=" not in one and one not in TARGETS] == []


def check_pip(arguments):
    ours = [one for one in arguments if one.startswith((".[", "anyfast-integrations["))]
    extras = {extra for one in ours for extra in one.partition("[")[2].partition("]")[0].split(",")}
    assert extras <= set(PROJECT["optional-dependencies"])


def check_program(arguments):
    """`python -m module --flag`, or `python file.py --flag`."""
    if arguments[0] == "-m":
        found = importlib.util.find_spec(arguments[1])
        assert found, arguments[1]
        check_flags(Path(found.origin).parent, arguments[2:])
    else:
        assert (ROOT / arguments[0]).exists(), arguments[0]
        check_flags((ROOT / arguments[0]).parent, arguments[1:])


def check_flags(folder, arguments):
    """The flags stand in the source; to ask for --help would import whatever the program imports."""
    wanted = {one.partition("=")[0] for one in arguments if one.startswith("--")}
    if wanted and folder.is_relative_to(ROOT):
        source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
        assert [flag for flag in wanted if f'"{flag}"' not in source] == []


def check_script(name):
    def check(arguments):
        module = PROJECT["scripts"][name].partition(":")[0]
        check_flags(Path(importlib.util.find_spec(module).origin).parent, arguments)

    return check


CHECKS = {"make": check_make, "pip": check_pip, "python": check_program, "python3": check_program}
CHECKS |= {script: check_script(script) for script in PROJECT.get("scripts", {})}
WITHOUT_A_CHECK = {".", "export", "cd", "git", "tools/run_with_pins.sh", "uv", "npm", "node"}


@pytest.mark.parametrize("words", list(lines_of_shell()))
def test_what_a_shell_block_names_is_there(words):
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words and words[0] not in WITHOUT_A_CHECK:
        CHECKS[words[0]](words[1:])


def test_each_page_of_the_site_is_in_its_navigation():
    told = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "upstream" not in page.parts}
    assert set(re.findall(r"^ +- [^:]+: (\S+\.md)$", told, re.MULTILINE)) == pages


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_target_of_make_that_a_page_names_is_there(page):
    named_targets = re.findall(r"`make ((?:[a-z-]+ ?)+)", page.read_text(encoding="utf-8"))
    assert {target for found in named_targets for target in found.split()} <= TARGETS


@pytest.mark.parametrize("path", families_page.pages(), ids=named)
def test_what_is_made_from_the_rows_says_what_they_say(path):
    assert path.read_text(encoding="utf-8") == families_page.pages()[path], "run `make pages`"


def test_each_family_has_a_section_with_all_its_facts():
    page = families_page.page()
    for row in families_page.rows():
        section = page.partition(f"\n## {row.family.name}\n")[2].partition("\n## ")[0]
        assert row.facts or row.succeeds
        assert section.count("\n| `") == len(row.facts)


def test_the_pages_of_the_peers_say_what_the_comparisons_found():
    assert peers_page.PAGE.read_text(encoding="utf-8") == peers_page.page(), "run `make pages`"
    assert peers_page.README.read_text(encoding="utf-8") == peers_page.readme(), "run `make pages`"


def test_the_recording_is_small_and_fetches_nothing():
    picture = (DOCS / "images" / "demo.svg").read_text(encoding="utf-8")
    assert len(picture) < 300_000
    assert "url(http" not in picture
    assert "thinks" in picture
