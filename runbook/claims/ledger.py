"""The ledger: every statement of the article as data, with the test that decides it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runbook.checks import between, each_of, one_of, shaped
from runbook.errors import RunbookError
from runbook.table import Reading, entry, read_table, unknown
from runbook.toml_lines import lines_of

FILE = Path(__file__).resolve().parent / "ledger.toml"

CHAPTERS = ("00_start", "01_abi_inspection", "02_toolchain_build", "03_static_compile", "04_container_deploy",
            "05_etcd_mtls", "06_observability", "07_tracing_and_logs", "08_load_test", "09_acceptance")

WHERE = {"H": "on the target's own hardware only", "X": "on any Linux",
         "Q": "by inspection, for another architecture, or emulated"}
SENTENCE = shaped(r"\S(.*\S)?", "text")


class LedgerError(RunbookError):
    """The ledger's own file is wrong."""


@dataclass(frozen=True)
class Claim:
    """One statement; `[[claim]]`."""

    id: str = entry("section of the article and a letter", check=shaped(r"\d(\.\d)?-[a-z]", "such as 2.3-f"))
    chapter: str = entry("which judges it", check=one_of(*CHAPTERS))
    article: str = entry("what the article claims", check=SENTENCE)
    why: str = entry("why it is expected to hold or not, or on what it depends", check=SENTENCE)
    evidence: str = entry("the source of the expectation", check=SENTENCE)
    test: str = entry("how it is decided, and what passes", check=SENTENCE)
    where: tuple[str, ...] = entry("where the test can run", check=each_of(WHERE))
    expected: bool | None = entry("what public sources say; absent: unknown, or it depends", None)
    article_zh: str = entry("a short exact quotation", "", check=SENTENCE)
    kind: str = entry("a trap is not said by the article, but bites", "claim", check=one_of("claim", "trap"))
    cannot_judge: str = entry("what is missing to decide it, where nothing can", "", check=SENTENCE)

    def __str__(self) -> str:
        return f"{self.id}: {self.article}"


@dataclass(frozen=True)
class Number:
    """One of the article's figures; `[[number]]`."""

    name: str = entry("dotted, as in the run's summary",
                      check=shaped(r"[a-z0-9_]+(\.[a-z0-9_]+)+", "a dotted name"))
    section: str = entry("of the article", check=shaped(r"\d(\.\d)?", "such as 2.3"))
    chapter: str = entry("which measures it", check=one_of(*CHAPTERS))
    unit: str = entry("of the figure", check=SENTENCE)
    measure: str = entry("what is measured beside it", check=SENTENCE)
    value: float | None = entry("the article's figure", None, check=between(0, 1e9))
    spread: float | None = entry("the article's plus and minus", None, check=between(0, 1e9))
    relation: str = entry("how the article puts it", "exactly",
                          check=one_of("exactly", "about", "at most", "more than", "no figure"))

    def __str__(self) -> str:
        if self.value is None:
            return "no figure"
        relation = "" if self.relation == "exactly" else f"{self.relation} "
        spread = "" if self.spread is None else f" ± {self.spread:g}"
        return f"{relation}{self.value:g}{spread} {self.unit}"


@dataclass(frozen=True)
class Ledger:
    """All claims and numbers, in the article's order."""

    schema: int = entry("of the file", check=between(1, 1))
    claims: tuple[Claim, ...] = entry("statements", name="claim")
    numbers: tuple[Number, ...] = entry("figures", name="number")

    def claim(self, id: str) -> Claim:
        """The claim of that id; raises LedgerError with the nearest known one."""
        for one in self.claims:
            if one.id == id:
                return one
        raise LedgerError(f"claim `{id}`: {unknown('claim', id, [one.id for one in self.claims])}",
                          next="claims are listed in runbook/claims/ledger.toml")

    def of_chapter(self, chapter: str) -> tuple[Claim, ...]:
        """The claims that a chapter judges."""
        return tuple(one for one in self.claims if one.chapter == chapter)

    def numbers_of(self, chapter: str) -> tuple[Number, ...]:
        """The figures that a chapter measures."""
        return tuple(one for one in self.numbers if one.chapter == chapter)

    def __str__(self) -> str:
        return f"{len(self.claims)} claims, {len(self.numbers)} numbers"


@cache
def load_ledger() -> Ledger:
    """The ledger of the project; raises LedgerError where its file is damaged."""
    return read_ledger(FILE.read_text("utf-8"))


def read_ledger(text: str) -> Ledger:
    """A ledger from TOML; raises LedgerError with line and key of everything that is wrong."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:
        raise LedgerError(f"{FILE.name}: not TOML: {error}", next="mend that line") from error
    reading = Reading(FILE.name, FILE.parent, lines_of(text))
    values = read_table(Ledger, document, reading)
    if not reading.problems:
        _contradictions(Ledger(**values), reading)
    if reading.problems:
        raise LedgerError("\n".join(reading.in_order()), next="mend runbook/claims/ledger.toml")
    return Ledger(**values)


def _contradictions(ledger: Ledger, reading: Reading) -> None:
    ids, numbers = [one.id for one in ledger.claims], [one.name for one in ledger.numbers]
    for table, names in (("claim", ids), ("number", numbers)):
        for index, name in enumerate(names):
            if name in names[:index]:
                reading.refuse((table, index), f"{name} stands twice")
    for index, claim in enumerate(ledger.claims):
        if bool(claim.where) == bool(claim.cannot_judge):
            reading.refuse(("claim", index), f"{claim.id} needs `where`, or `cannot_judge` with the reason")
        if claim.kind == "trap" and claim.article_zh:
            reading.refuse(("claim", index), f"{claim.id} is a trap: the article does not say it")
    for index, number in enumerate(ledger.numbers):
        if (number.value is None) != (number.relation == "no figure"):
            reading.refuse(("number", index), f"{number.name}: `value` and `relation` contradict each other")
