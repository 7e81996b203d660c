"""A host while it compiles: locked for the run, its folder made, and what is brought there named by content."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from runbook.chapter import Chapter
from runbook.chapters.buildhost.decide import FOLDER, Place
from runbook.chapters.buildhost.observe import BuildHost
from runbook.chapters.buildhost.parcel import content_of
from runbook.perform import perform
from runbook.remote.command import Script, command
from runbook.remote.strict import StrictShell
from runbook.remote.tree import Tree

KEPT = 3  # contents of a kind: what sites and targets use in turn
TRIM = Script(r"""
for kind in go sources; do
    [ -d "$1/$kind" ] || continue
    ls -1t -- "$1/$kind" | tail -n "+$(($2 + 1))" | while read -r old; do rm -rf -- "$1/$kind/$old"; done
done
""", limit=300.0)


@dataclass(frozen=True)
class Bench:
    """The host as it was seen, and a shell there; `renew` keeps its lock."""

    seen: BuildHost
    shell: StrictShell
    renew: Callable[[], object] = lambda: None
    _sending: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.seen.name

    def bring(self, tree: Tree, kind: str) -> str:
        """Sends what is not there yet into a folder named by its content, and returns that. Raises TransferFailed and
        the errors of a host."""
        place = f"{FOLDER}/{kind}/{content_of(tree)}"
        with self._sending:
            self.shell.put_folder(tree, place)
            self.shell.run(command("touch", "--", place))  # of use now: not among the first to go
        return place

    def add(self, tree: Tree, place: str) -> None:
        """Sends what is not there yet into a folder that holds more. Raises as `bring` does."""
        with self._sending:
            self.shell.put_folder(tree, place)

    def trim(self) -> None:
        """Of the Gos and sources that were brought, those that were of use last stay."""
        self.shell.run(TRIM.command(FOLDER, str(KEPT)))

    def drop(self, place: str) -> None:
        """Removes a folder of a build that has been fetched."""
        self.shell.run(command("rm", "-rf", "--", place, limit=120.0))


def bench(chapter: Chapter, place: Place | None) -> Bench | None:
    """Takes the host for the run, and makes its folder: a step of the run, which `undo` takes back.

    None: what is to be done is done here, as always in check mode, where nothing is put on a host. Raises
    NotConfirmed, LockHeld and the errors of a host.
    """
    if place is None:
        return None
    name = place.host.name
    if chapter.check:
        chapter.note("build host", f"check mode: nothing is put on {name}, so it is built here")
        return None

    def renew() -> None:
        chapter.take_hosts([name])

    renew()
    shell = chapter.fleet[name]
    perform(place.plan, shell, chapter.run.journal, run=chapter.run.name, check=False)
    return Bench(place.host, shell, renew)
