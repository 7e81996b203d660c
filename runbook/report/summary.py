"""summary.json: what a run came to, told by its journal and its site file alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.claims.judge import row
from runbook.claims.ledger import Claim, load_ledger
from runbook.contents import CONTENTS, TEARDOWN
from runbook.entries import Entry, check, entries
from runbook.report.account import Account, ChapterAccount, account_of
from runbook.site import Site, load_site
from runbook.verdict import Basis, Figure, State, Verdict

SCHEMA = 1
NAME = "summary.json"
INTERRUPTED = 130  # 128 and SIGINT, as a shell says it


@dataclass(frozen=True)
class HostSummary:
    """What a host is; empty texts where nobody asked it."""

    machine: str = ""
    os: str = ""
    kernel: str = ""


@dataclass(frozen=True)
class ChapterSummary:
    """One chapter: its state, why, and what it changed and found."""

    name: str
    state: State
    reason: str
    seconds: float
    changes: Mapping[str, int]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class ClaimSummary:
    """*Article says / measured here*, for one row of the ledger."""

    id: str
    state: str  # judged, not-measurable or pending
    article: str
    measured: str
    holds: bool | None
    why: str
    basis: Basis


@dataclass(frozen=True)
class Summary:
    """A run in figures; `exit_code` is what the command line ends with."""

    run: str
    site: str
    target: str
    mode: str
    started: str
    seconds: float
    state: str
    reason: str
    lines: int
    head: str
    hosts: Mapping[str, HostSummary]
    chapters: tuple[ChapterSummary, ...]
    claims: tuple[ClaimSummary, ...]

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 something failed, 3 blocked or nothing passed, 130 interrupted; 1 beats 3."""
        if self.state == "interrupted":
            return INTERRUPTED
        states = {chapter.state for chapter in self.chapters}
        if State.FAIL in states:
            return 1
        return 0 if State.PASS in states and State.BLOCKED not in states else self._nothing_passed(states)

    def _nothing_passed(self, states: set[State]) -> int:
        """A check run whose chapters all wait for pending changes is no failure."""
        waits = self.mode == "check" and State.BLOCKED not in states and bool(states)
        return 0 if waits and any(chapter.verdicts for chapter in self.chapters) else 3

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def verdicts(self) -> tuple[tuple[ChapterSummary, Verdict], ...]:
        return tuple((chapter, verdict) for chapter in self.chapters for verdict in chapter.verdicts)

    @property
    def changes(self) -> dict[str, int]:
        """Everything that was altered, by host."""
        found = dict.fromkeys(self.hosts, 0)
        for chapter in self.chapters:
            for host, count in chapter.changes.items():
                found[host] = found.get(host, 0) + count
        return found

    @property
    def numbers(self) -> dict[str, Figure]:
        """Every figure by a dotted name: its own, or chapter, figure, host; and what was judged, where two share one.

        A figure that has a dotted name already keeps it, with the host after it where it is of one.
        """
        found: dict[str, Figure] = {}
        for chapter, verdict in self.verdicts:
            for name, figure in verdict.figures.items():
                tail = [figure.host] if figure.host else []
                dotted = ".".join([*([] if "." in name else [chapter.name[3:]]), name, *tail])
                if dotted in found:
                    dotted = ".".join([chapter.name[3:], slug(verdict.what), name, *tail])
                found[dotted] = figure
        return found

    def to_dict(self) -> dict[str, object]:
        """As contract.md has it, schema 1."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "site": self.site,
            "mode": self.mode,
            "started": self.started,
            "seconds": self.seconds,
            "ok": self.ok,
            "state": self.state,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "journal": {"lines": self.lines, "head": self.head},
            "target": self.target,
            "hosts": {name: vars(host) for name, host in self.hosts.items()},
            "chapters": [_chapter(chapter) for chapter in self.chapters],
            "claims": [vars(claim) for claim in self.claims],
            "numbers": {name: figure.to_dict() for name, figure in self.numbers.items()},
        }


def summarize(folder: Path) -> Summary:
    """The summary of the run in `folder`. Raises JournalDamaged where its journal does not hold."""
    journal = folder / "journal.jsonl"
    told = entries(journal)
    seen = check(journal)
    return summary_of(folder.name, account_of(told[: seen.lines]), load_site(folder / "site.toml"), seen.head)


def summary_of(run: str, account: Account, site: Site, head: str) -> Summary:
    """The same of an account that was read already."""
    return Summary(
        run=run,
        site=account.site or site.name,
        target=account.target or site.target,
        mode=account.mode,
        started=account.started,
        seconds=account.seconds,
        state=account.state,
        reason=account.reason,
        lines=len(account.entries),
        head=head,
        hosts={host.name: _host(account.facts().get(host.name, {})) for host in site.hosts},
        chapters=tuple(_chapters(account)),
        claims=tuple(_claims(account, load_ledger().claims)),
    )


def write_summary(folder: Path) -> Summary:
    """Writes summary.json of a run, whole or not at all, and returns what is in it."""
    summary = summarize(folder)
    path, new = folder / NAME, folder / f".{NAME}.{os.getpid()}"
    new.write_text(json.dumps(summary.to_dict(), indent=1, ensure_ascii=False) + "\n")
    new.replace(path)
    return summary


def slug(text: str) -> str:
    """A text as a part of a dotted name: small letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _chapters(account: Account) -> Iterator[ChapterSummary]:
    for title in CONTENTS:
        seen = account.chapters.get(title.name)
        if seen is not None:
            yield _of(seen)
        elif title.name != TEARDOWN:  # never part of a chain; where it ran, it is told
            state, reason = _never_begun(account)
            yield ChapterSummary(title.name, state, reason, 0.0, {}, ())


def _of(seen: ChapterAccount) -> ChapterSummary:
    return ChapterSummary(seen.name, seen.state, seen.reason, round(seen.seconds, 3), seen.changes, seen.verdicts)


def _never_begun(account: Account) -> tuple[State, str]:
    if account.interrupted:
        return State.BLOCKED, "the run was interrupted before it"
    if account.open:
        return State.SKIPPED, "it has not been run yet"
    return State.SKIPPED, "it was not asked for"


def _claims(account: Account, claims: Iterable[Claim]) -> Iterator[ClaimSummary]:
    judged = account.claims()
    for claim in claims:
        told: Mapping[str, object] = row(claim)
        if line := judged.get(claim.id):
            told = {**told, **{name: line.fields[name] for name in told if line.get(name) is not None}}
        yield ClaimSummary(
            id=claim.id,
            state=str(told["state"]),
            article=claim.article,
            measured=str(told["measured"]),
            holds=told["holds"] if isinstance(told["holds"], bool) else None,
            why=str(told["why"]),
            basis=Basis(str(told["basis"])),
        )


def _host(facts: Mapping[str, Entry]) -> HostSummary:
    """From the answers to `uname` and `os_release`, where a host gave them."""
    uname, release = (_fact(facts, name) for name in ("uname", "os_release"))
    return HostSummary(
        machine=str(uname.get("machine", "")),
        os=str(release.get("pretty_name") or release.get("name") or ""),
        kernel=str(uname.get("release") or uname.get("kernel") or ""),
    )


def _fact(facts: Mapping[str, Entry], question: str) -> Mapping[str, object]:
    fact = facts[question].get("fact") if question in facts else None
    return fact if isinstance(fact, Mapping) else {}


def _chapter(chapter: ChapterSummary) -> dict[str, object]:
    return {**vars(chapter), "verdicts": [_verdict(verdict) for verdict in chapter.verdicts]}


def _verdict(verdict: Verdict) -> dict[str, object]:
    figures = {name: figure.to_dict() for name, figure in verdict.figures.items()}
    return {
        "what": verdict.what,
        "host": verdict.host,
        "state": verdict.state,
        "reason": verdict.reason,
        "figures": figures,
        "journal": list(verdict.journal) if verdict.journal else None,
    }
