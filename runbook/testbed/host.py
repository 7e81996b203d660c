"""One host of a standing bed: its power, its first process, and a way in that needs no network."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from runbook.site import ROOT
from runbook.testbed import cgroups
from runbook.testbed.keeper import keep
from runbook.testbed.layout import Layout, Place
from runbook.testbed.program import TestbedError, run

ANSWER_SECONDS = 0.5
BOOT_SECONDS = 60.0
ORDER_SECONDS = 5.0  # for a supervisor to obey
HEALTHY = "running"
GOING_DOWN = "stopping"
"""What `systemctl is-system-running` says of a host on which everything started."""


@dataclass(frozen=True)
class Power:
    """Whether a host is on, since when (Unix time in seconds), and the process that holds its namespaces."""

    on: bool
    failed: bool = False                  # it was started and did not boot, several times
    since: float = 0.0
    holder: int = 0


def supply(layout: Layout, place: Place) -> None:
    """Give a host its supervisor, which starts it. The disk and the network are there."""
    pid = keep(layout.group, [sys.executable, "-S", "-m", "runbook.testbed.supervisor",
                              layout.group, place.name, str(place.state), str(place.disk)],
               place.state / "supervisor.log", ROOT)
    (place.state / "supervisor").write_text(f"{pid}\n")


def revive(layout: Layout, place: Place) -> None:
    """Have a host of a standing bed on, where somebody switched it off or its supervisor died."""
    supervisor = int((place.state / "supervisor").read_text())
    if supervisor not in cgroups.members(layout.group, cgroups.KEEPERS):
        cgroups.end(layout.group, place.name)
        supply(layout, place)
    elif not power(place).on:
        press(place, "on")
        until = time.monotonic() + ORDER_SECONDS
        while not power(place).on and time.monotonic() < until:
            time.sleep(0.02)


def supervised(layout: Layout) -> bool:
    """Whether any host of the bed, whatever it is called, has its supervisor: without one no host lives on."""
    keepers = cgroups.members(layout.group, cgroups.KEEPERS)
    notes = (file.read_text().strip() for file in layout.state.glob("*/supervisor"))
    return any(note.isdigit() and int(note) in keepers for note in notes)


def power(place: Place) -> Power:
    """The power as the supervisor noted it."""
    try:
        words = (place.state / "power").read_text().split()
    except FileNotFoundError:
        return Power(on=False)
    if len(words) < 2:
        return Power(on=False, failed=words == ["failed"])
    there = Path("/proc", words[0]).exists()  # else its supervisor was killed, and the host with it
    return Power(on=there, since=float(words[1]), holder=int(words[0]) if there else 0)


def press(place: Place, order: str) -> None:
    """Press the power button: `on`, `off` (no shutdown, the plug is pulled) or `reset`."""
    if order not in ("on", "off", "reset"):
        raise TestbedError(f"{place.name}: no button `{order}`", next="there are on, off and reset")
    try:
        orders = os.open(place.state / "orders", os.O_WRONLY | os.O_NONBLOCK)  # ENXIO where nobody reads
    except OSError as error:
        raise TestbedError(f"{place.name}: nobody is at its power supply: {error.strerror}",
                           next="`runbook testbed up` gives it a new supervisor") from error
    try:
        os.write(orders, f"{order}\n".encode())
    finally:
        os.close(orders)


def first_process(place: Place) -> int:
    """The process of this machine that is PID 1 of the host; 0 while it is off or starting."""
    holder = power(place).holder
    try:
        children = Path(f"/proc/{holder}/task/{holder}/children").read_text().split() if holder else []
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(children[0]) if children else 0


def inside(place: Place, *words: str) -> tuple[str, ...]:
    """The command line of a program on the host, without its sshd. Raises TestbedError where it is off."""
    pid = first_process(place)
    if not pid:
        raise TestbedError(f"{place.name}: is off", next=f"what it said last is in {place.state / 'console'}")
    return ("nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root",
            "--wd=/", "--", *words)


def answers(place: Place, limit: float = ANSWER_SECONDS) -> bool:
    """Whether the host's sshd introduces itself within `limit` seconds."""
    try:
        with socket.create_connection((str(place.address), 22), timeout=limit) as connection:
            connection.settimeout(limit)
            connection.sendall(b"SSH-2.0-runbook\r\n")  # a silent visitor is an error in the host's journal
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def await_boot(place: Place, until: float) -> None:
    """Wait until sshd answers and everything started, to the monotonic time `until`; raises TestbedError."""
    while not answers(place):
        if power(place).failed:
            raise TestbedError(f"{place.name}: does not boot", tail=_last_words(place),
                               next="mend what its last words name, then up again")
        if time.monotonic() > until:
            raise TestbedError(f"{place.name}: no sshd answers at {place.address}", tail=_last_words(place),
                               next="is the machine overloaded? `runbook testbed down`, then up again")
        time.sleep(0.02)
    said = run(*inside(place, "systemctl", "is-system-running", "--wait"), also=(1,),
               limit=max(until - time.monotonic(), 1.0)).strip()
    if said == GOING_DOWN and time.monotonic() < until:  # its sshd still answers, before the boot that is waited for
        time.sleep(0.2)
        return await_boot(place, until)
    if said != HEALTHY:
        failed = run(*inside(place, "systemctl", "--failed", "--no-legend", "--plain"), also=(1,))
        raise TestbedError(f"{place.name}: systemd is {said}, not {HEALTHY}", tail=failed,
                           next="`journalctl -b -p warning` on the host says why")


def _last_words(place: Place) -> str:
    return "".join(file.read_text(errors="replace") for name in ("supervisor.log", "console")
                   if (file := place.state / name).exists())
