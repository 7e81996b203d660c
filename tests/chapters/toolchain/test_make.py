"""A Go is made of its sources once, by its own make.bash; what was killed goes on or begins anew, never in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.goroot import version_of
from runbook.chapters.toolchain.make import LOG, finished, least_bootstrap, make, making
from runbook.chapters.toolchain.observe import find_go, require_whole
from runbook.chapters.toolchain.origin import READY, origin_of, to_make
from runbook.chapters.toolchain.place import PREPARED
from runbook.errors import Blocked, BuildFailed
from runbook.journal import Journal
from runbook.remote.lease import OWN_LEASES, leases
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import Site
from runbook.targets import load_target
from tests.chapters.gos import copied_sources, fake_go, with_go

BASH = """echo "Building Go cmd/dist using $GOROOT_BOOTSTRAP. (go1.26.8 linux/amd64)"
echo begun >>"{notes}"; touch ../half
while [ -e "{notes}.wait" ]; do sleep 0.05; done
{then}
echo "Building packages and commands for linux/amd64."
mkdir -p ../bin ../pkg/tool ../pkg/obj && cp ../misc/go ../bin/go
echo "Installed Go in $(cd .. && pwd)"
"""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "STORE", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def sources(tmp_path: Path, notes: Path) -> Callable[..., Path]:
    """A tree of sources whose make.bash takes no time, with what another build left in it, all read-only."""
    def tree(then: str = ":") -> Path:
        root = fake_go(tmp_path / "port", lists="linux/amd64 linux/sw64")
        (root / "bin").rename(root / "misc")
        for folder in ("src/runtime", "src/cmd/dist", "pkg/linux_mips", "bin"):
            (root / folder).mkdir(parents=True)
        (root / "pkg/linux_mips/fmt.a").write_text("another machine's")
        (root / "VERSION").write_text("go1.16.4\n")
        (root / "src/make.bash").write_text(BASH.format(notes=notes, then=then))
        for path in root.rglob("*"):
            path.chmod(0o555 if path.is_dir() or path.name == "go" else 0o444)
        return root
    return tree


def begun(notes: Path) -> int:
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def test_a_tree_of_sources_is_made_once_into_a_folder_of_its_content(
    site: Site, local: LocalShell, sources, notes: Path, kept: Path
) -> None:
    named = with_go(site, "dir", str(sources()))
    with pytest.raises(Blocked, match="a tree of sources that was not built"):
        find_go(named, local)
    seen = origin_of(named, local)
    wanted = to_make(seen)
    assert str(seen) == "Go 1.16.4, a tree of sources" and "by its own make.bash and Go 1.2" in str(wanted)
    told: list[str] = []
    root = make(wanted.making, local, told.append)
    assert [one.split()[1] for one in told] == ["Go", "packages"] and told[0].endswith("linux/amd64)")
    assert root.parent == kept / wanted.making.key and "Installed Go in" in (root.parent / LOG).read_text()
    assert not (root / "pkg/linux_mips").exists(), "another machine's packages are not taken over"
    go = find_go(named, local)
    assert go.root == root and go.builds_for("sw64")
    assert make(wanted.making, local) == root and begun(notes) == 1
    assert str(to_make(origin_of(named, local))) == READY and "built here before" in str(origin_of(named, local))


def test_one_that_lost_a_file_or_whose_sources_changed_is_made_again(local: LocalShell, sources, notes: Path) -> None:
    tree = sources()
    make(making(tree, local), local)
    (finished(tree) / "bin/go").unlink()
    assert finished(tree) is None
    make(making(tree, local), local)
    (tree / "src/runtime").chmod(0o755)
    (tree / "src/runtime/proc.go").write_text("package runtime\n")
    assert finished(tree) is None and begun(notes) == 2


def test_what_make_bash_says_is_told_where_it_fails_and_nothing_half_is_left(
    local: LocalShell, sources, kept: Path
) -> None:
    wanted = making(sources(then="echo 'no such instruction: ADDW'; exit 2"), local)
    with pytest.raises(BuildFailed, match="ended with exit 2") as failed:
        make(wanted, local)
    assert "no such instruction: ADDW" in failed.value.tail and LOG in failed.value.next
    assert not wanted.folder.exists()


def in_another_process(root: Path, kept: Path) -> multiprocessing.Process:
    def work() -> None:
        store.STORE = kept
        make(making(root, LocalShell(Unrecorded())), LocalShell(Unrecorded()))
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def wait_until(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "it did not come in 30 s"
        time.sleep(0.05)


def test_a_killed_runbook_finds_its_build_going_on(local: LocalShell, sources, notes: Path, kept: Path) -> None:
    waiting = notes.with_name("notes.wait")
    waiting.touch()
    tree = sources()
    first = in_another_process(tree, kept)
    wait_until(lambda: begun(notes) == 1)
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)
    second = in_another_process(tree, kept)
    time.sleep(0.3)
    assert finished(tree) is None
    waiting.unlink()
    second.join(30)
    assert second.exitcode == 0 and begun(notes) == 1, "it was attached to, not begun again"
    assert (finished(tree) / "bin/go").exists()


def test_a_killed_build_begins_anew_and_cleanly(local: LocalShell, sources, notes: Path, kept: Path) -> None:
    waiting = notes.with_name("notes.wait")
    waiting.touch()
    tree = sources()
    wanted = making(tree, local)
    first = in_another_process(tree, kept)
    wait_until(lambda: begun(notes) == 1)
    (lease,) = (one for one in leases(local) if one.run == f"make {wanted.key}" and one.runs)
    folder = Path("/var/lib/runbook/leases" if os.geteuid() == 0
                  else Path.home() / ".local/state/runbook/leases") / lease.id
    os.killpg(int((folder / "group").read_text().split()[0]), signal.SIGKILL)
    first.join(30)
    assert first.exitcode != 0 and finished(tree) is None
    waiting.unlink()
    (wanted.folder / "tree/left-over").parent.mkdir(parents=True, exist_ok=True)
    (wanted.folder / "tree/left-over").touch()
    root = make(wanted, local)
    assert begun(notes) == 2 and not (root / "left-over").exists()
    assert not [one for one in local.ask(OWN_LEASES)[OWN_LEASES] if one.run == lease.run and one.runs]


def test_a_tree_says_itself_which_go_it_is_built_with(tmp_path: Path, local: LocalShell) -> None:
    assert least_bootstrap(PREPARED) >= (1, 20)
    (tmp_path / "src/cmd/dist").mkdir(parents=True)
    (tmp_path / "src/runtime").mkdir()
    assert least_bootstrap(tmp_path) == (1, 4)
    (tmp_path / "src/make.bash").write_text("bootgo=1.99.1\n")
    assert least_bootstrap(tmp_path) == (1, 99, 1)
    with pytest.raises(Blocked, match="Go 1.99.1 of the site is neither in"):
        making(tmp_path, local)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_real_go_is_made_of_its_own_sources_and_builds_for_the_target(
    site: Site, local: LocalShell, journal: Journal, tmp_path: Path
) -> None:
    sources = copied_sources(PREPARED, tmp_path / "go-src")
    named = with_go(site, "dir", str(sources))
    stages: list[str] = []
    started = time.monotonic()
    root = make(to_make(origin_of(named, local)).making, local, stages.append)
    print(f"make.bash of Go {version_of(root)}: {time.monotonic() - started:.0f} s, {len(stages)} stages")
    assert len(stages) >= 5
    go, target = find_go(named, local), load_target("riscv64")
    require_whole(go, target, local)
    assert go.version == version_of(PREPARED) and go.builds_for("riscv64")
    started = time.monotonic()
    assert make(making(sources, local), local) == root and time.monotonic() - started < 30
    assert to_make(origin_of(named, local)).making is None
