"""The rules that hold the house together, read from the sources themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "runbook"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Who may import whom: a room imports only rooms of a lower storey, or its own.
STOREYS = {
    "errors": 0, "verdict": 0, "secret": 0.5, "contents": 1, "table": 1, "checks": 1.5, "toml_lines": 0, "toml_text": 0,
    "targets": 2, "site_tables": 2, "ssh_config": 2.1, "site_ssh": 2.2,
    "site": 3, "site_example": 3.1, "remote": 4, "pki": 5, "elf": 3,
    "digest": 0, "diff": 0,
    "claims": 4, "entries": 4, "as_json": 4.1, "logs": 4.1, "action": 4.1, "preimage_scripts": 4.1,
    "journal": 5, "preimage": 5, "plan": 5, "restore": 5.5, "perform": 6, "undo": 6, "hold": 6,
    "follow": 4.2, "consent": 6, "position": 6.5, "run": 7, "show": 7, "lasting": 8, "showing": 8, "views": 8,
    "by_hand": 9, "chapter": 9, "opening": 10, "chapters": 11, "testbed": 5, "report": 12,
    "__init__": 13, "__main__": 13,
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            if node.module == "runbook":
                yield from ((f"runbook.{name.name}", node.lineno) for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    own = room(path)
    for module, line in imports(path):
        if not module.startswith("runbook.") or module == "runbook.open_chapter":
            continue
        other = "secret" if module == "runbook.remote.secret" else module.split(".")[1]
        below = other == own or STOREYS[other] < STOREYS[own]
        assert below, f"{path}:{line}: {own} imports {other}, which is not below it"


@pytest.mark.parametrize(
    ("libraries", "home"),
    [(("fabric", "invoke", "paramiko"), "remote"), (("plotly", "ipywidgets", "anywidget"), "show"),
     (("papermill", "nbconvert"), "report")],
)
def test_a_library_is_imported_in_its_room_only(libraries: tuple[str, ...], home: str) -> None:
    found = {room(path) for path in MODULES for module, _ in imports(path) if module.split(".")[0] in libraries}
    assert found <= {home}


def test_no_architecture_is_named_in_the_code() -> None:
    names = {path.stem for path in (PACKAGE / "targets").glob("*.toml")} | {"x86_64", "aarch64", "sw_64", "loongarch64"}
    assert "sw64" in names
    word = re.compile(r"(?<![A-Za-z0-9])(" + "|".join(sorted(names)) + r")(?![A-Za-z0-9])")
    found = [f"{path.relative_to(ROOT)}:{number}: {line.strip()}" for path in MODULES
             for number, line in enumerate(path.read_text().splitlines(), 1) if word.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_its_one_job_and_keeps_to_it(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring and docstring.splitlines()[0].endswith((".", "?")), "the first line of the docstring is the job"
    assert len(text.splitlines()) <= 260, "longer than one noun needs: it is two modules"
    assert not re.match(r"(util|helper|common|misc|manager)", path.stem)


def test_a_script_that_tidies_at_its_end_does_so_when_nobody_hears_it_any_more() -> None:
    """A shell that dies by SIGPIPE, as where the connection was cut, runs no trap of EXIT (dash 0.5.12)."""
    tidying = [path for path in (*MODULES, *PACKAGE.rglob("*.sh"))
               if re.search(r"^\s*trap .* EXIT\b", path.read_text(), re.MULTILINE)]
    assert len(tidying) >= 8
    deaf = [str(path) for path in tidying if not re.search(r"trap .*\bPIPE\b", path.read_text())]
    assert not deaf


def test_nothing_runs_a_shell_by_text_or_ends_a_process_by_name() -> None:
    forbidden = re.compile(r"shell=True|os\.system|AutoAddPolicy|StrictHostKeyChecking=no|\bpkill\b|\bkillall\b")
    found = [f"{path}:{number}" for path in MODULES for number, line in enumerate(path.read_text().splitlines(), 1)
             if forbidden.search(line)]
    assert not found
