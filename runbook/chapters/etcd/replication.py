"""A write on one member, read on the others."""

from __future__ import annotations

import secrets

from runbook.chapter import Chapter
from runbook.chapters.etcd.layout import CLIENT_PORT
from runbook.chapters.etcd.start import check_words
from runbook.chapters.etcd.wanted import Wanted
from runbook.remote.command import Command
from runbook.remote.shell import Shell
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed

REPLICATED = "a write is read on every member"
KEYS = "/runbook/check/"
"""Every key that the chapter writes begins so; each is deleted again."""


def ask_member(*words: str, limit: float = 15.0) -> Command:
    """An etcdctl command to the member on the host itself."""
    own = check_words(f"https://127.0.0.1:{CLIENT_PORT}")
    return Command((*own, "--command-timeout", "5s", *words), sudo=True, limit=limit)


def written_and_read(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """The first member writes a new value, each reads it from its own; the key is deleted again."""
    members = chapter.fleet.with_role("etcd")
    writer, key, value = members.names[0], f"{KEYS}replicated", secrets.token_hex(8)
    wrote = members[writer].run(ask_member("put", key, value))
    try:
        outcomes = members.each(lambda shell: _read(shell, key))
    finally:
        members[writer].run(ask_member("del", key))
    found: list[Verdict] = []
    for host in members.names:
        if host in outcomes.errors:
            found.append(failed(REPLICATED, outcomes.errors[host].what, host))
            continue
        text, seconds = outcomes[host]
        basis = chapter.basis_for(host)
        figures = {"get_call": Figure(round(seconds * 1e3, 1), "ms", host, basis)}
        if host == writer:
            figures["put_call"] = Figure(round(wrote.seconds * 1e3, 1), "ms", host, basis)
        if text != value:
            found.append(failed(REPLICATED, f"{writer} wrote a new value, {host} reads another", host, **figures))
        else:
            where = "its own write" if host == writer else f"what {writer} wrote"
            found.append(passed(REPLICATED, f"it reads {where}", host, **figures))
    return Verdicts(tuple(found))


def _read(shell: Shell, key: str) -> tuple[str, float]:
    """What the host's own member has, and the seconds of the whole call: process, TLS and read."""
    result = shell.run(ask_member("get", key, "--print-value-only"))
    return result.text.strip(), result.seconds
