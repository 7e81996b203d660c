"""How long `true` takes over an open connection: ours, asyncssh, OpenSSH's ControlMaster, Fabric as it comes."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.measure import Measure, Spread, in_turn
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from runbook.site_tables import Host

ROUNDS = 200


class NoRecord:
    """A recorder that keeps nothing: peers keep no journal either."""

    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        return 0

    def end(self, begin: int, **fields: object) -> int:
        return 0


def measure(host: Host, rounds: int = ROUNDS) -> Measure:
    """Seconds for one `true`. Ours limits it on the host by timeout(1); one of asyncssh's turns does so too."""
    with ExitStack() as stack:
        asyncssh = stack.enter_context(_asyncssh(host))
        contenders = {
            "ours": stack.enter_context(_ours(host)),
            "asyncssh": lambda: asyncssh("true"),
            "asyncssh with timeout(1)": lambda: asyncssh("LC_ALL=C exec timeout -k 5 60 true </dev/null"),
            "OpenSSH ControlMaster": stack.enter_context(_control_master(host)),
            "Fabric": stack.enter_context(_fabric(host)),
        }
        samples = in_turn(contenders, rounds=rounds)
    spreads = {name: Spread.of(seconds) for name, seconds in samples.items()}
    return Measure("command", "s", "less", rounds, spreads.pop("ours"), spreads)


@contextmanager
def _ours(host: Host) -> Iterator[Callable[[], object]]:
    shell = SshShell(host, NoRecord())
    try:
        yield lambda: shell.run(command("true"))
    finally:
        shell.close()


def _key(host: Host) -> str:
    return str(host.ssh.key).removeprefix("file:")


@contextmanager
def _asyncssh(host: Host) -> Iterator[Callable[[str], object]]:
    import asyncssh

    with asyncio.Runner() as runner:
        connection = runner.run(_connected(asyncssh.connect(
            host.address, host.ssh.port, username=host.ssh.user, client_keys=[_key(host)], config=None,
            known_hosts=str(host.ssh.known_hosts))))
        yield lambda line: runner.run(_checked(connection, line))
        connection.close()
        runner.run(connection.wait_closed())


async def _connected(connecting: Awaitable[object]) -> object:
    return await connecting


async def _checked(connection: object, line: str) -> None:
    await connection.run(line, check=True)  # type: ignore[attr-defined]


@contextmanager
def _control_master(host: Host) -> Iterator[Callable[[], object]]:
    with tempfile.TemporaryDirectory() as folder:
        ssh = ["ssh", "-F", "none", "-S", str(Path(folder) / "master"), "-p", str(host.ssh.port), "-i", _key(host),
               "-o", f"UserKnownHostsFile={host.ssh.known_hosts}", "-o", "BatchMode=yes"]
        where = f"{host.ssh.user}@{host.address}"
        subprocess.run([*ssh, "-M", "-f", "-N", where], check=True, timeout=30, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield lambda: subprocess.run([*ssh, where, "true"], check=True, timeout=30, stdin=subprocess.DEVNULL,
                                         capture_output=True)
        finally:
            subprocess.run([*ssh, "-O", "exit", where], timeout=30, capture_output=True)


@contextmanager
def _fabric(host: Host) -> Iterator[Callable[[], object]]:
    from fabric import Connection

    connection = Connection(host.address, user=host.ssh.user, port=host.ssh.port,
                            connect_kwargs={"key_filename": _key(host), "look_for_keys": False, "allow_agent": False})
    try:
        yield lambda: connection.run("true", hide=True, in_stream=False)
    finally:
        connection.close()
