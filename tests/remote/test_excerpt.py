"""A flood of output fills a file, not the memory, and people see its two ends."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.errors import CommandFailed, Flooded, UsageError
from runbook.journal import Journal
from runbook.remote.command import command
from runbook.remote.excerpt import END, MOST, Excerpt
from runbook.remote.local import LocalShell
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from tests.remote.conftest import Notes, Sshd, gone

FLOOD = 300_000_000

POUR = """
import resource, sys
from pathlib import Path
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from tests.remote.conftest import Notes, Sshd

shell = SshShell(Sshd(Path(sys.argv[1]), int(sys.argv[2])).host, Notes())
shell.run(command("true"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
script = 'head -c "$1" /dev/zero; printf "\\\\377end"; head -c 20000000 /dev/zero >&2'
result = shell.pour(command("sh", "-c", script, "sh", sys.argv[4]), Path(sys.argv[3]))
print(len(result.stdout), len(result.stderr), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_three_hundred_megabytes_go_to_a_file_and_never_through_memory(sshd: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "flood"
    done = subprocess.run([sys.executable, "-c", POUR, str(sshd.folder), str(sshd.port), str(file), str(FLOOD)],
                          capture_output=True, text=True, timeout=100, check=True, cwd=Path(__file__).parents[2])
    shown, complained, grown = map(int, done.stdout.split())
    assert file.stat().st_size == FLOOD + 4
    with file.open("rb") as flood:
        flood.seek(-4, 2)
        assert flood.read() == b"\xffend"
    assert shown < 3 * END and complained < 3 * END and grown < 60_000, "KiB"
    file.unlink()


def test_what_people_and_the_journal_see_is_head_and_tail(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    shell = LocalShell(journal)
    result = shell.pour(command("seq", "1", "100000"), tmp_path / "numbers")
    whole = (tmp_path / "numbers").read_bytes()
    assert whole == b"".join(b"%d\n" % number for number in range(1, 100_001))
    assert result.text.startswith("1\n2\n") and result.text.endswith("99999\n100000\n")
    assert f"... {len(whole) - 2 * END} bytes are left out here ..." in result.text
    end = journal.entries()[-1]
    assert (end["size"], end["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert end["stdout"]["length"] == len(result.stdout)


def test_a_failure_says_its_last_lines_and_keeps_the_file(shell: StrictShell, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="exit 3") as caught:
        shell.pour(command("sh", "-c", "echo out; echo why >&2; exit 3"), tmp_path / "out")
    assert caught.value.tail == "why" and (tmp_path / "out").read_bytes() == b"out\n"


def test_a_file_that_cannot_be_written_is_named_before_anything_runs(over_ssh: SshShell, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        over_ssh.pour(command("touch", str(tmp_path / "ran")), tmp_path / "no" / "file")
    assert not (tmp_path / "ran").exists()


def test_a_disk_of_ours_that_is_full_stops_the_command(tmp_path: Path) -> None:
    shell = LocalShell(Notes())
    with pytest.raises(OSError, match="No space left"):
        shell.pour(command("head", "-c", "1000000", "/dev/zero"), Path("/dev/full"))


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_command_without_end_of_output_is_stopped_before_it_fills_the_memory(
        shell: StrictShell, mark: str, stream: str) -> None:
    start = time.monotonic()
    with pytest.raises(Flooded, match="said more than 32 MiB, and was stopped") as caught:
        shell.run(command("sh", "-c", f'sleep "$1" & cat /dev/zero {stream}', "sh", mark))
    assert time.monotonic() - start < 30 and "write into a file" in caught.value.next
    assert gone(mark), "and whatever it had begun"
    assert shell.run(command("head", "-c", str(MOST), "/dev/zero")).stdout == bytes(MOST), "so much may be said"


@given(st.lists(st.binary(max_size=3 * END), max_size=6))
def test_short_outputs_are_whole_and_long_ones_keep_both_ends(pieces: list[bytes]) -> None:
    excerpt, whole = Excerpt(), b"".join(pieces)
    for piece in pieces:
        excerpt.take(piece)
    assert excerpt.size == len(whole)
    if len(whole) <= 2 * END:
        assert excerpt.text() == whole
    else:
        assert excerpt.text().startswith(whole[:END] + b"\n... ") and excerpt.text().endswith(b" ...\n" + whole[-END:])
