"""How long `true` takes over an open connection: ours, asyncssh, OpenSSH's ControlMaster, Fabric as it comes."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.measure import Measure, Spread, in_turn
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site_tables import Host

ROUNDS = 200


def measure(host: Host, rounds: int = ROUNDS) -> Measure:
    """Seconds for one `true`. Ours limits it on the host by timeout(1); one of asyncssh's turns does so too."""
    with ExitStack() as stack:
        asyncssh = stack.enter_context(asyncssh_to(host))
        shell = stack.enter_context(ours_to(host))
        master = stack.enter_context(control_master_to(host))
        contenders = {
            "ours": lambda: shell.run(command("true")),
            "asyncssh": lambda: asyncssh("true"),
            "asyncssh with timeout(1)": lambda: asyncssh("LC_ALL=C exec timeout -k 5 60 true </dev/null"),
            "OpenSSH ControlMaster": lambda: master("true"),
            "Fabric": stack.enter_context(_fabric(host)),
        }
        samples = in_turn(contenders, rounds=rounds)
    spreads = {name: Spread.of(seconds) for name, seconds in samples.items()}
    return Measure("command", "s", "less", rounds, spreads.pop("ours"), spreads)


@contextmanager
def ours_to(host: Host) -> Iterator[SshShell]:
    """Our shell, whose connection opens at its first command."""
    shell = SshShell(host, Unrecorded())
    try:
        yield shell
    finally:
        shell.close()


def _key(host: Host) -> str:
    return str(host.ssh.key).removeprefix("file:")


@contextmanager
def asyncssh_connection(host: Host, runner: asyncio.Runner) -> Iterator[Any]:
    import asyncssh

    connection = runner.run(_connected(asyncssh.connect(
        host.address, host.ssh.port, username=host.ssh.user, client_keys=[_key(host)], config=None,
        known_hosts=str(host.ssh.known_hosts))))
    try:
        yield connection
    finally:
        connection.close()
        runner.run(connection.wait_closed())


@contextmanager
def asyncssh_to(host: Host) -> Iterator[Callable[[str], object]]:
    """Runs a line over one open connection."""
    with asyncio.Runner() as runner, asyncssh_connection(host, runner) as connection:
        yield lambda line: runner.run(_checked(connection, line))


async def _connected(connecting: Awaitable[object]) -> object:
    return await connecting


async def _checked(connection: object, line: str) -> None:
    await connection.run(line, check=True)  # type: ignore[attr-defined]


def ssh_options(host: Host) -> list[str]:
    """For ssh(1) and scp(1)."""
    return ["-F", "none", "-i", _key(host), "-o", f"Port={host.ssh.port}", "-o",
            f"UserKnownHostsFile={host.ssh.known_hosts}", "-o", "BatchMode=yes"]


@contextmanager
def control_master_to(host: Host) -> Iterator[Callable[[str], object]]:
    """Runs a line by ssh(1) over the open connection of its master."""
    with control_path_to(host) as path:
        words = ["ssh", "-S", path, *ssh_options(host), f"{host.ssh.user}@{host.address}"]
        yield lambda line: subprocess.run([*words, line], check=True, timeout=30, stdin=subprocess.DEVNULL,
                                          capture_output=True)


@contextmanager
def control_path_to(host: Host) -> Iterator[str]:
    """The socket of a master with an open connection."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "master")
        ssh = ["ssh", "-S", path, *ssh_options(host)]
        where = f"{host.ssh.user}@{host.address}"
        subprocess.run([*ssh, "-M", "-f", "-N", where], check=True, timeout=30, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield path
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
