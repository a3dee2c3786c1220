"""The wheel as users get it, who imports whom, and what each package says it holds."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("anyfast_transport", "langchain_anyfast", "llama_index_anyfast", "anyfast_emulator", "anyfast_doctor")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

MAY_IMPORT = {
    "anyfast_transport": {"httpcore", "httpx", "pydantic", "pydantic_core"},
    "langchain_anyfast": {
        "anyfast_transport",
        "jsonschema",
        "langchain_core",
        "pydantic",
        "pydantic_core",
        "referencing",
    },
    "llama_index_anyfast": {"anyfast_transport", "llama_index", "pydantic", "pydantic_core"},
    "anyfast_emulator": {"httpx", "pytest", "starlette", "uvicorn"},
    "anyfast_doctor": {"anyfast_transport", "httpx", "pydantic"},
}
FLOORS = (
    {"http"},
    {"request", "response"},  # these two do not know each other
    {"settings"},
    {"families"},
    {"usage_tracking"},
    {"types"},
    {"lenient_json", "usage", "reading", "unvalidated"},
    {"errors"},
)
"""The folders and modules of the transport, from the top: each may import those of the floors below it."""
SPEAKS_HTTP = {
    "anyfast_transport": re.compile(r"http/|settings/(arguments|connection)\.py"),
    "anyfast_doctor": re.compile("asking.py"),
}
LONGEST_FILE = 350


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        outside = set(imports_of(path)) - set(sys.stdlib_module_names) - {package}
        assert outside <= MAY_IMPORT[package], path.name
        if package in SPEAKS_HTTP and not SPEAKS_HTTP[package].match(str(path.relative_to(ROOT / package))):
            assert not outside & {"httpx", "httpcore"}, path.name


def inner_imports_of(path):
    """The folders and modules of the transport that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("anyfast_transport"):
            below = node.module.split(".")[1:2]
            yield from below or (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("anyfast_transport."))


def test_each_floor_of_the_transport_imports_those_below():
    floor_of = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    for path in (ROOT / "anyfast_transport").rglob("*.py"):
        inside = path.relative_to(ROOT / "anyfast_transport").parts[0].removesuffix(".py")
        if inside == "__init__":
            continue
        for other in set(inner_imports_of(path)) - {inside}:
            assert floor_of[other] > floor_of[inside], f"{path.relative_to(ROOT)} imports {other}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_of_a_package_is_in_a_circle(package):
    root = ROOT / package
    imports = {}
    for path in root.rglob("*.py"):
        name = f"{package}." + str(path.relative_to(root)).removesuffix(".py").replace("/", ".")
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        imports[name] = {node.module for node in nodes} | {f"{n.module}.{a.name}" for n in nodes for a in n.names}
    while leaves := {name for name, wanted in imports.items() if not wanted & (imports.keys() - {name})}:
        imports = {name: wanted for name, wanted in imports.items() if name not in leaves}
    assert not imports, sorted(imports)


def test_no_file_of_the_transport_has_grown_too_long():
    sizes = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "anyfast_transport").rglob("*.py")}
    assert not {name: size for name, size in sizes.items() if size > LONGEST_FILE}


@pytest.mark.parametrize("package", PACKAGES)
def test_all_names_exactly_what_a_package_offers(package):
    module = importlib.import_module(package)
    submodules = {path.stem for path in (ROOT / package).iterdir()}
    offered = (
        {name for name in vars(module) if name.isidentifier() and not name.startswith("_")} - submodules - set(PACKAGES)
    )
    assert offered == {name for name in module.__all__ if not name.startswith("_")}
    assert module.__all__ == sorted(module.__all__)


def test_the_version_is_said_once_and_the_same_everywhere():
    import anyfast_transport

    assert anyfast_transport.__version__ == PROJECT["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_one_framework_never_pulls_the_other():
    extras = PROJECT["optional-dependencies"]
    assert not any("llama" in requirement for requirement in extras["langchain"] + PROJECT["dependencies"])
    assert not any("langchain" in requirement for requirement in extras["llama-index"] + PROJECT["dependencies"])
    assert extras["all"] == ["anyfast-integrations[langchain,llama-index,emulator,aiohttp]"]


UV = Path(sys.executable).parent / "uv"


def run(*command, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    clean["PYTHONDONTWRITEBYTECODE"] = "1"  # what is compiled there is not read again, only removed
    done = subprocess.run(  # noqa: S603  # our own commands
        [str(part) for part in command], capture_output=True, text=True, env={**clean, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_packages_their_types_and_the_command(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "anyfast_doctor/red.mp4" in names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {name.partition("/")[0] for name in names if name.endswith(".py")} == set(PACKAGES)


TRY_ALL = """
import importlib, sys
for package in {packages!r}:
    try:
        importlib.import_module(package)
        print(package, "works")
    except ImportError as error:
        print(package, error)
for foreign in ("langchain_core", "llama_index"):
    print(foreign, foreign in sys.modules)
try:
    import anyfast_emulator
    with anyfast_emulator.Emulator():
        print("server works")
except ImportError as error:
    print("server", error)
"""


@pytest.mark.parametrize(
    ("extra", "works"),
    [
        ("", set()),
        ("langchain", {"langchain_anyfast"}),
        ("llama-index", {"llama_index_anyfast"}),
        ("emulator", {"server"}),
    ],
)
@pytest.mark.timeout(300)
@pytest.mark.skipif(not UV.exists(), reason="the Makefile's environment has uv, which installs from its cache")
def test_the_wheel_installs_bare_and_with_each_extra_alone(wheel, tmp_path, extra, works):
    python = tmp_path / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path)
    install = (UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[{extra}]" if extra else wheel)
    try:
        run(*install, "--offline")
    except AssertionError:
        run(*install)
    said = dict(line.split(" ", 1) for line in run(python, "-c", TRY_ALL.format(packages=PACKAGES)).splitlines())
    assert said["anyfast_transport"] == said["anyfast_emulator"] == said["anyfast_doctor"] == "works"
    assert run(tmp_path / "bin" / "anyfast-doctor", "--version").strip() == PROJECT["version"]
    for name, remedy in (
        ("langchain_anyfast", "langchain"),
        ("llama_index_anyfast", "llama-index"),
        ("server", "emulator"),
    ):
        assert said[name] == "works" if name in works else f"anyfast-integrations[{remedy}]" in said[name]
    assert said["langchain_core"] == str("langchain_anyfast" in works)
    assert said["llama_index"] == str("llama_index_anyfast" in works)


@pytest.mark.parametrize("package", ["langchain_anyfast", "llama_index_anyfast"])
@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("raise ImportError('libssl.so.3 is missing')", "libssl.so.3 is missing"),
        ("import a_package_that_nobody_has", "a_package_that_nobody_has"),
        (None, "pip install"),
    ],
)
def test_only_a_missing_framework_is_told_as_missing(package, inside, said, tmp_path):
    framework = tmp_path / ("langchain_core" if package == "langchain_anyfast" else "llama_index/core")
    framework.mkdir(parents=True)
    (framework / "__init__.py").write_text(
        inside or f"raise ModuleNotFoundError(name={str(framework.relative_to(tmp_path)).replace('/', '.')!r})"
    )
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-c", f"import {package}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert ("anyfast-integrations" in last) == (inside is None)
