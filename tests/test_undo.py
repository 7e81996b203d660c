"""Undo on real files: newest first, from the journal alone, and never over what others wrote."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.entries import check, entries
from runbook.errors import CommandFailed, UndoRefused, Unreachable
from runbook.journal import Journal
from runbook.perform import perform
from runbook.plan import Folder, Place, Plan, Remove, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.secret import Secret
from runbook.site import load_site
from runbook.undo import Undone, changes_by_host, standing, undo

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a step acts as root")
RUN = "20261123-230000-ward-7"


class Hosts:
    """Two hosts that are folders of this machine, with what is kept and the run's journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = folder / "kept"
        self.files = folder / "files"
        self.files.mkdir()
        self.journal = Journal(folder / "run")
        self.fleet = self.open(self.journal)

    def open(self, journal: Journal) -> Fleet:
        shells = [(SimpleNamespace(name=name), LocalShell(journal, name=name)) for name in ("node1", "node2")]
        return Fleet(shells, at_once=2)  # type: ignore[arg-type]

    def perform(self, *steps: Step, host: str = "node1", check: bool = False) -> None:
        perform(Plan(*steps), self.fleet[host], self.journal, run=RUN, check=check)

    def undo(self, chapter: str | None = None) -> tuple[Undone, ...]:
        """As another process would, days later: from the file alone."""
        with Journal(self.journal.folder) as journal:
            return undo(entries(journal.path), self.open(journal), journal, chapter=chapter)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.setattr("runbook.preimage.KEPT", str(tmp_path / "kept"))
    made = Hosts(tmp_path)
    yield made
    made.journal.close()


def step(*actions: object, why: str = "it differs") -> Step:
    back = tuple(Restore(action.path) for action in reversed(actions) if hasattr(action, "path"))
    return Step(why, actions, back)  # type: ignore[arg-type]


def use_as_sh(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `sh`, and with busybox all of coreutils, be another one than this machine's own."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"this machine has no {name}")
    folder.mkdir()
    if name == "busybox":
        for applet in subprocess.run([program, "--list"], capture_output=True, text=True).stdout.split():
            (folder / applet).symlink_to(program)
        monkeypatch.setenv("PATH", str(folder))
    else:
        (folder / "sh").symlink_to(program)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def tree(folder: Path) -> dict[str, object]:
    found = {}
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (content, seen.st_mode, seen.st_uid, seen.st_gid)
    return found


@pytest.mark.parametrize("sh", ["dash", "bash", "busybox"])
def test_everything_is_as_before_newest_first_and_nothing_is_left(
    hosts: Hosts, sh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_as_sh(sh, hosts.folder / "bin", monkeypatch)
    unit, link, gone, folder = (hosts.files / name for name in ("unit", "link", "gone away", "new folder"))
    unit.write_text("before")
    unit.chmod(0o4750)
    os.chown(unit, 65534, 65534)
    link.symlink_to("nowhere/at\nall")
    gone.write_text("still wanted")
    (hosts.files / "empty").mkdir(mode=0o700)
    source = hosts.folder / "binary"
    source.write_bytes(os.urandom(5000))
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    before = tree(hosts.files)
    hosts.perform(
        step(Folder(str(folder)), Place(str(folder / "bin"), source, sha256), why="no binary"),
        step(Replace(str(unit), "after"), Replace(str(link), "a file")),
        step(Replace(str(unit), "after that")),
        step(Remove(str(gone)), RemoveFolder(str(hosts.files / "empty"))),
    )
    assert unit.read_text() == "after that" and not gone.exists()
    done = hosts.undo()
    assert [one.state for one in done] == ["undone"] * 4
    assert [one.seq for one in done] == sorted((one.seq for one in done), reverse=True)
    assert str(done[-1]) == "node1: taken back: no binary"
    assert tree(hosts.files) == before
    assert not hosts.kept.exists()


def test_a_second_undo_has_nothing_to_do(hosts: Hosts) -> None:
    path = hosts.files / "unit"
    hosts.perform(step(Replace(str(path), "x")))
    assert len(standing(entries(hosts.journal.path))) == 1
    assert len(hosts.undo()) == 1 and not path.exists()
    path.write_text("mine, written after the undo")
    lines = check(hosts.journal.path).lines
    assert hosts.undo() == () and standing(entries(hosts.journal.path)) == ()
    assert path.read_text().startswith("mine") and check(hosts.journal.path).lines == lines


def test_a_run_that_changed_nothing_has_nothing_to_undo(hosts: Hosts) -> None:
    path = hosts.files / "unit"
    path.write_text("x")
    hosts.perform(step(Replace(str(path), "x")))
    hosts.perform(step(Replace(str(path), "y"), Run("true")), check=True)
    with pytest.raises(CommandFailed):
        hosts.perform(step(Replace(str(path), "y"), Run("false")))
    assert changes_by_host(entries(hosts.journal.path)) == {"node1": 0}
    assert hosts.undo() == () and path.read_text() == "x"


def test_changes_are_counted_by_host_and_chapter_and_undo_does_not_count(hosts: Hosts) -> None:
    one, two = hosts.files / "one", hosts.files / "two"
    hosts.journal.chapter = "03_static_compile"
    hosts.perform(step(Replace(str(one), "1"), Run("true")))
    hosts.journal.chapter = "04_container_deploy"
    hosts.perform(step(Replace(str(two), "2")), host="node2")
    hosts.perform(step(Replace(str(one), "1")))
    hosts.undo()
    read = entries(hosts.journal.path)
    assert changes_by_host(read) == {"node1": 2, "node2": 1}
    assert changes_by_host(read, "04_container_deploy") == {"node2": 1, "node1": 0}


def test_one_chapter_is_undone_and_the_others_stay(hosts: Hosts) -> None:
    one, two = hosts.files / "one", hosts.files / "two"
    for chapter, path in (("03", one), ("04", two)):
        hosts.journal.chapter = chapter
        hosts.perform(step(Replace(str(path), chapter)))
    assert len(hosts.undo("04")) == 1
    assert one.exists() and not two.exists() and (hosts.kept / RUN).exists()
    assert len(hosts.undo()) == 1
    assert not one.exists() and not hosts.kept.exists()


def test_a_file_that_someone_edited_is_refused_with_the_difference(hosts: Hosts) -> None:
    mine, other, never = hosts.files / "mine", hosts.files / "other", hosts.files / "never"
    mine.write_text("original\n")
    hosts.perform(step(Replace(str(other), "o")), step(Replace(str(mine), "by the run\nport 1\n"),
                                                       Replace(str(never), "n"), why="mine differs"))
    mine.write_text("by the run\nport 2\n")
    refused, undone = hosts.undo()
    assert (refused.state, undone.state) == ("refused", "undone") and not refused.ok
    assert isinstance(refused.error, UndoRefused)
    assert "-port 1\n" in str(refused.error) + "\n" and "+port 2" in str(refused.error)
    assert "as the run wrote it" in str(refused.error) and "then undo again" in refused.error.next
    assert str(refused).startswith("node1: refused: mine differs: node1: ")
    assert mine.read_text() == "by the run\nport 2\n" and never.read_text() == "n" and not other.exists()
    mine.write_text("by the run\nport 1\n")
    assert [one.state for one in hosts.undo()] == ["undone"]
    assert mine.read_text() == "original\n" and not never.exists() and not hosts.kept.exists()


@pytest.mark.parametrize(("spoil", "how"), [
    (lambda path: path.unlink(), "it is absent and was"),
    (lambda path: (path.unlink(), path.mkdir()), "it is folder and was"),
    (lambda path: (path.unlink(), path.symlink_to("/etc/hosts")), "it is link and was"),
    (lambda path: path.write_bytes(b"\0binary"), "is no longer what the run wrote"),
    (lambda path: path.write_text("x" * 70_000), "is no longer what the run wrote"),
])
def test_a_file_that_became_something_else_is_refused(hosts: Hosts, spoil, how: str) -> None:
    path = hosts.files / "unit"
    path.write_text("before")
    hosts.perform(step(Replace(str(path), "after")))
    spoil(path)
    before = tree(hosts.files)
    (refused,) = hosts.undo()
    assert refused.state == "refused" and how in str(refused.error)
    assert tree(hosts.files) == before
    assert "binary" not in str(refused.error) and "xxx" not in str(refused.error)


def test_a_folder_that_holds_something_of_others_is_refused(hosts: Hosts) -> None:
    folder = hosts.files / "folder"
    hosts.perform(Step("no folder", (Folder(str(folder)),), (RemoveFolder(str(folder)),)))
    (folder / "mine").write_text("mine")
    (refused,) = hosts.undo()
    assert refused.state == "refused" and "a folder with mine" in str(refused.error)
    assert (folder / "mine").read_text() == "mine"


def test_a_folder_that_was_there_before_is_not_removed(hosts: Hosts) -> None:
    folder, other = hosts.files / "folder", hosts.files / "other"
    folder.mkdir(mode=0o700)
    other.mkdir(mode=0o755)
    actions = (Folder(str(folder), 0o755), Folder(str(other), 0o755), Replace(str(other / "x"), "x"))
    back = (Remove(str(other / "x")), RemoveFolder(str(other)), RemoveFolder(str(folder)))
    hosts.perform(Step("folders", actions, back))
    assert [one.state for one in hosts.undo()] == ["undone"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and other.is_dir() and not list(other.iterdir())


def test_a_secret_is_restored_and_refused_without_being_shown(hosts: Hosts) -> None:
    path = hosts.files / "password"
    path.write_text("0ld-pa55")
    hosts.perform(step(Replace(str(path), Secret("n3w-pa55-word"), mode=0o600)))
    path.write_text("0ther-pa55")
    (refused,) = hosts.undo()
    assert refused.state == "refused" and "its content is a secret" in str(refused.error)
    logs = [log.read_text() for log in hosts.journal.folder.glob("logs/*")]
    told = hosts.journal.path.read_text() + "".join(logs) + str(refused.error)
    for text in ("0ld-pa55", "n3w-pa55-word", "0ther-pa55"):
        assert text not in told and hashlib.sha256(text.encode()).hexdigest() not in told
    path.write_text("n3w-pa55-word")
    assert [one.state for one in hosts.undo()] == ["undone"]
    assert path.read_text() == "0ld-pa55"


def test_a_lost_or_exchanged_pre_image_is_never_put_back(hosts: Hosts) -> None:
    path, other = hosts.files / "unit", hosts.files / "other"
    for each in (path, other):
        each.write_text("before")
        hosts.perform(step(Replace(str(each), "after")))
    first, second = sorted(hosts.kept.glob(f"{RUN}/*/*"), key=lambda entry: int(entry.parent.name))
    shutil.rmtree(first)
    (second / "content").write_text("exchanged")
    failed, refused = hosts.undo()
    assert (failed.state, refused.state) == ("failed", "refused")
    assert "is damaged" in str(failed.error) and "no longer kept on the host" in str(refused.error)
    assert path.read_text() == other.read_text() == "after"


def test_commands_of_an_undo_run_in_their_order(hosts: Hosts) -> None:
    path, log = hosts.files / "unit", hosts.files / "log"
    note = ("sh", "-c", 'printf "%s %s\n" "$1" "$(cat "$2")" >>"$3"', "sh")
    back = (Run(*note, "stop", str(path), str(log)), Restore(str(path)), Run("test", "!", "-e", str(path)))
    hosts.perform(Step("unit", (Replace(str(path), "x"), Run("true")), back))
    assert [one.state for one in hosts.undo()] == ["undone"] and log.read_text() == "stop x\n"


def test_a_failed_undo_is_told_and_tried_again(hosts: Hosts) -> None:
    path, flag = hosts.files / "unit", hosts.files / "flag"
    back = (Restore(str(path)), Run("test", "-e", str(flag)))
    hosts.perform(Step("unit", (Replace(str(path), "x"),), back))
    (failed,) = hosts.undo()
    assert failed.state == "failed" and isinstance(failed.error, CommandFailed) and not path.exists()
    flag.write_text("")
    assert [one.state for one in hosts.undo()] == ["undone"] and not path.exists() and not hosts.kept.exists()


def test_a_step_without_an_undo_is_named_once(hosts: Hosts) -> None:
    hosts.perform(Step("reloads", (Run("true"),)))
    (left,) = hosts.undo()
    assert str(left) == "node1: stays, it has no undo: reloads" and left.ok
    assert hosts.undo() == ()


def test_one_hosts_trouble_hides_no_others(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("node1", "node2"):
        hosts.perform(step(Replace(str(hosts.files / host), "x")), host=host)
    real = LocalShell.run

    def run(shell: LocalShell, command: object) -> object:
        if shell.name == "node1":
            raise Unreachable("node1", "no answer within 10 s", next="look at the cable")
        return real(shell, command)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalShell, "run", run)
    failed, undone = sorted(hosts.undo(), key=lambda one: one.host)
    assert (failed.host, failed.state, undone.state) == ("node1", "failed", "undone")
    assert (hosts.files / "node1").exists() and not (hosts.files / "node2").exists()
    monkeypatch.undo()
    monkeypatch.setattr("runbook.preimage.KEPT", str(hosts.kept))
    with Journal(hosts.journal.folder) as journal:
        (missing,) = undo(entries(journal.path), hosts.open(journal).only("node2"), journal)
    assert missing.state == "failed" and "not among these hosts" in str(missing.error)
    assert len(hosts.undo()) == 1 and not hosts.kept.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from runbook import preimage
from runbook.journal import Journal
from runbook.perform import perform
from runbook.plan import *
from runbook.remote.local import LocalShell
files, run, kept, place = sys.argv[1:]
preimage.KEPT = kept
class Shell(LocalShell):
    told = 0
    def run(self, command):
        if self.told == int(place):
            os.kill(os.getpid(), signal.SIGKILL)
        self.told += 1
        return super().run(command)
journal = Journal(Path(run))
shell = Shell(journal, name="node1")
a, b, flag = files + "/a", files + "/b", files + "/flag"
perform(Plan(
    Step("a and b", (Replace(a, "2"), Folder(b), Replace(b + "/c", "3"), Replace(a, "4"), Run("touch", flag)),
         (Run("rm", flag), Restore(b + "/c"), Restore(b), Restore(a)))), shell, journal, run="killed", check=False)
"""


@pytest.mark.parametrize("place", range(6))
def test_a_step_that_was_killed_half_way_is_taken_back(hosts: Hosts, place: int) -> None:
    (hosts.files / "a").write_text("1")
    before = tree(hosts.files)
    words = [sys.executable, "-c", KILLED, *map(str, (hosts.files, hosts.journal.folder, hosts.kept, place))]
    ended = subprocess.run(words, cwd=Path(__file__).parent.parent, timeout=60, capture_output=True, text=True)
    assert ended.returncode == (-9 if place < 5 else 0), ended.stderr
    assert (tree(hosts.files) == before) == (place == 0)
    assert [one.state for one in hosts.undo()] == ["undone"]
    assert tree(hosts.files) == before and not hosts.kept.exists() and hosts.undo() == ()


names = st.sampled_from(["a", "b", "d/a", "d/b"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(names, st.text("xyz\n", max_size=9)),
       acts=st.lists(st.tuples(names, st.none() | st.text("xyz\n", max_size=9),
                               st.sampled_from([0o600, 0o755]), st.booleans()), max_size=6))
def test_any_changes_are_taken_back_to_what_was(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, str], acts: list[tuple[str, str | None, int, bool]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("any")
        patch.setattr("runbook.preimage.KEPT", str(folder / "kept"))
        hosts = Hosts(folder)
        (hosts.files / "d").mkdir()
        for name, text in before.items():
            (hosts.files / name).write_text(text)
        was = tree(hosts.files)
        actions: list[object] = []
        for name, text, mode, ends_step in acts:
            path = str(hosts.files / name)
            actions.append(Remove(path) if text is None else Replace(path, text, mode=mode))
            if ends_step:
                hosts.perform(step(*actions))
                actions = []
        now = tree(hosts.files)
        hosts.undo()
        assert tree(hosts.files) == was and not hosts.kept.exists()
        changed = changes_by_host(hosts.journal.entries()).get("node1", 0)
        assert changed >= sum(now.get(name) != was.get(name) for name in now.keys() | was.keys())
        hosts.journal.close()


LOOK = Script(r"""
cd "$1" 2>/dev/null || { echo absent; exit 0; }
find . -exec stat -c '%a %U:%G %F %N' {} + | sort
find . -type f -exec sha256sum {} + | sort
""", sudo=True)


def test_on_real_hosts_a_second_run_changes_nothing_and_undo_leaves_nothing(bed, tmp_path: Path) -> None:
    folder = f"/srv/spine of {os.getpid()}"
    binary = tmp_path / "binary"
    binary.write_bytes(os.urandom(300_000))
    config, link = f"{folder}/-rf 'x'.conf", f"{folder}/link"
    actions = (
        Replace(config, "after\n", mode=0o640, owner="operator:operator", was="before\n"),
        Replace(link, "a file"),
        Replace(f"{folder}/password", Secret("s3cret-of-the-bed"), mode=0o600),
        Folder(f"{folder}/bin", 0o750, "root:operator"),
        Place(f"{folder}/bin/tool", binary, hashlib.sha256(binary.read_bytes()).hexdigest()),
        Remove(f"{folder}/gone"),
    )
    wanted = Plan(step(*actions, why="as planned"), Step("says so", (Run("touch", f"{folder}/said"),),
                                                         (Run("rm", "-f", f"{folder}/said"),)))
    with Journal(tmp_path / "run") as journal, Fleet.open(load_site(bed.site_file), recorder=journal) as fleet:
        make = Script('mkdir "$1" && echo before >"$1/$2" && echo x >"$1/gone" && ln -s nowhere "$1/link"',
                      args=(folder, config.rpartition("/")[2]), sudo=True)
        look = LOOK.command(folder)
        try:
            fleet.run(make.command()).values()
            before = [seen.stdout for seen in fleet.run(look).values()]
            kinds = {check: fleet.each(lambda shell, check=check: perform(
                wanted, shell, journal, run=RUN, check=check)).values() for check in (True, False)}
            assert [one.state for one in kinds[True]] == ["pending"] * 3
            assert [(one.state, one.changed) for one in kinds[False]] == [("applied", 7)] * 3
            again = fleet.each(lambda shell: perform(Plan(wanted.steps[0]), shell, journal, run=RUN, check=False))
            assert [str(one) for one in again.values()] == [f"{name}: unchanged" for name in fleet.names]
            assert changes_by_host(entries(journal.path)) == dict.fromkeys(fleet.names, 7)
            done = undo(entries(journal.path), fleet, journal)
            assert [one.state for one in done] == ["undone"] * 6, "\n".join(map(str, done))
            assert [seen.stdout for seen in fleet.run(look).values()] == before
            kept = command("test", "!", "-e", f"/var/lib/runbook/{RUN}", sudo=True)
            assert fleet.run(kept).ok
            assert undo(entries(journal.path), fleet, journal) == ()
        finally:
            fleet.run(command("rm", "-rf", "--", folder, sudo=True))
    assert "s3cret-of-the-bed" not in (tmp_path / "run" / "journal.jsonl").read_text()


UNDO_KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from runbook import preimage
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.undo import undo
run, kept, place = sys.argv[1:]
preimage.KEPT = kept
class Shell(LocalShell):
    told = 0
    def run(self, command):
        if self.told == int(place):
            os.kill(os.getpid(), signal.SIGKILL)
        self.told += 1
        return super().run(command)
journal = Journal(Path(run))
fleet = Fleet([(SimpleNamespace(name="node1"), Shell(journal, name="node1"))], at_once=1)
undo(journal.entries(), fleet, journal)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("place", range(9))
def test_an_undo_that_was_killed_half_way_is_finished_by_the_next(hosts: Hosts, place: int) -> None:
    unit, running = hosts.files / "unit", hosts.files / "running"
    before = tree(hosts.files)
    stop = Run("rm", str(running))  # as `systemctl stop` of a unit that is gone: the second time it says no
    hosts.perform(Step("service", (Replace(str(unit), "x"), Run("touch", str(running))), (stop, Restore(str(unit)))))
    words = [sys.executable, "-c", UNDO_KILLED, str(hosts.journal.folder), str(hosts.kept), str(place)]
    ended = subprocess.run(words, cwd=Path(__file__).parent.parent, timeout=60, capture_output=True, text=True)
    assert ended.returncode == -9, ended.stderr
    assert all(one.ok for one in hosts.undo())
    assert tree(hosts.files) == before and not hosts.kept.exists() and hosts.undo() == ()
