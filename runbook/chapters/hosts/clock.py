"""The clocks of the hosts: how far they are from ours and from each other, and who sets them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import HostAnswers, Question
from runbook.remote.shell import Shell


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970 as the host's clock has it, and the resolution of its `date`."""

    seconds: float
    resolution: float

    def __str__(self) -> str:
        return "tells its time"


def parse_clock(text: str) -> Clock:
    """From `date +%s.%N`; a date without %N leaves it as it stands, or empty."""
    found = re.match(r"(\d+)(?:\.(\d{9}))?", text.strip())
    if not found:
        raise ValueError("date does not tell seconds since 1970")
    if found[2] is None:
        return Clock(float(found[1]) + 0.5, 1.0)
    return Clock(int(found[1]) + int(found[2]) / 1e9, 1e-6)


CLOCK = Question(Script("date +%s.%N"), parse_clock)


@dataclass(frozen=True)
class Offset:
    """How far a host's clock is ahead of ours, in seconds; `uncertainty` is half the round trip and more."""

    host: str
    seconds: float
    uncertainty: float

    @property
    def most(self) -> float:
        """The largest distance that the measurement allows."""
        return abs(self.seconds) + self.uncertainty

    def __str__(self) -> str:
        return f"{self.host}: {self.seconds:+.3f} s (within {self.uncertainty:.3f} s)"


def offset_of(shell: Shell, now: Callable[[], float] = time.time) -> Offset:
    """Asks one host for its time and sets it against ours in the middle of the round trip.

    The first question may have opened the connection, so the second one counts. Raises the host's error.
    """
    shell.ask(CLOCK)
    before = now()
    answers: HostAnswers = shell.ask(CLOCK)
    after = now()
    told = answers[CLOCK]
    if not isinstance(told, Clock):
        raise ValueError(str(told))
    half = (after - before) / 2
    return Offset(shell.name, told.seconds - (before + half), half + told.resolution / 2)


@dataclass(frozen=True)
class Offsets:
    """The offsets of a fleet, and why a host's clock could not be compared."""

    by_host: Mapping[str, Offset] = field(hash=False)
    why_not: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def apart(self) -> float:
        """The largest distance between two hosts' clocks that the measurements allow, in seconds."""
        return max(
            (
                abs(one.seconds - two.seconds) + one.uncertainty + two.uncertainty
                for one in self.by_host.values()
                for two in self.by_host.values()
                if one.host < two.host
            ),
            default=0.0,
        )

    def __str__(self) -> str:
        return f"{len(self.by_host)} clocks compared"


@dataclass(frozen=True)
class TimeKeeper:
    """Who sets a host's clock, and whether it says that it is right; None: it does not say."""

    service: str
    synchronized: bool | None

    def __str__(self) -> str:
        state = {True: "synchronized", False: "not synchronized", None: "of unknown state"}[self.synchronized]
        return f"{self.service}, {state}" if self.service else "nothing sets the clock"


def parse_time_keeper(text: str) -> TimeKeeper:
    parts = sections(text)
    active = parts.get("active", "").split()
    told = re.search(r"NTPSynchronized=(yes|no)", parts.get("timedatectl", ""))
    leap = re.search(r"Leap status\s*:\s*(.+)", parts.get("chrony", ""))
    state = told[1] == "yes" if told else None
    if leap:
        state = leap[1].strip() == "Normal"
    return TimeKeeper(active[0] if active else "", state)


TIME_KEEPER = Question(
    Script(
        "PATH=$PATH:/usr/sbin:/sbin\n"
        "echo '== active'; for name in chronyd chrony ntpd ntp ntpsec systemd-timesyncd; do\n"
        '  systemctl is-active --quiet "$name" 2>/dev/null && echo "$name"; done\n'
        "echo '== timedatectl'; timedatectl show -p NTPSynchronized 2>/dev/null\n"
        "echo '== chrony'; chronyc -n tracking 2>/dev/null; :"
    ),
    parse_time_keeper,
)
