"""The supervisor of one host: starts it, starts it again after a reboot, and obeys its BMC's power button.

A process of its own, started by `up` and ended by `down`:
`python -m runbook.testbed.supervisor GROUP HOST STATE DISK`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from runbook.testbed import cgroups

INIT = Path(__file__).with_name("init.sh")
HIDDEN = Path(__file__).resolve().parents[2]
"""The project's own folder, which no host sees: what a host runs must have come over SSH."""

TAKEN = "-sys_time,-sys_module,-sys_rawio,-wake_alarm"
"""Capabilities that no process of a host has: with sys_time a host sets this machine's clock."""

ORDERS = "orders"
"""The fifo through which the BMC presses the power button: `on`, `off` or `reset`, one a line."""

TOO_SOON = 1.0
"""A host that ends within so many seconds did not boot."""

TRIES = 3
"""So many failed boots in a row, and the host stays off until its button is pressed."""


class Power:
    """The power supply of one host."""

    def __init__(self, group: str, host: str, state: Path, disk: Path) -> None:
        self.group, self.host, self.state, self.disk = group, host, state, disk
        self.running: subprocess.Popen[bytes] | None = None
        (self.state / ORDERS).unlink(missing_ok=True)  # of a supervisor that died
        os.mkfifo(self.state / ORDERS, 0o600)
        self.orders = os.open(self.state / ORDERS, os.O_RDWR | os.O_NONBLOCK)  # RDWR: never an end of file
        self.unread = b""
        self.failures, self.started = 0, 0.0

    def on(self) -> None:
        """Start the host, unless it runs."""
        if self.running:
            return
        cgroups.renew(self.group, self.host)
        with (self.state / "console").open("ab") as console:
            self.running = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--bounding-set", TAKEN, "--",
                 "nsenter", f"--net={self.state / 'net'}", "--",
                 "unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--propagation", "private",
                 "--fork", "--kill-child=KILL", "--", "/bin/sh", str(INIT)],
                env={"PATH": os.environ["PATH"], "NAME": self.host, "STATE": str(self.state),
                     "DISK": str(self.disk), "HIDE": str(HIDDEN)},
                preexec_fn=self._join, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.started = time.monotonic()
        self._note(f"{self.running.pid} {time.time():.3f}")

    def _join(self) -> None:
        cgroups.join(self.group, self.host, os.getpid())

    def off(self) -> None:
        """Pull the plug."""
        if self.running:
            cgroups.end(self.group, self.host)
            self.running.wait()
            self.running = None
        self._note("off")

    def _note(self, power: str) -> None:
        """What `status` reads: who holds the host's namespaces, and since when; or `off`; or `failed`."""
        new = self.state / "power.new"
        new.write_text(power + "\n")
        new.replace(self.state / "power")

    def wait(self) -> None:
        """Until the host ends or an order comes; then do what follows from it."""
        ended = os.pidfd_open(self.running.pid) if self.running else None
        try:
            select.select([self.orders, *([ended] if ended is not None else [])], [], [])
        finally:
            if ended is not None:
                os.close(ended)
        if self.running and self.running.poll() is not None:
            self._ended(self.running.returncode)
        for order in self._read_orders():
            if order in ("off", "reset"):
                self.off()
            if order in ("on", "reset"):
                self.on()

    def _ended(self, code: int) -> None:
        """PID 1 ended: by reboot(2) with SIGINT for a power-off, else it comes back (man 2 reboot)."""
        self.running = None
        cgroups.end(self.group, self.host)
        self.failures = self.failures + 1 if time.monotonic() - self.started < TOO_SOON else 0
        if code == -signal.SIGINT:
            self._note("off")
        elif self.failures >= TRIES:
            self._note("failed")
            self.failures = 0
        else:
            self.on()

    def _read_orders(self) -> list[str]:
        try:
            self.unread += os.read(self.orders, 4096)
        except BlockingIOError:
            return []
        *lines, self.unread = self.unread.split(b"\n")
        return [line.decode(errors="replace").strip() for line in lines]


def main(group: str, host: str, state: str, disk: str) -> None:
    """Runs until `down` kills it."""
    power = Power(group, host, Path(state), Path(disk))
    power.on()
    while True:
        power.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
