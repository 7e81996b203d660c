"""An sshd of the tests' own on loopback, for what the testbed's hosts cannot quickly be: of another key."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runbook.remote.local import LocalShell
from runbook.remote.ssh import SshShell
from runbook.site_tables import Host, SshSettings


@dataclass
class Notes:
    """A recorder that keeps what it was told."""

    begun: list[tuple[str, str | None, dict[str, object]]] = field(default_factory=list)
    ended: dict[int, dict[str, object]] = field(default_factory=dict)
    written: list[tuple[str, str | None, dict[str, object]]] = field(default_factory=list)

    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        self.begun.append((kind, host, fields))
        return len(self.begun) - 1

    def end(self, begin: int, **fields: object) -> int:
        assert begin not in self.ended, "an act ends once"
        self.ended[begin] = fields
        return begin

    def write(self, kind: str, host: str | None = None, **fields: object) -> int:
        self.written.append((kind, host, fields))
        return len(self.written) - 1


@dataclass(frozen=True)
class Sshd:
    """A running sshd: its port and folder; `host` is how a site would name it."""

    folder: Path
    port: int

    @property
    def ssh(self) -> SshSettings:
        return SshSettings(user="root", port=self.port, key=f"file:{self.folder}/login", connect_seconds=5.0,
                           known_hosts=self.folder / "known_hosts")

    @property
    def host(self) -> Host:
        return Host("local1", "127.0.0.1", (), ssh=self.ssh)

    def but(self, **changes: object) -> Host:
        """The host with other SSH settings."""
        return replace(self.host, ssh=replace(self.ssh, **changes))

    def public(self, kind: str) -> str:
        return (self.folder / f"host_{kind}.pub").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(folder: Path, *more: str, env: str = "") -> Iterator[Sshd]:
    """Runs as root for root, with keys of its own; nothing of the machine's own sshd is used."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        pytest.skip("no sshd on this machine: `apt-get install openssh-server`")
    for name in ("host_ed25519", "host_ecdsa", "login", "other"):
        kind = "ecdsa" if name == "host_ecdsa" else "ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(folder / name)], check=True,
                       timeout=30)
    (folder / "authorized").write_text((folder / "login.pub").read_text())
    running = Sshd(folder, free_port())
    key_type, key = running.public("ed25519").split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{running.port} {key_type} {key}\n")
    (folder / "config").write_text("\n".join((
        f"Port {running.port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host_ed25519",
        f"HostKey {folder}/host_ecdsa", f"AuthorizedKeysFile {folder}/authorized", "PidFile none", "UsePAM no",
        "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no", "PrintMotd no", "PrintLastLog no",
        "MaxStartups 100:30:200", f"SetEnv HOME={folder} {env}", *more, "")))  # no .bashrc of the machine's own
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log,
                                   stdin=subprocess.DEVNULL)
    try:
        _wait_for(running.port)
        yield running
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One for all tests that want nothing special of it."""
    with serving(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no sshd at port {port} after 5 s")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture(scope="session")
def over_ssh(sshd: Sshd) -> Iterator[SshShell]:
    """One open connection for all tests that do not disturb it."""
    shell = SshShell(sshd.host, Notes())
    yield shell
    shell.close()


@pytest.fixture(params=["ssh", "local"])
def shell(request: pytest.FixtureRequest) -> SshShell | LocalShell:
    """What holds for every shell is tested over both transports."""
    if request.param == "ssh":
        return request.getfixturevalue("over_ssh")
    return LocalShell(Notes())


_MARKS = itertools.count(31_000_001)


@pytest.fixture
def mark() -> str:
    """Seconds for `sleep` that no other process of this machine uses: tells whose processes are left."""
    return f"{next(_MARKS)}"


def running(mark: str) -> list[str]:
    """The command lines on this machine that hold the mark as a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(" ".join(word.decode("utf-8", "replace") for word in words))
    return found


def gone(mark: str, within: float = 3.0) -> bool:
    """Whether nothing with the mark runs any more, within some seconds."""
    until = time.monotonic() + within
    while running(mark):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
