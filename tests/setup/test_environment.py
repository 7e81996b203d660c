"""pyproject.toml, environment.yml, the lock, the Debian list and docs/dependencies.md tell one story."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec

from runbook.testbed.prerequisites import PACKAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
GO_MODULES = sorted((ROOT / "services").rglob("go.mod"))
LOCK = (ROOT / "setup/requirements.lock").read_text()


def ranges(requirements: list[str]) -> dict[str, SpecifierSet]:
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, requirements)}


def conda_ranges() -> dict[str, SpecifierSet]:
    lines = [line for line in CONDA["dependencies"] if isinstance(line, str)]
    specs = [MatchSpec(line, strict=True) for line in lines]
    return {canonicalize_name(s.name.normalized): SpecifierSet(str(s.version or "")) for s in specs}


def locked() -> dict[str, str]:
    return {canonicalize_name(n): v for n, v in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)}


def imported(path: Path) -> set[str]:
    """The top names of what a source file imports, and not from beside itself."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


ALL = ranges([*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)])


def test_conda_installs_the_same_ranges_as_pip() -> None:
    wanted = ranges([*PROJECT["dependencies"], *EXTRAS["lab"], *EXTRAS["test"]])
    wanted["python"] = SpecifierSet(PROJECT["requires-python"])
    wanted["pip"] = SpecifierSet()
    assert conda_ranges() == wanted


def test_conda_takes_everything_from_conda_forge_but_the_project_itself() -> None:
    assert CONDA["channels"] == ["conda-forge"]
    others = [line for line in CONDA["dependencies"] if not isinstance(line, str)]
    assert others == [{"pip": ["--editable ."]}]


def test_every_range_has_a_lower_and_an_upper_end() -> None:
    for name, specifier in ALL.items():
        assert {">=", "<"} == {part.operator for part in specifier}, name


def test_the_lock_holds_a_version_that_pyproject_allows_for_every_dependency() -> None:
    versions = locked()
    for name, specifier in ALL.items():
        assert versions.get(name) in specifier, f"{name}{specifier}: run setup/lock"


@pytest.mark.parametrize("lock", ["requirements.lock", "uv.txt"])
def test_a_lock_pins_with_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / "setup" / lock).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|index-url|find-links|trusted-host", text)


@pytest.mark.parametrize("file", ["setup/debian-packages.txt", "setup/debian-packages-long.txt"])
def test_every_debian_package_is_named_once_with_a_reason(file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    for line in listed:
        assert re.fullmatch(r"[a-z0-9][a-z0-9.+-]+ +# \S.+", line), line
    names = [line.split()[0] for line in listed]
    assert names
    assert len(set(names)) == len(names)


def test_every_package_that_the_testbed_wants_is_listed() -> None:
    listed = (ROOT / "setup/debian-packages.txt").read_text().split()
    assert set(PACKAGES.values()) <= set(listed)


@pytest.mark.parametrize(("folder", "extras"), [("runbook", ("spread",)), ("tests", ("test", "browser"))])
def test_every_import_is_of_a_declared_dependency(folder: str, extras: tuple[str, ...]) -> None:
    declared = set(ranges([*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]))
    providers = packages_distributions()
    for path in (ROOT / folder).rglob("*.py"):
        for module in imported(path) - sys.stdlib_module_names - {"runbook", "tests", "bench"}:
            provided_by = {canonicalize_name(name) for name in providers.get(module, ())}
            assert provided_by & declared, f"{path.relative_to(ROOT)} imports {module}"


def test_the_dependencies_page_names_every_dependency_in_its_tables() -> None:
    rows = re.findall(r"^\| ([\w./-]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    texts = [path.read_text() for path in GO_MODULES]
    # A direct requirement's line ends with its version; an indirect one is a tool's, or nobody's wish.
    direct = re.compile(r"^(?:\t|tool |require )([^\s(]\S*)(?: v\S+)?$", re.MULTILINE)
    modules = {name for text in texts for name in direct.findall(text)}
    assert modules
    pages = {"package", "module", "what", "uv", "Go"}  # heads, and what the first table names
    assert set(rows) - pages == set(ALL) | modules


def test_one_go_toolchain_for_all_with_a_committed_sum_for_each_architecture_that_steers() -> None:
    # A Go before 1.21 refuses the line, and what checks signatures on a host has to build with such a port too.
    named = [path for path in GO_MODULES if path.parent.name != "signing"]
    asked = {re.search(r"^toolchain (go\S+)$", path.read_text(), re.MULTILINE)[1] for path in named}
    assert len(asked) == 1
    lines = (ROOT / "setup/toolchain.sum").read_text().splitlines()
    prefix = f"golang.org/toolchain v0.0.1-{asked.pop()}.linux-"
    assert {line.rpartition(" h1:")[0] for line in lines} == {prefix + "amd64", prefix + "arm64"}
