"""Drift: what runs have written on a site's hosts, and what of it is no longer as they left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from runbook.entries import Entry
from runbook.preimage import Keeper
from runbook.preimage_scripts import SEEN
from runbook.remote.question import Question
from runbook.undo import Standing, standing

ABSENT, FOLDER, FILE = "absent", "folder", "file"
KEPT_SECRET = ""
"""What a journal has instead of the hash of a file with a secret: the host has it, for root alone."""


@dataclass(frozen=True)
class Written:
    """One path as a run left it on a host. `content` is the SHA-256 of a file, `absent` or `folder`."""

    path: str
    run: str
    chapter: str
    content: str
    mode: str = ""                        # as stat(1) says it, without leading zeros
    owner: str = ""                       # user:group
    entry: str = ""                       # of its pre-image, where it holds a secret

    @property
    def kind(self) -> str:
        return self.content if self.content in (ABSENT, FOLDER) else FILE


@dataclass(frozen=True)
class Drifted:
    """A path that is no longer as it was left, and how it differs."""

    was: Written
    how: str

    def __str__(self) -> str:
        return f"{self.was.path}: {self.how}; {self.was.run} left it otherwise ({self.was.chapter or 'no chapter'})"


def left_behind(runs: Iterable[tuple[str, Iterable[Entry]]]) -> dict[str, tuple[Written, ...]]:
    """By host, each path as the last of the runs has left it; what was taken back counts no more.

    The runs come with their names, oldest first.
    """
    found: dict[str, dict[str, Written]] = {}
    for run, entries in runs:
        for step in reversed(standing(entries)):
            of_host = found.setdefault(step.host, {})
            of_host.update({one.path: one for one in _written(run, step)})
    return {host: tuple(paths.values()) for host, paths in found.items()}


def _written(run: str, step: Standing) -> Iterator[Written]:
    told: Mapping[str, str] = step.end.get("written", {})  # type: ignore[assignment]
    actions: list[dict[str, str]] = step.raw["do"]  # type: ignore[assignment]
    by_path = {action["path"]: action for action in actions if "path" in action}
    for path, content in told.items():
        action = by_path.get(path, {})
        one = Written(path, run, step.chapter or "", content, action.get("mode", "").lstrip("0"),
                      action.get("owner", ""))
        yield one if content != KEPT_SECRET else replace(one, entry=Keeper(step.run, step.seq).entry(path))


def question_about(left: tuple[Written, ...]) -> Question[tuple[Drifted, ...]]:
    """What of these paths has drifted, in one question; nothing where all is as it was left."""
    words = tuple(word for one in left for word in (one.path, one.entry, one.mode, one.owner))

    def parse(text: str) -> tuple[Drifted, ...]:
        lines = text.splitlines()
        if len(lines) != len(left):
            raise ValueError(f"{len(lines)} answers about {len(left)} paths")
        differ = ((one, _difference(one, *line.split())) for one, line in zip(left, lines, strict=True))
        return tuple(Drifted(one, how) for one, how in differ if how)

    return Question(replace(SEEN, args=words), parse, "drift")


def _difference(was: Written, kind: str, content: str, rights: str) -> str:
    if kind != was.kind:
        return {ABSENT: "is gone", FOLDER: "is a folder now", FILE: "is a file now"}.get(kind, f"is a {kind} now")
    if was.kind == FILE and was.entry and content == "unknown":
        return ""                         # its pre-image is gone, and with it what it was to be
    if was.kind == FILE and content != ("wanted" if was.entry else was.content):
        return "has another content"
    if was.kind != ABSENT and rights != "right":
        wanted = was.mode if rights == "mode" else was.owner
        return f"has another {rights} than {wanted}"
    return ""
