"""A host harmed on purpose and healed exactly: each fault is noted before it is done, for whoever heals it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import UsageError
from runbook.testbed import host
from runbook.testbed.deed import HOST, NET, NOTES, Deed, Words
from runbook.testbed.faults import fault_of
from runbook.testbed.layout import Layout, Place
from runbook.testbed.lock import changing
from runbook.testbed.program import run

SECONDS = 30.0


@dataclass(frozen=True)
class Harm:
    """A fault that a host has now."""

    host: str
    name: str
    arguments: tuple[str, ...]
    deed: Deed
    boot: float                           # when the host was started that had it done

    def __str__(self) -> str:
        return f"{self.host}: {' '.join((self.name, *self.arguments))}"


def harm(layout: Layout, name: str, host_name: str, *arguments: str) -> Harm:
    """Does a fault to a host of a standing bed. Raises UsageError, SiteError, TestbedError; then nothing is done."""
    place = layout.place(host_name)
    fault, whole = fault_of(name, arguments)
    with changing(f"{layout.name}-faults"):
        there = harms(place)
        if any(one.name == name or _same_knob(one.deed, fault.deed(layout, place, *whole)) for one in there):
            raise UsageError(f"{host_name}: has {', '.join(one.name for one in there)} already",
                             next=f"runbook testbed heal {host_name}")
        done = Harm(host_name, name, whole, fault.deed(layout, place, *whole), host.power(place).since)
        if done.deed.undo:
            _note(place, (*there, done))
        try:
            for words in done.deed.do:
                _run(place, done.deed.where, words)
        except BaseException:
            _undo(place, done, also=range(1, 256))
            _note(place, there)
            raise
    return done


def heal(layout: Layout, host_name: str) -> tuple[Harm, ...]:
    """Takes back every fault of a host, the latest first, whoever did it; returns them. Raises TestbedError."""
    place = layout.place(host_name)
    with changing(f"{layout.name}-faults"):
        there = harms(place)
        for index in reversed(range(len(there))):
            _undo(place, there[index])
            _note(place, there[:index])
    return tuple(reversed(there))


@contextmanager
def harmed(layout: Layout, name: str, host_name: str, *arguments: str) -> Iterator[Harm]:
    """A host with a fault for as long as the `with` lasts; at its end it is healed of all it has."""
    try:
        yield harm(layout, name, host_name, *arguments)
    finally:
        heal(layout, host_name)


def harms(place: Place) -> tuple[Harm, ...]:
    """The faults that a host has, in the order in which they were done."""
    try:
        noted = json.loads(_notes(place).read_text())
    except FileNotFoundError:
        return ()
    return tuple(Harm(place.name, one["name"], tuple(one["arguments"]), Deed(
        one["where"], (), tuple(tuple(words) for words in one["undo"]), one["until_reboot"]), one["boot"])
        for one in noted)


def _same_knob(one: Deed, other: Deed) -> bool:
    """Whether the second would take the first one's place, so that neither could be healed exactly."""
    return bool(one.undo) and one.undo == other.undo


def _notes(place: Place) -> Path:
    return place.state / NOTES


def _note(place: Place, all_of_them: tuple[Harm, ...]) -> None:
    noted = [{"name": one.name, "arguments": one.arguments, "where": one.deed.where, "undo": one.deed.undo,
              "until_reboot": one.deed.until_reboot, "boot": one.boot} for one in all_of_them]
    if not noted:
        _notes(place).unlink(missing_ok=True)
        return
    new = _notes(place).with_suffix(".new")
    new.write_text(json.dumps(noted))
    new.replace(_notes(place))


def _undo(place: Place, done: Harm, also: range = range(0)) -> None:
    if done.deed.until_reboot and host.power(place).since != done.boot:
        return
    for words in done.deed.undo:
        _run(place, done.deed.where, words, also)


def _run(place: Place, where: str, words: Words, also: range = range(0)) -> None:
    inside: Words = words
    if where == NET:
        inside = ("nsenter", f"--net={place.namespace}", "--", *words)
    elif where == HOST:
        inside = host.inside(place, *words)
    run(*inside, limit=SECONDS, also=also)
