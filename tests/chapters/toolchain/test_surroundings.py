"""A package's tests find what `go test` would show them; without it they fail, and that is not hidden."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from runbook.chapters.toolchain import trial
from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.toolchain.passport import passport
from runbook.chapters.toolchain.programs import build_all, recipes
from runbook.chapters.toolchain.surroundings import MODIFIED, around
from runbook.chapters.visit import Around
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import of_machine
from runbook.verdict import Basis

DEBIAN = Path("/usr/lib/go-1.19")
HERE = of_machine(os.uname().machine)


def names(seen: Around) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(seen.archive)) as made:
        return set(made.getnames())


def times(seen: Around) -> set[float]:
    with tarfile.open(fileobj=io.BytesIO(seen.archive)) as made:
        return {one.mtime for one in made.getmembers() if one.isfile()}


@pytest.fixture
def root(site: Site, local: LocalShell) -> Path:
    return find_go(site, local).root


def test_a_package_brings_its_folder_its_testdata_and_that_of_the_folders_above(root: Path) -> None:
    seen = around(root, "compress/flate")
    assert (seen.folder, seen.variable, seen.value) == ("go/src/compress/flate", "GOROOT", "go")
    assert {"go/VERSION", "go/src/go.mod", "go/src/compress/flate/deflate_test.go",
            "go/src/compress/flate/testdata/huffman-null-max.in", "go/src/compress/testdata/e.txt"} <= names(seen)
    assert not any(name.startswith(("go/src/compress/gzip", "go/src/os", "go/pkg")) for name in names(seen))
    assert seen.archive == around(root, "compress/flate").archive, "the same files are the same bytes"
    assert times(seen) == {MODIFIED} and MODIFIED > 0, "Go's net/http calls the epoch no time at all"


def test_its_subfolders_are_there_and_empty_and_what_its_tests_read_elsewhere_is_named(root: Path) -> None:
    seen = names(around(root, "os"))
    assert "go/src/os/exec" in seen and not any(name.startswith("go/src/os/exec/") for name in seen)
    assert "go/lib/time/zoneinfo.zip" in names(around(root, "time")) and "go/lib/time/zoneinfo.zip" not in seen


def test_a_tree_that_is_split_by_links_brings_files(tmp_path: Path) -> None:
    if not DEBIAN.exists():
        pytest.skip(f"no Go in {DEBIAN}: setup/debian installs golang-1.19-go")
    seen = names(around(DEBIAN, "compress/bzip2"))
    assert {"go/src/compress/bzip2/bzip2.go", "go/src/compress/bzip2"} <= seen
    assert around(tmp_path, "strconv").folder == "go/src/strconv", "a Go without sources brings an empty folder"


def test_a_package_whose_tests_read_files_passes_with_them_and_not_without(
    root: Path, site: Site, local: LocalShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert HERE is not None
    go = find_go(site, local)
    seen = passport(go, HERE, NoCompiler(HERE.name, "not asked for", "nothing to do"), local)
    (built,) = build_all(recipes(seen, HERE, ("compress/bzip2",)), local).tests
    run = trial.run_tests(built, local, Basis.NATIVE)
    assert run.ok and run.passed >= 4 and not run.failed, str(run)
    monkeypatch.setattr(trial, "around", lambda root, package: around(Path("/nowhere"), package))
    run = trial.run_tests(built, local, Basis.NATIVE)
    assert not run.ok and "no such file" in run.why.lower(), run
