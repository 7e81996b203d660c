"""A program visits a host, and leaves nothing: whatever it did, and whatever became of it."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.chapters.visit import Around, visit
from runbook.errors import CommandFailed, CommandTimedOut
from runbook.journal import Journal
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.strict import StrictShell
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.testbed.foreign import program as foreign_program

LEFT = Script('ls -d "${TMPDIR:-/tmp}"/runbook-visit.* /var/tmp/runbook-visit.* "$HOME"/runbook-visit.* 2>/dev/null; :')


@pytest.fixture
def here(journal: Journal, tmp_path: Path) -> Iterator[LocalShell]:
    """This machine, with a temporary folder of its own."""
    place = tmp_path / "temporary"
    place.mkdir()
    shell = LocalShell(journal, env={"TMPDIR": str(place)})
    yield shell
    assert not list(place.iterdir()), "something was left"
    shell.close()


def script(folder: Path, text: str) -> Path:
    path = folder / "a program"
    path.write_text("#!/bin/sh\n" + text)
    return path


def test_what_it_says_and_how_it_ended_comes_back_and_the_folder_goes(here: LocalShell, tmp_path: Path) -> None:
    came = visit(here, script(tmp_path, 'echo "$1|$2"; pwd; echo oh >&2; echo x >left; exit 3\n'), "a b", "", limit=10)
    first, folder, *_ = came.output.splitlines()
    assert (first, came.exit_code, came.complaint) == ("a b|", 3, "oh\n")
    assert not Path(folder).exists() and not came.ended_by


def test_a_program_that_is_killed_is_named_by_its_signal(here: LocalShell, tmp_path: Path) -> None:
    assert visit(here, script(tmp_path, "kill -SEGV $$\n"), limit=10).ended_by == "SIGSEGV"


def test_a_program_that_hangs_is_stopped_and_removed(here: LocalShell, tmp_path: Path) -> None:
    with pytest.raises(CommandTimedOut):
        visit(here, script(tmp_path, "sleep 60\n"), limit=0.5)


def test_output_without_a_last_newline_is_kept_whole(here: LocalShell, tmp_path: Path) -> None:
    assert visit(here, script(tmp_path, "printf 'no end'\n"), limit=10).output == "no end"


def test_a_program_is_run_by_an_emulator_where_one_is_named(here: LocalShell, tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("echo by sh\n")  # no first line that says what runs it
    assert visit(here, path, limit=10, by="/bin/sh").output == "by sh\n"


def test_a_foreign_program_runs_on_a_host_as_the_user_who_logs_in(bed: Bed, journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(foreign_program(b"from afar\n"))
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as fleet:
        came = fleet.each(lambda shell: visit(shell, path, limit=30)).values()
        assert {(one.output, one.exit_code) for one in came} == {("from afar\n", 7)}
        assert {result.text for result in fleet.run(LEFT.command()).values()} == {""}
        whoami = visit(fleet[fleet.names[0]], script(tmp_path, "id -un\n"), limit=30)
        assert whoami.output.strip() == fleet[fleet.names[0]].user


def test_a_temporary_folder_without_execution_is_passed_by(here: LocalShell, journal: Journal, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = tmp_path / "noexec"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=1m", "none", str(place)], check=True)
    try:
        shell: StrictShell = LocalShell(journal, env={"TMPDIR": str(place)})
        came = visit(shell, script(tmp_path, "pwd\n"), limit=10)
        assert came.exit_code == 0 and came.output.startswith("/var/tmp/") and not list(place.iterdir())
    finally:
        subprocess.run(["umount", str(place)], check=True)


def files(**contents: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as made:
        for name, text in contents.items():
            entry = tarfile.TarInfo(f"tree/{name}/data")
            entry.size = len(text)
            made.addfile(entry, io.BytesIO(text.encode()))
    return whole.getvalue()


def test_a_program_finds_the_files_that_it_was_sent_among_and_all_of_them_go(
    here: LocalShell, tmp_path: Path
) -> None:
    among = Around(files(inner="of its own", other="of another"), "tree/inner", "TREE", "tree")
    came = visit(here, script(tmp_path, 'cat data ../other/data "$TREE/other/data"; echo "|$1"; pwd; ls\n'), "a b",
                 limit=10, around=among)
    said, folder, *names = came.output.splitlines()
    assert said == "of its ownof anotherof another|a b" and names == ["a program", "data"]
    assert folder.endswith("/tree/inner") and not Path(folder).exists()


def test_a_host_without_tar_says_that_files_cannot_go_with_a_program(journal: Journal, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "mktemp", "rm", "cat", "chmod", "sha256sum", "timeout", "env", "nice"):
        (tools / name).symlink_to(shutil.which(name) or "")
    shell = LocalShell(journal, env={"PATH": str(tools)})
    among = Around(files(inner="x"), "tree/inner", "TREE", "tree")
    with pytest.raises(CommandFailed) as refused:
        visit(shell, script(tmp_path, "cat data\n"), limit=10, around=among)
    assert "no tar on this host" in str(refused.value)
    assert visit(shell, script(tmp_path, "cat \"$0\"\n"), limit=10).exit_code == 0
    shell.close()


def test_nobody_else_can_read_what_visits(here: LocalShell, tmp_path: Path) -> None:
    came = visit(here, script(tmp_path, "stat -c %a . \"$0\"\n"), limit=10)
    assert [stat.S_IMODE(int(mode, 8)) for mode in came.output.split()] == [0o700, 0o700]
