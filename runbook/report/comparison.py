"""Two runs side by side: what is otherwise in the second, and what of that is worse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from runbook.entries import check, entries
from runbook.errors import ParameterError
from runbook.report.account import Account, account_of
from runbook.report.noise import Noise, better_is, says_noise, spread_of
from runbook.report.summary import Summary, summary_of
from runbook.report.words import shown_figure
from runbook.site import load_site
from runbook.verdict import Figure, State

WORSE, BETTER, OTHER = "worse", "better", "different"
KINDS = ("run", "chapters", "verdicts", "claims", "figures", "hashes", "facts", "plans")
SHOWN = 8  # differences of a kind on a terminal that are neither worse nor better
ABSENT = "not there"
SIGNATURES = re.compile(r"\.intoto\.json$|^trust\.json$")
PLACED = re.compile(r"(/(?:envelope|trust)\.json \(\S+ \S+\)): sha256 [0-9a-f]{64}")  # as a plan shows it
ORDER = (State.PASS, State.SKIPPED, State.BLOCKED, State.FAIL)  # from the best


@dataclass(frozen=True)
class Told:
    """A run to compare: its summary, and the account of its journal."""

    summary: Summary
    account: Account

    @classmethod
    def of(cls, folder: Path) -> Told:
        """Reads the run in `folder`. Raises JournalDamaged."""
        journal = folder / "journal.jsonl"
        account = account_of(entries(journal))
        return cls(summary_of(folder.name, account, load_site(folder / "site.toml"), check(journal).head), account)


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise: its kind, what it is, before and after, and which way."""

    kind: str
    what: str
    before: str
    after: str
    way: str = OTHER

    def __str__(self) -> str:
        return f"{self.what}: {' '.join(self.before.split())} → {' '.join(self.after.split())}"


@dataclass(frozen=True)
class Comparison:
    """What differs between `first` and `second`, and how many figures stayed within their noise."""

    first: str
    second: str
    differences: tuple[Difference, ...]
    within: int

    @property
    def regressed(self) -> bool:
        """Whether anything is worse in the second run."""
        return any(one.way == WORSE for one in self.differences)

    def of(self, kind: str) -> tuple[Difference, ...]:
        """The differences of a kind, the worse ones first."""
        own = [one for one in self.differences if one.kind == kind]
        return tuple(sorted(own, key=lambda one: (WORSE, BETTER, OTHER).index(one.way)))

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        worse = sum(one.way == WORSE for one in self.differences)
        better = sum(one.way == BETTER for one in self.differences)
        return (f"{'regressed' if worse else 'no worse'}: {worse} worse, {better} better, "
                f"{len(self.differences) - worse - better} different; {self.within} figures within their noise")

    def __str__(self) -> str:
        lines = [f"{self.first} → {self.second}: {self.verdict}"]
        for kind in KINDS:
            shown = [one for number, one in enumerate(self.of(kind)) if one.way != OTHER or number < SHOWN]
            lines += [f"{kind}:"] if shown else []
            lines += [f"  {({WORSE: '✗', BETTER: '✓'}).get(one.way, '·')} {str(one)[:240]}" for one in shown]
            left = len(self.of(kind)) - len(shown)
            lines += [f"  · {left} more; --html FILE has them all"] if left else []
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """For other systems, schema 1."""
        return {"schema": 1, "first": self.first, "second": self.second, "regressed": self.regressed,
                "within_noise": self.within, "differences": [asdict(one) for one in self.differences]}


def compare(first: Told, second: Told, noise: Noise, earlier: Sequence[Summary] = ()) -> Comparison:
    """What `second` has otherwise than `first`; `earlier` runs say how far each figure varies by itself.

    Raises ParameterError where the two are of different sites or targets: nothing of them is comparable.
    """
    for name in ("site", "target"):
        one, other = getattr(first.summary, name), getattr(second.summary, name)
        if one != other:
            raise ParameterError(f"{first.summary.run} is of the {name} {one}, {second.summary.run} of {other}",
                                 next="compare two runs of one site and target; `runbook status` lists the runs")
    figures, within = _figures(first.summary, second.summary, noise, spread_of(earlier))
    return Comparison(
        first.summary.run, second.summary.run,
        (*_run(first, second), *_states(first, second), *figures,
         *_texts("claims", _claims(first.summary), _claims(second.summary)),
         *_texts("hashes", _hashes(first.account), _hashes(second.account)),
         *_texts("facts", _facts(first.account), _facts(second.account)),
         *_texts("plans", _plans(first.account), _plans(second.account))),
        within,
    )


def _run(first: Told, second: Told) -> Iterator[Difference]:
    yield from _texts("run", _about(first), _about(second))


def _about(told: Told) -> dict[str, str]:
    """Versions: of the runbook, and of each host's system."""
    hosts = {f"{host}: {name}": str(value) for host, seen in told.summary.hosts.items()
             for name, value in vars(seen).items()}
    return {"version of the runbook": told.account.version, "mode": told.summary.mode,
            "outcome": told.summary.state, **hosts}


def _states(first: Told, second: Told) -> Iterator[Difference]:
    """Chapters and verdicts by their states: away from `pass` is worse."""
    for kind, seen in (("chapters", _chapter_states), ("verdicts", _verdict_states)):
        before, after = seen(first.summary), seen(second.summary)
        for what in dict.fromkeys([*before, *after]):
            if before.get(what) != after.get(what):
                yield Difference(kind, what, str(before.get(what, ABSENT)), str(after.get(what, ABSENT)),
                                 _way_of(before.get(what), after.get(what)))


def _way_of(before: State | None, after: State | None) -> str:
    """A verdict that was there and is gone is worse only where it had passed: nobody looked again."""
    if before is None or after is None:
        gone = before is State.PASS
        return WORSE if gone or after in (State.FAIL, State.BLOCKED) else OTHER
    return WORSE if ORDER.index(after) > ORDER.index(before) else BETTER


def _figures(first: Summary, second: Summary, noise: Noise,
             spread: Mapping[str, float]) -> tuple[list[Difference], int]:
    before, after = first.numbers, second.numbers
    found, within = [], 0
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if says_noise(name):
            continue
        if one is None or other is None or (one.unit, one.basis) != (other.unit, other.basis):
            found.append(Difference("figures", name, str(one or ABSENT), str(other or ABSENT)))
        elif abs(other.value - one.value) <= noise.band(name, one, before, after, spread):
            within += 1
        else:
            found.append(Difference("figures", name, _shown(one), _shown(other), _figure_way(one, other)))
    return found, within


def _figure_way(before: Figure, after: Figure) -> str:
    better = better_is(before.unit)
    if not better:
        return OTHER
    return BETTER if (after.value > before.value) is (better == "more") else WORSE


def _shown(figure: Figure) -> str:
    basis = "" if str(figure.basis) == "native" else f" ({figure.basis})"
    return shown_figure(figure.value, figure.unit) + basis


def _texts(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for what in dict.fromkeys([*before, *after]):
        if before.get(what) != after.get(what):
            yield Difference(kind, what, before.get(what, ABSENT), after.get(what, ABSENT))


def _chapter_states(summary: Summary) -> dict[str, State]:
    return {chapter.name: chapter.state for chapter in summary.chapters}


def _verdict_states(summary: Summary) -> dict[str, State]:
    """Of several verdicts on one thing the last."""
    return {f"{chapter.name[3:]}: {one.what}{f' ({one.host})' if one.host else ''}": one.state
            for chapter, one in summary.verdicts}


def _claims(summary: Summary) -> dict[str, str]:
    named = {True: "holds", False: "does not hold", None: "not decided"}
    return {one.id: named[one.holds] if one.state == "judged" else one.state for one in summary.claims}


def _hashes(account: Account) -> dict[str, str]:
    """Without signatures and keys: those are others in every run, also over the same bytes."""
    return {str(one.get("name")): str(one.get("sha256")) for one in account.notes("artifact")
            if not SIGNATURES.search(str(one.get("name")))}


def _facts(account: Account) -> dict[str, str]:
    return {f"{host}: {question}": str(note.get("text")) for host, of in account.facts().items()
            for question, note in of.items()}


def _plans(account: Account) -> dict[str, str]:
    return {f"{chapter.name[3:]}: {plan.host}": PLACED.sub(r"\1", str(plan.get("diff") or "nothing to do"))
            for chapter in account.chapters.values() for plan in chapter.plans}
