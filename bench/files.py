"""A folder of a thousand small files to one host: ours, rsync where it is there, scp and tar; then the same again."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from bench.command import control_path_to, ours_to, ssh_options
from bench.measure import Measure, Spread, in_turn
from runbook.remote.command import command
from runbook.remote.strict import StrictShell
from runbook.site_tables import Host

FILES = 1000
FOLDERS = 20
LARGEST = 20_000
ROUNDS = 7
THERE = "/var/tmp/runbook-bench-files"


def measure(host: Host, rounds: int = ROUNDS) -> list[Measure]:
    """Seconds for a folder that is not there yet, and for one that is; every contender has an open connection.

    Ours verifies each file by SHA-256 and has it on the disk before it is renamed; rsync does neither. Again, rsync
    goes by size and time, with -c by a checksum of all content, as ours does.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make(folder)
        shell = stack.enter_context(ours_to(host))
        ssh = ["ssh", *ssh_options(host), "-S", stack.enter_context(control_path_to(host))]
        where = f"{host.ssh.user}@{host.address}"
        numbers = count()
        shell.run(command("mkdir", "-p", THERE))
        try:
            fresh = in_turn({name: lambda act=act: act(f"{THERE}/{next(numbers)}")
                             for name, act in contenders(shell, folder, ssh, where).items()}, rounds=rounds, warm=1)
            there = f"{THERE}/same"
            shell.put_folder(folder, there)
            copying = contenders(shell, folder, ssh, where)
            if "rsync" in copying:
                copying["rsync"](there)  # its times too
                copying["rsync -c"] = rsync(folder, ssh, where, "-c")
            again = in_turn({name: lambda act=act: act(there) for name, act in copying.items()
                             if name == "ours" or name.startswith("rsync")}, rounds=rounds, warm=1)
            assert shell.put_folder(folder, there).already
        finally:
            shell.run(command("rm", "-rf", THERE, limit=600.0))
    first = {name: Spread.of(seconds) for name, seconds in fresh.items()}
    second = {name: Spread.of(seconds) for name, seconds in again.items()}
    return [Measure("files-1000", "s", "less", rounds, first.pop("ours"), first),
            Measure("files-1000-again", "s", "less", rounds, second.pop("ours"), second)]


def make(folder: Path) -> None:
    """Files of 1 byte to 20 kB, 10 MB together, the same in each run."""
    sizes = random.Random(1)
    for number in range(FILES):
        inner = folder / f"{number % FOLDERS}"
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"file {number}").write_bytes(os.urandom(sizes.randint(1, LARGEST)))


def contenders(shell: StrictShell, folder: Path, ssh: list[str], where: str) -> dict[str, Callable[[str], object]]:
    """Each brings the folder to a path on the host."""
    found: dict[str, Callable[[str], object]] = {"ours": lambda there: shell.put_folder(folder, there)}
    if shutil.which("rsync") and shell.run(command("sh", "-c", "command -v rsync || :")).text:
        found["rsync"] = rsync(folder, ssh, where)
    found["scp -r"] = lambda there: run("scp", "-q", "-r", *ssh[1:-2], "-o", f"ControlPath={ssh[-1]}", str(folder),
                                        f"{where}:{there}")
    unpack = "mkdir {0} && tar -xf - -C {0}"
    found["tar over ssh"] = lambda there: run(
        "sh", "-c", 'folder=$1; shift; tar -cf - -C "$folder" . | "$@"', "sh", str(folder), *ssh, where,
        unpack.format(shlex.quote(there)))
    return found


def rsync(folder: Path, ssh: list[str], where: str, *more: str) -> Callable[[str], object]:
    return lambda there: run("rsync", "-a", *more, "-e", shlex.join(ssh), f"{folder}/", f"{where}:{there}/")


def run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=120, stdin=subprocess.DEVNULL, capture_output=True)
