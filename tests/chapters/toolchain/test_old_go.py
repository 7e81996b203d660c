"""An older Go passes the chapter's verification as today's does: Debian's split one, and upstream's releases."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook import targets
from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.goroot import sources_sha256
from runbook.chapters.toolchain.observe import Go, find_go, require_whole
from runbook.chapters.toolchain.passport import passport
from runbook.chapters.toolchain.programs import Programs, build_all, recipes
from runbook.chapters.toolchain.trial import Trial, greet
from runbook.chapters.toolchain.verify import C_COMPILER, verify_programs, verify_toolchain
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import Target, load_target, of_machine
from runbook.verdict import Basis, State
from tests.chapters.gos import with_go

DEBIAN = Path("/usr/lib/go-1.19")
RELEASES = ("1.16.15", "1.17.13", "1.18.10", "1.20.14", "1.22.12")
"""The last of each line of which a port for the article's architecture was seen."""


@pytest.fixture(scope="module")
def debian() -> Path:
    if not (DEBIAN / "bin" / "go").exists():
        pytest.fail(f"no Go in {DEBIAN}: setup/debian installs golang-1.19-go")
    return DEBIAN


@pytest.fixture(scope="module")
def copied(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in one folder, without its tests and commands, which hello does not need."""
    root = tmp_path_factory.mktemp("go")
    for name in ("bin", "pkg/tool", "pkg/include", "src"):
        shutil.copytree((debian / name).resolve(), root / name,
                        ignore=shutil.ignore_patterns("testdata", "*_test.go", "cmd"))
    for target in targets.names():
        (root / "src/cmd/internal/obj" / targets.load_target(target).names.kernel).mkdir(parents=True, exist_ok=True)
    shutil.copy2(debian / "VERSION", root)
    return root


@pytest.fixture
def own() -> Target:
    found = of_machine(os.uname().machine)
    assert found is not None
    return found


def states(site: Site, local: LocalShell, target: Target) -> tuple[Go, Programs, dict[str, State]]:
    """Everything that chapter 02 verifies of a Go but the hosts; hello runs here."""
    go = find_go(site, local)
    require_whole(go, target, local)
    seen = passport(go, target, NoCompiler(target.name, "not asked for", "nothing to do"), local)
    programs = build_all(recipes(seen, target, ()), local)
    hello = greet(programs.hello, local, Basis.NATIVE)
    verdicts = (*verify_toolchain(seen.to_toml(), seen), *verify_programs(programs, Trial((hello,)), seen, target))
    return go, programs, {one.what: one.state for one in verdicts}


def whole(told: dict[str, State]) -> bool:
    """A C compiler is the only thing that was not asked for."""
    return {what for what, state in told.items() if state is not State.PASS} == {C_COMPILER}


def test_debians_go_is_whole_though_its_sources_lie_elsewhere(site: Site, local: LocalShell, debian: Path, own: Target
                                                              ) -> None:
    assert (debian / "src").is_symlink(), "GOROOT is split between /usr/lib and /usr/share"
    go, programs, told = states(with_go(site, "dir", str(debian)), local, own)
    assert go.numbers == (1, 19) and go.builds_for("riscv64") and not go.builds_for("sw64")
    assert whole(told), told
    assert sources_sha256(debian / "src")[1] > 5000
    ran = subprocess.run([programs.hello.path], capture_output=True, text=True, timeout=30, check=True).stdout
    assert ran.startswith(f"linux/{own.goarch} go1.19") and "net works" in ran


@pytest.mark.long
def test_debians_go_builds_for_another_target(site: Site, local: LocalShell, debian: Path) -> None:
    target = load_target("riscv64")
    seen = passport(find_go(with_go(site, "dir", str(debian)), local), target, NoCompiler("riscv64", "", ""), local)
    programs = build_all(recipes(seen, target, ()), local)
    assert seen.knows and seen.assembler == "riscv"
    told = {one.what: one.state for one in verify_programs(programs, Trial(why="not tried"), seen, target)}
    assert told["for the right machine"] is told["static"] is State.PASS


@pytest.fixture
def read_only(copied: Path, tmp_path: Path) -> Iterator[Path]:
    """Root writes whatever its mode says, but not to what is mounted read-only."""
    if os.geteuid() != 0:
        pytest.skip("a mount needs root")
    place = tmp_path / "read-only"
    place.mkdir()
    subprocess.run(["mount", "--bind", copied, place], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_go_that_is_read_only_builds(site: Site, local: LocalShell, read_only: Path, own: Target) -> None:
    with pytest.raises(OSError):
        (read_only / "VERSION").write_text("")
    _, _, told = states(with_go(site, "dir", str(read_only)), local, own)
    assert whole(told), told


def test_a_foreign_pkg_is_not_believed(site: Site, local: LocalShell, copied: Path, own: Target) -> None:
    """Packages that another Go or machine left there are compiled anew, since Go tells them by their content."""
    folder = copied / "pkg" / f"linux_{own.goarch}"
    folder.mkdir()
    for name in ("fmt.a", "runtime.a", "net.a"):
        (folder / name).write_bytes(b"!<arch>\n" + os.urandom(2000))
    try:
        _, _, told = states(with_go(site, "dir", str(copied)), local, own)
        assert whole(told), told
    finally:
        shutil.rmtree(folder)


def test_a_tree_that_was_half_copied_is_refused(site: Site, local: LocalShell, copied: Path, own: Target) -> None:
    shutil.move(copied / "src/strconv", copied / "strconv")
    try:
        with pytest.raises(Blocked, match="is not whole: of what .* more import, something is missing") as refused:
            states(with_go(site, "dir", str(copied)), local, own)
        assert "copy or unpack it again" in refused.value.next
        (copied / "src").rename(copied / "away")
        with pytest.raises(Blocked):
            states(with_go(site, "dir", str(copied)), local, own)
    finally:
        if (copied / "away").exists():
            (copied / "away").rename(copied / "src")
        shutil.move(copied / "strconv", copied / "src/strconv")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", RELEASES)
def test_a_release_comes_by_gos_own_mechanism_and_is_whole(site: Site, local: LocalShell, own: Target, version: str
                                                           ) -> None:
    go, _, told = states(with_go(site, "version", version), local, own)
    assert go.version == version and go.origin == "version" and go.builds_for("riscv64")
    assert whole(told), told
