"""A Go is made on a host of the site, as here: once, gone on with after a kill, and only what was asked for stays."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.buildhost.bench import Bench, bench
from runbook.chapters.buildhost.decide import FOLDER, place_for
from runbook.chapters.buildhost.observe import BuildHost, look_at
from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.goroot import version_of
from runbook.chapters.toolchain.make import LOG, Making, finished, make, making
from runbook.chapters.toolchain.make_there import make_there, require_for_make
from runbook.chapters.toolchain.observe import find_go, require_whole
from runbook.chapters.toolchain.origin import origin_of, to_make
from runbook.chapters.toolchain.place import PREPARED
from runbook.contents import title_of
from runbook.digest import sha256_of
from runbook.errors import Blocked, BuildFailed
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.lease import leases
from runbook.remote.local import LocalShell
from runbook.remote.ssh import SshShell
from runbook.remote.unrecorded import Unrecorded
from runbook.run import Run
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harm, heal
from runbook.undo import undo
from tests.chapters.gos import copied_sources, fake_go, with_go
from tests.chapters.toolchain.test_make import BASH

NODE = "node2"
OWN = str(PREPARED.resolve())  # of this machine, and the bed's hosts show it at the same place
NOTES = f"{FOLDER}/notes"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "STORE", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture(scope="module")
def there(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The host, its folder made by chapter 02 of a run; taken back at the end, and gone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RUNBOOK_REPORTS", str(tmp_path_factory.mktemp("reports")))
        made = Run.start(load_site(bed.site_file))
        with Fleet.open(made.site, recorder=made.journal) as fleet:
            chapter = Chapter(title_of("02"), made, fleet, check=False, confirm="", options={"on": NODE})
            found = bench(chapter, place_for(look_at(fleet[NODE])))
            assert found is not None
            yield found
            heal(bed.layout, NODE)
            chapter.take_hosts([NODE])
            done = undo(made.entries(), fleet, made.journal)
            chapter.let_go()
            assert done and all(one.ok for one in done), done
            assert fleet[NODE].run(command("sh", "-c", 'ls -d "$1" 2>/dev/null; :', "sh", FOLDER)).text == ""
            assert not leases(fleet[NODE])


@pytest.fixture
def beside(there: Bench) -> Iterator[SshShell]:
    """Another connection to the host, which has no notes of another test."""
    shell = SshShell(there.shell.host, Unrecorded())
    shell.run(command("rm", "-f", NOTES, f"{NOTES}.wait"))
    yield shell
    shell.run(command("rm", "-f", NOTES, f"{NOTES}.wait"))
    shell.close()


@pytest.fixture
def tree(tmp_path: Path, local: LocalShell, request: pytest.FixtureRequest) -> Callable[..., Making]:
    """Of sources whose make.bash takes no time; each test has its own."""
    def making_of(then: str = ":") -> Making:
        root = fake_go(tmp_path / "port", lists="linux/amd64 linux/sw64")
        (root / "bin").rename(root / "misc")
        for folder in ("src/runtime", "src/cmd/dist", "pkg/linux_mips", "bin"):
            (root / folder).mkdir(parents=True)
        (root / "pkg/linux_mips/fmt.a").write_text("another machine's")
        (root / "VERSION").write_text("go1.16.4\n")
        (root / "src/runtime/name.go").write_text(f"package runtime // {request.node.name}\n")
        (root / "src/make.bash").write_text(BASH.format(notes=NOTES, then=then))
        return making(root, local)
    return making_of


def begun(shell: SshShell) -> int:
    return int(shell.run(command("sh", "-c", 'cat "$1" 2>/dev/null | wc -l', "sh", NOTES)).text)


def await_begun(shell: SshShell) -> None:
    until = time.monotonic() + 60
    while not begun(shell):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_tree_is_made_there_and_comes_back_as_what_is_made_here(
    there: Bench, tree: Callable[..., Making], beside: SshShell, local: LocalShell, site: Site, kept: Path
) -> None:
    """With the Go of this machine sent, since the host is not said to have one."""
    wanted, told = tree(), []
    root = make_there(wanted, there, told=told.append)
    assert [one.split()[1] for one in told] == ["Go", "packages"]
    assert root == wanted.folder / "tree" and "Installed Go in" in (wanted.folder / LOG).read_text()
    assert not (root / "pkg/linux_mips").exists(), "another machine's packages are not taken over"
    go = find_go(with_go(site, "dir", str(wanted.sources)), local)
    assert go.root == root and go.builds_for("sw64")
    assert make_there(wanted, there) == root and make(wanted, local) == root and begun(beside) == 1
    assert beside.run(command("ls", f"{FOLDER}/make")).text == "", "what was fetched is not kept there"
    assert [path.name for path in kept.iterdir() if path.suffix == ".fetched"] == []


def test_what_make_bash_says_there_is_told_where_it_fails(
    there: Bench, tree: Callable[..., Making], beside: SshShell
) -> None:
    wanted = tree(then="echo 'no such instruction: ADDW'; exit 2")
    with pytest.raises(BuildFailed, match=f"on {NODE}: ended with exit 2") as failed:
        make_there(wanted, there, OWN)
    assert "no such instruction: ADDW" in failed.value.tail and LOG in failed.value.next
    assert not wanted.folder.exists() and beside.run(command("ls", f"{FOLDER}/make")).text == ""


def test_a_cut_connection_and_a_killed_runbook_leave_it_going_on(
    bed: Bed, there: Bench, tree: Callable[..., Making], beside: SshShell, kept: Path
) -> None:
    beside.run(command("touch", f"{NOTES}.wait"))
    wanted = tree()

    def work() -> None:
        store.STORE = kept
        shell = SshShell(there.shell.host, Unrecorded())
        make_there(wanted, Bench(there.seen, shell), OWN)
    first = multiprocessing.get_context("fork").Process(target=work)
    first.start()
    await_begun(beside)
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)

    def strike() -> None:
        time.sleep(1)
        harm(bed.layout, "reset", NODE)
        time.sleep(1)
        beside.run(command("rm", f"{NOTES}.wait"))
    thread = threading.Thread(target=strike)
    thread.start()
    root = make_there(wanted, there, OWN)
    thread.join()
    assert begun(beside) == 1, "it was attached to, not begun again"
    assert finished(wanted.sources) == root and not leases(beside)


def test_one_that_was_killed_there_begins_anew(
    there: Bench, tree: Callable[..., Making], beside: SshShell
) -> None:
    beside.run(command("touch", f"{NOTES}.wait"))
    wanted = tree()

    def strike() -> None:
        await_begun(beside)
        (lease,) = (one for one in leases(beside) if one.run == wanted.lease)
        beside.run(command("sh", "-c", 'kill -s KILL -- "-$(cut -d" " -f1 .local/state/runbook/leases/"$1"/group)"',
                           "sh", lease.id))
    thread = threading.Thread(target=strike)
    thread.start()
    with pytest.raises(BuildFailed, match=NODE):
        make_there(wanted, there, OWN)
    thread.join()
    beside.run(command("rm", f"{NOTES}.wait"))
    assert (make_there(wanted, there, OWN) / "bin/go").exists() and begun(beside) == 2


def test_a_host_without_a_c_compiler_is_told_so_before_anything_is_sent(
    there: Bench, tree: Callable[..., Making], beside: SshShell
) -> None:
    """Go 1.16's make.bash wants one. The host's own are out of the way meanwhile, by name."""
    hide = 'for one in gcc cc clang; do f=$(command -v "$one") && mv "$f" "$f.away"; done; :'
    back = 'for one in gcc cc clang; do [ ! -e "/usr/bin/$one.away" ] && [ ! -h "/usr/bin/$one.away" ] || ' \
           'mv "/usr/bin/$one.away" "/usr/bin/$one"; done'
    beside.run(command("sh", "-c", hide, sudo=True))
    try:
        seen = look_at(beside)
    finally:
        beside.run(command("sh", "-c", back, sudo=True))
    wanted = tree()
    assert seen.compiler == "" and there.seen.compiler == "gcc"
    with pytest.raises(Blocked, match=f"{NODE} has no C compiler, and make.bash of Go 1.16.4 wants one") as blocked:
        make_there(wanted, replace(there, seen=seen), OWN)
    assert f"install gcc on {NODE}, or leave [build] on empty" in blocked.value.next and begun(beside) == 0
    require_for_make(seen, replace(wanted, version="1.22.1"))  # which leaves cgo out then


HOST = BuildHost(os.uname().machine, "operator", "operator", 2, 1 << 30, "", frozenset({"bash", "gcc"}), "node9")


@pytest.mark.parametrize(("seen", "says"), [
    (replace(HOST, machine="another"), "node9 is another: a Go that is made there does not run on this machine"),
    (replace(HOST, has=frozenset({"gcc"})), "node9 has no bash"),
])
def test_a_host_that_cannot_make_it_is_refused_when_it_is_planned(
    site: Site, local: LocalShell, tree: Callable[..., Making], seen: BuildHost, says: str
) -> None:
    origin = origin_of(with_go(site, "dir", str(tree().sources)), local)
    with pytest.raises(Blocked, match=says) as blocked:
        to_make(replace(origin, host=seen))
    assert "[build] on" in blocked.value.next
    told = str(to_make(replace(origin, host=HOST)))
    assert told.startswith("to be built: Go 1.16.4") and "on node9, in /var/cache/runbook: 1 step" in told


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_real_go_is_made_on_a_host_and_builds_for_the_target(
    there: Bench, site: Site, local: LocalShell, tmp_path: Path
) -> None:
    sources = copied_sources(PREPARED, tmp_path / "go-src")
    named = with_go(site, "dir", str(sources))
    stages: list[str] = []
    started = time.monotonic()
    root = make_there(to_make(origin_of(named, local)).making, there, OWN, stages.append)
    print(f"make.bash of Go {version_of(root)} on {NODE}: {time.monotonic() - started:.0f} s, {len(stages)} stages; "
          f"bin/go is {'equal to' if sha256_of(root / 'bin/go') == sha256_of(PREPARED / 'bin/go') else 'not'} the "
          "release's")
    assert len(stages) >= 5
    go, target = find_go(named, local), load_target("riscv64")
    require_whole(go, target, local)
    assert go.version == version_of(PREPARED) and go.builds_for("riscv64")
