"""Many builds at once: told as they begin, kept in order, stopped where one fails or a person interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.side_by_side import build_all
from runbook.errors import BuildFailed
from runbook.remote.local import LocalShell
from runbook.site import ROOT, Site
from runbook.targets import load_target

TARGETS = ("amd64", "arm64", "riscv64")


@pytest.fixture
def recipes(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> list[Recipe]:
    found = ingredients(site, local, services)
    return [recipe_for("hello", found.sources, found.go, load_target(name), tmp_path) for name in TARGETS]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "builds"


def test_what_is_built_comes_in_the_order_of_the_recipes_and_is_told(
    recipes: list[Recipe], local: LocalShell, kept: Path
) -> None:
    told: list[str] = []
    first = build(recipes[1], local, kept)
    made = build_all(recipes, local, told.append, kept=kept)
    assert [one.recipe for one in made] == recipes and [one.already for one in made] == [False, True, False]
    assert made[1].sha256 == first.sha256
    assert sorted(told) == ["1 of 2 to compile: hello for linux/amd64 by " + str(recipes[0].go) + ", without cgo",
                            "2 of 2 to compile: hello for linux/riscv64 by " + str(recipes[0].go) + ", without cgo"]
    again = build_all(recipes, local, lambda text: pytest.fail(text), kept=kept)
    assert all(one.already for one in again)


def test_after_a_failure_none_begins_and_the_compilers_words_come_back(
    recipes: list[Recipe], local: LocalShell, kept: Path
) -> None:
    told: list[str] = []
    wrong = [replace(recipes[0], flags=(*recipes[0].flags, "-nonsense")), *recipes[1:]]
    with pytest.raises(BuildFailed, match="flag provided but not defined: -nonsense"):
        build_all(wrong, local, told.append, kept=kept, at_once=1)
    assert len(told) == 1 and not list(kept.glob("new-*"))
    assert build(recipes[1], local, kept).already is False, "the shell still works"


def test_an_interrupt_stops_the_compilers(recipes: list[Recipe], local: LocalShell, kept: Path, tmp_path: Path) -> None:
    go = recipes[0].go  # with nothing compiled before, so that it lasts
    cold = replace(go, settings=go.settings | {"GOCACHE": str(tmp_path / "cold")})
    lasting = [replace(one, go=cold, environment=tuple(
        (name, str(tmp_path / "cold") if name == "GOCACHE" else value) for name, value in one.environment))
        for one in recipes]
    begun = threading.Event()
    threading.Thread(target=lambda: begun.wait(60) and time.sleep(0.5) or os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        build_all(lasting, local, lambda text: begun.set(), kept=kept)
    assert not list(kept.glob("new-*")) and not _running(tmp_path)


def test_a_build_that_was_killed_leaves_nothing_that_counts(
    recipes: list[Recipe], local: LocalShell, kept: Path, tmp_path: Path
) -> None:
    """The runbook itself is killed in the middle: there is no half a binary under the recipe's key."""
    child = subprocess.Popen([sys.executable, "-c", BUILDS, tmp_path / "site.toml", kept], cwd=ROOT)
    until = time.monotonic() + 60
    while not list(kept.glob("new-*/first/hello/main.go")) and time.monotonic() < until:
        time.sleep(0.005)
    child.kill()
    child.wait()
    (left,) = kept.glob("new-*")
    for compiler in _running(tmp_path):  # it may outlive who started it, and then writes to a folder that nobody reads
        with contextlib.suppress(ProcessLookupError):
            os.kill(compiler, signal.SIGKILL)
    assert not list(kept.glob("*/built.json"))
    built = build(recipes[0], local, kept)
    assert not built.already and not left.exists() and built.again == built.sha256


BUILDS = """
import sys
from dataclasses import replace
from pathlib import Path
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.observe import ingredients
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import load_site
from runbook.targets import load_target
site, folder = load_site(sys.argv[1]), Path(sys.argv[2])
(folder.parent / "child").mkdir()
shell = LocalShell(Journal(folder.parent / "child"))
found = ingredients(site, shell, folder.parent / "services")
cold = replace(found.go, settings=found.go.settings | {"GOCACHE": str(folder.parent / "cold")})
build(recipe_for("hello", found.sources, cold, load_target("amd64"), folder.parent), shell, folder)
"""


def _running(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
