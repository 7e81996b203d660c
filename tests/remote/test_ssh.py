"""Over SSH: who is let in and who not, within which time, and what is noticed when the other side goes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.errors import (
    CommandFailed,
    ConnectionLost,
    HostKeyRefused,
    LoginRefused,
    RemoteError,
    Unreachable,
    UsageError,
)
from runbook.remote.command import command
from runbook.remote.hostkey import known_keys
from runbook.remote.secret import Secret
from runbook.remote.ssh import AT_ONCE, SshShell
from runbook.site_tables import Host
from tests.remote.conftest import Notes, Sshd, free_port, gone, running


def refusal(host: Host) -> RemoteError:
    """The error with which a host cannot be spoken to."""
    shell = SshShell(host, Notes())
    try:
        with pytest.raises(RemoteError) as caught:
            shell.run(command("true"))
    finally:
        shell.close()
    assert caught.value.next
    return caught.value


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """The port of somebody who takes connections and says `answer`, or nothing at all."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    stream, _ = server.accept()
                except OSError:
                    return
                taken.append(stream)
                if answer is not None:
                    stream.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for stream in taken:
            stream.close()


def test_a_name_that_does_not_resolve_is_named(sshd: Sshd) -> None:
    error = refusal(replace(sshd.host, address="no-such-host.invalid"))
    assert isinstance(error, Unreachable) and "no-such-host.invalid does not resolve" in error.what


def test_a_port_where_nobody_listens_is_named(sshd: Sshd) -> None:
    port = free_port()
    error = refusal(sshd.but(port=port))
    assert isinstance(error, Unreachable) and f"nobody listens at 127.0.0.1 port {port}" in error.what


def test_an_address_that_does_not_answer_is_left_within_the_limit(sshd: Sshd) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # the queue is full: whoever comes now gets no answer at all
        for stream in waiting:
            stream.setblocking(False)
            stream.connect_ex(server.getsockname())
        start = time.monotonic()
        error = refusal(sshd.but(port=server.getsockname()[1], connect_seconds=0.7))
        for stream in waiting:
            stream.close()
    assert isinstance(error, Unreachable) and "does not answer within 0.7 s" in error.what
    assert time.monotonic() - start < 2.5


@pytest.mark.parametrize("answer", [None, b"SSH-2.0-Silent\r\n"], ids=["no banner", "a banner and then nothing"])
def test_somebody_who_never_finishes_the_login_is_left_within_the_limit(sshd: Sshd, answer: bytes | None) -> None:
    start = time.monotonic()
    with listening(answer) as port:
        error = refusal(sshd.but(port=port, connect_seconds=0.7))
    assert isinstance(error, Unreachable) and "within 0.7 s" in error.what
    assert time.monotonic() - start < 2.5


def test_somebody_who_speaks_no_ssh_is_named(sshd: Sshd) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = refusal(sshd.but(port=port, connect_seconds=1.0))
    assert isinstance(error, Unreachable) and f"127.0.0.1 port {port}" in error.what


def fingerprint_by_openssh(sshd: Sshd, kind: str) -> str:
    told = subprocess.run(["ssh-keygen", "-lf", f"{sshd.folder}/host_{kind}.pub"], capture_output=True, text=True,
                          check=True, timeout=10)
    return told.stdout.split()[1]


def test_an_unknown_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    error = refusal(sshd.but(known_hosts=tmp_path / "known_hosts"))
    assert isinstance(error, HostKeyRefused)
    assert fingerprint_by_openssh(sshd, "ed25519") in error.what or fingerprint_by_openssh(sshd, "ecdsa") in error.what
    assert "none known" in error.what
    assert f"ssh-keyscan -p {sshd.port} -t " in error.next and str(tmp_path / "known_hosts") in error.next


def test_the_line_that_the_refusal_names_mends_it(sshd: Sshd, tmp_path: Path) -> None:
    host = sshd.but(known_hosts=tmp_path / "known_hosts")
    words = refusal(host).next.split("`")[3].split(" >> ")[0].split()
    found = subprocess.run(words, capture_output=True, check=True, timeout=20)
    (tmp_path / "known_hosts").write_bytes(found.stdout)
    shell = SshShell(host, Notes())
    assert shell.run(command("true")).ok
    shell.close()


def test_a_changed_host_key_is_refused_with_both_fingerprints(sshd: Sshd, tmp_path: Path) -> None:
    kind, key = (sshd.folder / "other.pub").read_text().split()[:2]
    line = f"[127.0.0.1]:{sshd.port} {kind} {key}\n"
    (tmp_path / "known_hosts").write_text(line)
    error = refusal(sshd.but(known_hosts=tmp_path / "known_hosts"))
    assert isinstance(error, HostKeyRefused)
    assert f"seen ssh-ed25519 {fingerprint_by_openssh(sshd, 'ed25519')}" in error.what
    expected, = known_keys(line, f"[127.0.0.1]:{sshd.port}")
    assert f"expected {expected}" in error.what
    assert (tmp_path / "known_hosts").read_text() == line


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_pinned_fingerprint_is_enough_whichever_of_its_keys_it_is_of(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    shell = SshShell(sshd.but(known_hosts=tmp_path / "none", host_key=fingerprint_by_openssh(sshd, kind)), Notes())
    assert shell.run(command("true")).ok
    shell.close()


def test_another_fingerprint_than_the_pinned_one_is_refused(sshd: Sshd) -> None:
    pinned = "SHA256:" + "A" * 43
    error = refusal(sshd.but(host_key=pinned))
    assert isinstance(error, HostKeyRefused) and f"expected {pinned}" in error.what
    assert fingerprint_by_openssh(sshd, "ed25519") in error.what or fingerprint_by_openssh(sshd, "ecdsa") in error.what


def test_a_key_that_is_not_welcome_is_told_with_user_and_key(sshd: Sshd) -> None:
    error = refusal(sshd.but(key=f"file:{sshd.folder}/other"))
    assert isinstance(error, LoginRefused) and "root@127.0.0.1 is not let in" in error.what
    assert "authorized_keys" in error.next and "other" in error.next


def test_a_key_that_wants_a_passphrase_gets_it_by_reference(sshd: Sshd, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "locked"
    key.write_bytes((sshd.folder / "login").read_bytes())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(key)], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)
    error = refusal(sshd.but(key=f"file:{key}"))
    assert isinstance(error, LoginRefused) and "wants its passphrase" in error.what
    monkeypatch.setenv("RUNBOOK_TEST_PASSPHRASE", "open sesame")
    shell = SshShell(sshd.but(key=f"file:{key}", passphrase="env:RUNBOOK_TEST_PASSPHRASE"), Notes())
    assert shell.run(command("true")).ok
    shell.close()


def test_a_key_file_that_is_missing_or_no_key_is_named(sshd: Sshd, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing"):
        SshShell(sshd.but(key=f"file:{tmp_path}/missing"), Notes()).run(command("true"))
    (tmp_path / "text").write_text("no key\n")
    error = refusal(sshd.but(key=f"file:{tmp_path}/text"))
    assert isinstance(error, LoginRefused) and "cannot be read" in error.what


def test_the_private_key_is_a_secret_in_all_that_is_written(sshd: Sshd, over_ssh: SshShell) -> None:
    over_ssh.run(command("true"))
    line = (sshd.folder / "login").read_text().splitlines()[2]
    assert line not in str(command("echo", line))
    assert str(Secret(line)) == "***"


def test_the_first_command_of_many_threads_opens_one_connection(sshd: Sshd) -> None:
    shell = SshShell(sshd.host, Notes())
    ports: set[str] = set()

    def ask() -> None:
        ports.add(shell.run(command("sh", "-c", "echo $SSH_CLIENT")).text.split()[1])

    threads = [threading.Thread(target=ask) for _ in range(2 * AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    shell.close()
    assert len(ports) == 1


def test_a_signal_that_ssh_has_no_name_for_is_no_lost_connection(over_ssh: SshShell) -> None:
    with pytest.raises(CommandFailed, match="killed by a signal that SSH has no name for") as caught:
        over_ssh.run(command("sh", "-c", "kill -SYS $$", stdin=b"over a channel of its own"))
    assert caught.value.exit_code_seen < 0


def test_a_connection_that_goes_while_a_command_runs_is_told_from_a_failure(sshd: Sshd) -> None:
    shell = SshShell(sshd.host, Notes())
    with pytest.raises(ConnectionLost, match="what became of the command is not known"):
        shell.run(command("sh", "-c", 'kill "$(cut -d" " -f4 /proc/$PPID/stat)"; sleep 1'))
    assert shell.run(command("echo", "again")).text == "again\n", "the next command opens a new connection"
    shell.close()


INTERRUPTED = """
import sys
from pathlib import Path
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from runbook.site_tables import Host, SshSettings
from tests.remote.conftest import Notes, Sshd

sshd = Sshd(Path(sys.argv[1]), int(sys.argv[2]))
shell = SshShell(sshd.host, Notes())
try:
    shell.run(command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", sys.argv[3]))
except KeyboardInterrupt:
    print("interrupted", len(shell._recorder.ended), flush=True)
    sys.exit(130)
"""


def test_an_interrupt_leaves_nothing_running_on_the_host(sshd: Sshd, mark: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(sshd.folder), str(sshd.port), mark],
                               stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    until = time.monotonic() + 20
    while len([line for line in running(mark) if line.startswith("sleep")]) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(2)
    said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, b"interrupted 1\n")
    assert gone(mark), running(mark)


def test_fabric_is_not_imported_before_a_connection_is_opened() -> None:
    code = "import sys, runbook.remote.fleet; print([m for m in ('fabric', 'paramiko', 'invoke') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                          cwd=Path(__file__).parents[2])
    assert told.stdout == "[]\n"


def test_nothing_is_sent_to_the_testbeds_range_while_no_bed_stands_there() -> None:
    from runbook.remote.connect import connect
    from runbook.remote.keys import Keys
    from runbook.site_tables import Host

    with pytest.raises(Unreachable, match="the testbed is down: 198.18.251.7"):
        connect(Host("gone", "198.18.251.7", ("service",)), Keys())
