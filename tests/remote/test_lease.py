"""A long command outlives its connection and this process, is read again from its start, and ends whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.errors import CommandFailed, CommandTimedOut, ConnectionLost, LeaseUnknown, LockHeld
from runbook.remote.attach import attach, carry
from runbook.remote.command import command
from runbook.remote.lease import Lease, begin, forget, leases, look, parse_leases, stop
from runbook.remote.lease_scripts import KEEP, OWN
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from tests.remote.conftest import Notes, Sshd, gone, running

ROOT = Path(__file__).parents[2]
SLOWLY = 'i=0; while [ $i -lt 20 ]; do echo line $i; i=$((i + 1)); sleep 0.1; done; echo done >&2; exit 3'
ALL = b"".join(f"line {number}\n".encode() for number in range(20))


@pytest.fixture(autouse=True)
def clean(over_ssh: SshShell) -> Iterator[None]:
    """No lease of these tests is there before or after; nothing else of this machine makes any."""
    yield
    for lease in leases(over_ssh):
        if lease.run == "a test":
            stop(over_ssh, lease)
            forget(over_ssh, lease)


def start(shell: StrictShell, *words: str, limit: float = 60.0) -> Lease:
    return begin(shell, command(*words, limit=limit), run="a test")


def read(shell: StrictShell, lease: Lease, **options: object) -> tuple[object, bytes, bytes]:
    out, err = bytearray(), bytearray()
    attached = attach(shell, lease, out=out.extend, err=err.extend, **options)  # type: ignore[arg-type]
    return attached, bytes(out), bytes(err)


def test_it_leaves_exit_code_output_and_times_behind(shell: StrictShell) -> None:
    lease = start(shell, "sh", "-c", 'printf "\\377\\0out"; echo err >&2; sleep 0.2; exit 3')
    assert lease.runs and lease.state == "running"
    attached, out, err = read(shell, lease)
    assert (out, err) == (b"\xff\0out", b"err\n")
    now = attached.lease
    assert (now.state, now.exit_code, now.why, now.out, now.err) == ("ended", 3, "end", 5, 4)
    assert abs(now.started - time.time()) < 30 and now.started <= now.ended
    assert read(shell, lease)[1:] == (out, err), "as often as somebody asks"


def test_one_whose_end_is_being_written_is_told_all_the_same(shell: StrictShell) -> None:
    """`date` opens the file before it writes it: for a moment it is there and empty."""
    lease = start(shell, "sleep", "30")
    folder = f"/var/lib/runbook/leases/{lease.id}" if os.geteuid() == 0 else f"$HOME/{OWN}/{lease.id}"
    shell.run(command("sh", "-c", f': >"{folder}/ended"'))
    assert look(shell, lease)[0].ended is None
    stop(shell, lease)


def test_it_starts_where_a_command_does_and_with_its_umask(shell: StrictShell) -> None:
    script = 'pwd; umask; printf "%s." "$@"; cat'
    words = ("sh", "-c", script, "sh", "a b", "", "*", "it's\n")
    _, out, _ = read(shell, start(shell, *words))
    assert out == shell.run(command(*words)).stdout


def test_it_outlives_its_connection(sshd: Sshd) -> None:
    shell = SshShell(sshd.host, Notes())
    lease = start(shell, "sh", "-c", SLOWLY)

    def cut() -> None:
        for _ in range(3):
            time.sleep(0.5)
            shell._connection.transport.sock.close()  # as the network does it: without a word to anybody

    cutter = threading.Thread(target=cut)
    cutter.start()
    attached, out, err = read(shell, lease)
    cutter.join()
    shell.close()
    assert (out, err) == (ALL, b"done\n") and attached.lease.exit_code == 3
    assert attached.lost >= 1


BEGUN_AND_KILLED = """
import os, signal, sys
from pathlib import Path
from runbook.remote.attach import carry
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from tests.remote.conftest import Notes, Sshd

shell = SshShell(Sshd(Path(sys.argv[1]), int(sys.argv[2])).host, Notes())
try:
    carry(shell, command("sh", "-c", sys.argv[3], "sh", sys.argv[4]), run="a test", out=lambda piece: None,
          err=print, begun=lambda lease: print(lease.id, flush=True))
except KeyboardInterrupt:
    sys.exit(130)
"""


def begun_by_another(sshd: Sshd, script: str, mark: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", BEGUN_AND_KILLED, str(sshd.folder), str(sshd.port), script, mark],
                               stdout=subprocess.PIPE, text=True, cwd=ROOT,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    return process, process.stdout.readline().strip()


def test_it_outlives_the_process_that_began_it(sshd: Sshd, over_ssh: SshShell, mark: str) -> None:
    process, id = begun_by_another(sshd, SLOWLY, mark)
    process.kill()
    process.wait()
    found, = [lease for lease in leases(over_ssh) if lease.id == id]
    assert found.runs and found.run == "a test" and found.line.endswith(mark)
    assert read(over_ssh, found)[1] == ALL


def test_an_interrupt_stops_the_whole_group(sshd: Sshd, over_ssh: SshShell, mark: str) -> None:
    process, id = begun_by_another(sshd, 'sleep "$1" & sleep "$1"', mark)
    until = time.monotonic() + 20
    while len([line for line in running(mark) if line.startswith("sleep")]) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert gone(mark), running(mark)
    found, = [lease for lease in leases(over_ssh) if lease.id == id]
    assert (found.state, found.why) == ("ended", "stop")


def test_its_limit_ends_all_of_it_even_what_ignores_sigterm(shell: StrictShell, mark: str) -> None:
    lease = start(shell, "sh", "-c", '(trap "" TERM; sleep "$1"; sleep "$1") & sleep "$1"', "sh", mark, limit=1.0)
    with pytest.raises(CommandTimedOut, match="no end within 1 s"):
        read(shell, lease)
    assert gone(mark), running(mark)
    assert look(shell, lease)[0].how() == "stopped at its limit of 1 s"


def test_it_can_be_stopped_and_then_forgotten(shell: StrictShell, mark: str) -> None:
    lease = start(shell, "sh", "-c", 'sleep "$1" & sleep "$1"', "sh", mark)
    with pytest.raises(LockHeld, match="still runs"):
        forget(shell, lease)
    assert (stop(shell, lease).how(), gone(mark)) == ("stopped", True)
    assert stop(shell, lease).why == "stop", "a second time is harmless"
    forget(shell, lease)
    with pytest.raises(LeaseUnknown, match="no lease"):
        look(shell, lease)


def test_a_command_that_fails_is_told_from_one_that_was_expected_to(over_ssh: SshShell) -> None:
    words = ("sh", "-c", "echo no >&2; exit 7")
    with pytest.raises(CommandFailed, match="ended with exit 7"):
        carry(over_ssh, command(*words), run="a test", out=bytes, err=bytes)
    carried = carry(over_ssh, command(*words, also={7: "it says no"}), run="a test", out=bytes, err=bytes)
    assert carried.lease.exit_code == 7


def test_one_whose_keeper_was_killed_is_told_from_one_that_ended(over_ssh: SshShell, mark: str) -> None:
    lease = start(over_ssh, "sleep", mark)
    keeper, = [int(Path(path).parent.name) for path in map(str, Path("/proc").glob("[0-9]*/cmdline"))
               if (words := _words(path))[:1] == [b"sh"] and mark.encode() in words and KEEP.encode() in words]
    os.kill(keeper, signal.SIGKILL)
    assert look(over_ssh, lease)[0].state == "unwatched"
    stop(over_ssh, lease)
    assert gone(mark) and look(over_ssh, lease)[0].state == "lost"
    with pytest.raises(CommandFailed, match="gone without an exit code"):
        read(over_ssh, lease)


def _words(path: str) -> list[bytes]:
    try:
        return Path(path).read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_host_that_stays_away_is_told_and_the_lease_runs_on(sshd: Sshd, over_ssh: SshShell, mark: str) -> None:
    lease = start(over_ssh, "sleep", mark)
    away = SshShell(sshd.but(port=1), Notes())
    with pytest.raises(ConnectionLost, match="it runs on|the host is away"):
        read(away, lease, patience=0.5)
    assert look(over_ssh, lease)[0].runs


def test_a_hundred_megabytes_are_read_in_pieces_and_verified(over_ssh: SshShell) -> None:
    lease = start(over_ssh, "head", "-c", "100000000", "/dev/zero")
    longest, total = 0, 0

    def take(piece: bytes) -> None:
        nonlocal longest, total
        longest, total = max(longest, len(piece)), total + len(piece)

    attach(over_ssh, lease, out=take, err=bytes)
    assert total == 100_000_000 and longest <= 4 << 20


def test_a_lease_says_itself_in_a_line() -> None:
    lease, = parse_leases('a1 rebooted - - 1700000000 - 5 0 -\n'
                          '{"run": "r", "line": "make all", "limit": 60, "sudo": true}\n')
    assert str(lease) == "a1 of r, gone with a reboot of the host, since 2023-11-14 22:13:20 UTC: make all"
    assert not lease.runs and not lease.ok and lease.sudo
