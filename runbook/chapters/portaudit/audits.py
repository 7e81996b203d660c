"""The audits of one run: every module that is compiled for the target, one beside the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.compile.modules import modfile_for
from runbook.chapters.pictures import keep
from runbook.chapters.portaudit.audit import Audit, audit
from runbook.chapters.portaudit.picture import audit_picture
from runbook.chapters.toolchain.observe import find_go
from runbook.show.picture import Picture
from runbook.show.tables import table

ARTEFACT = "port-audit-"
"""Of each audit among a run's artefacts, with the module's name behind; the compatibility matrix reads them."""
KEPT = "port-audits"
"""The folder beside the runs for audits that belong to none."""


@dataclass(frozen=True, repr=False)
class Audits:
    """By the module's name."""

    of: Mapping[str, Audit] = field(hash=False)

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.of.values())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(escape(name), str(one.packages), str(one.builds), str(one.failing), str(one.waiting))
                for name, one in self.of.items()]
        whole = table(("module", "packages", "build", "fail", "wait for these"), rows)
        return whole + "".join(one._repr_html_() for one in self.of.values() if not one.ok)


def audit_all(chapter: Chapter, modules: Mapping[str, Path], flags: Mapping[str, tuple[str, ...]]) -> Audits:
    """Audits each for the site's target, with the modules that its Go is to compile, and keeps it among the run's
    artefacts. `flags` are those of a module's builds, by its name. Raises Blocked as `audit` does."""
    go, wanted = find_go(chapter.site, chapter.local), chapter.site.toolchain.modules
    found = {name: audit(folder, go, chapter.target, chapter.local, modfile=modfile_for(folder, go, wanted),
                         flags=flags.get(name, ()))
             for name, folder in modules.items()}
    for name, one in found.items():
        path = chapter.run.artifacts / f"{ARTEFACT}{name}.json"
        path.write_text(one.to_json() + "\n", "utf-8")
        chapter.run.keep(path.name, path)
    return Audits(found)


def audit_pictures(chapter: Chapter, audits: Audits) -> Picture:
    """Keeps one picture a module for the report; the largest is the one that a cell shows."""
    kept = [keep(chapter, audit_picture(one, name)) for name, one in audits.of.items()]
    largest = max(range(len(kept)), key=lambda at: list(audits.of.values())[at].packages)
    return kept[largest]
