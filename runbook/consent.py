"""The consent to change hosts: a protected site wants its name, and once more for what has been done already."""

from __future__ import annotations

from collections.abc import Iterable

from runbook.contents import TEARDOWN
from runbook.entries import Entry
from runbook.errors import DoneAlready, NotConfirmed
from runbook.journal import Journal
from runbook.plan import Plans
from runbook.site import Site
from runbook.verdict import State

DONE = "done"  # a verb that succeeded; where it changed hosts of a protected site, `changes` says what it did
KERNEL = "kernel"  # a chain that starts a chapter: what it repeats was asked for, no cell is run by accident
AGAIN = "again"
Key = tuple[str, str]  # what was done, as a machine knows it and as a person does


class Consent:
    """What one chapter may change on its site; `confirm` is what the operator said."""

    def __init__(self, site: Site, chapter: str, confirm: str, journal: Journal, by: str) -> None:
        self._site = site
        self._chapter = chapter
        self._confirm = confirm
        self._journal = journal
        self._by = by
        self._verb = ""
        self._wanted: tuple[Key, ...] = ()
        self._given: tuple[Key, ...] = ()
        self.done: tuple[str, ...] = ()  # the verbs that succeeded

    def begin(self, verb: str, what: object) -> None:
        """A verb begins; `what` it was given are plans or a function."""
        self._verb, self._wanted, self._given = verb, keys_of(verb, what), ()

    def ask(self) -> None:
        """Raises NotConfirmed where the site is protected and not named, DoneAlready for what has succeeded before."""
        name = self._site.name
        if not self._site.protected:
            return
        if self._confirm not in (name, f"{name} {AGAIN}"):
            raise NotConfirmed(f"{name} is protected: these changes are not confirmed",
                               next=f"read the plan above, then `--confirm {name}` "
                                    f"or confirm = \"{name}\" in the parameters cell")
        before = done_in(self._journal.entries(), self._chapter)
        again = [(text, before[key]) for key, text in self._wanted if key in before]
        if again and self._confirm == name:
            raise DoneAlready(
                f"{name} is protected, and this has been done in {self._journal.folder.name}: {_told(again)}",
                next=f"nothing was changed; go on with the next cell. To do it again, confirm = \"{name} {AGAIN}\" "
                     "in the parameters cell, and run from there")
        self._journal.write("approval", what="confirm", by=self._by, reason=f"confirm {self._confirm}")
        self._given = self._wanted

    def end(self) -> None:
        """The verb succeeded: the journal is told, and what of a protected site it changed."""
        changes = {"changes": [key for key, _ in self._given]} if self._given else {}
        self._journal.write("note", about=DONE, text=self._verb, **changes)
        self.done += (self._verb,)


def keys_of(verb: str, what: object) -> tuple[Key, ...]:
    """By what a verb's work is known when it comes again: the steps of its plans, or the name of its function."""
    if isinstance(what, Plans):
        return tuple((f"{host} {step.id}", f"{host}: {step.why}") for host, plan in what.items() for step in plan)
    name = getattr(what, "__qualname__", type(what).__qualname__)
    return ((f"{verb} {name}", f"{verb} by `{name}`"),)


def done_in(entries: Iterable[Entry], chapter: str) -> dict[str, int]:
    """What of a chapter's changes has succeeded and was neither taken back nor to be tried anew: key and line."""
    found: dict[str, int] = {}
    for one in entries:
        if one.kind == "chapter" and one.phase == "end":
            failed = one.chapter == chapter and one.get("state") in (State.FAIL, State.BLOCKED)
            if failed or one.chapter == TEARDOWN:
                found.clear()
        elif one.kind == "note" and one.get("about") == KERNEL:
            found.clear()
        elif one.kind == "note" and one.get("about") == DONE and one.chapter == chapter:
            changes = one.get("changes")
            found |= dict.fromkeys(changes if isinstance(changes, list) else (), one.line)
    return found


def _told(again: list[tuple[str, int]]) -> str:
    first, line = again[0]
    more = f", and {len(again) - 1} more" if len(again) > 1 else ""
    return f"{first} (journal, line {line}){more}"
