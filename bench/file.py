"""A file of 100 MB of noise to one host: ours, scp, asyncssh's SFTP and our connection's; then the same one again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.command import asyncssh_connection, ours_to, ssh_options
from bench.measure import Measure, Spread, in_turn
from runbook.remote.command import command
from runbook.site_tables import Host

SIZE = 100_000_000
ROUNDS = 5
THERE = "/var/tmp/runbook-bench"


def measure(host: Host, rounds: int = ROUNDS) -> list[Measure]:
    """Seconds for a file that is not there yet, which ours verifies by SHA-256, and for one that is."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shell = stack.enter_context(ours_to(host))
        sftp = stack.enter_context(_sftp(host))
        fresh = _fresh(folder)
        shell.run(command("true"))
        client = stack.enter_context(shell.open().context.client.open_sftp())

        def ours_by_sftp(source: Path) -> object:
            return client.put(str(source), f"{THERE}.paramiko")

        try:
            samples = in_turn({
                "ours": lambda: shell.put(next(fresh), THERE),
                "paramiko, SFTP": lambda: ours_by_sftp(next(fresh)),
                "scp": lambda: subprocess.run(
                    ["scp", "-q", *ssh_options(host), next(fresh), f"{host.ssh.user}@{host.address}:{THERE}.scp"],
                    check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True),
                "asyncssh, SFTP": lambda: sftp(next(fresh)),
            }, rounds=rounds, warm=1)
            same = next(fresh)
            shell.put(same, THERE)
            again = in_turn({"ours": lambda: shell.put(same, THERE)}, rounds=rounds, warm=0)["ours"]
            assert shell.put(same, THERE).already
        finally:
            shell.run(command("rm", "-f", THERE, f"{THERE}.scp", f"{THERE}.sftp", f"{THERE}.paramiko"))
    spreads = {name: Spread.of(seconds) for name, seconds in samples.items()}
    ours = spreads.pop("ours")
    return [Measure("file-100MB", "s", "less", rounds, ours, spreads),
            Measure("file-100MB-again", "s", "less", rounds, Spread.of(again), {"scp": spreads["scp"]})]


def _fresh(folder: Path) -> Iterator[Path]:
    """One file, other in its first bytes each time: nothing of it is known to anybody."""
    file = folder / "noise"
    file.write_bytes(os.urandom(1_000_000) * (SIZE // 1_000_000))
    while True:
        with file.open("r+b") as written:
            written.write(os.urandom(16))
        yield file


@contextmanager
def _sftp(host: Host) -> Iterator[object]:
    with asyncio.Runner() as runner, asyncssh_connection(host, runner) as connection:
        async def opened() -> object:
            return await connection.start_sftp_client()

        client = runner.run(opened())

        async def put(file: Path) -> None:
            await client.put(str(file), f"{THERE}.sftp")

        yield lambda file: runner.run(put(file))
