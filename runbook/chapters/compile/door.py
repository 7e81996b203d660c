"""What the compile chapter does: the functions that its notebook calls."""

from __future__ import annotations

import shutil

from runbook.chapter import Chapter
from runbook.chapters.compile import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.compile import observe
from runbook.chapters.compile.artefacts import Artefacts, Recipes
from runbook.chapters.compile.build import KEPT, build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.evidence import Evidence, evidence
from runbook.chapters.compile.figures import build_figures
from runbook.chapters.compile.observe import Ingredients
from runbook.chapters.compile.others import other_recipes
from runbook.chapters.compile.verify import EQUAL, fits, verify_build
from runbook.chapters.etcd.programs import MODULE
from runbook.chapters.portaudit.audits import Audits, audit_all, audit_pictures
from runbook.elf import read
from runbook.site import Site
from runbook.targets import Target
from runbook.verdict import Verdicts, passed

__all__ = ["are_what_was_asked_for", "audit_pictures", "built", "evidence_of", "ingredients", "port_audits", "recipes"]

HOME = KEPT / "home"
"""What a build sees as its home folder: nothing of the person's own gets into it."""


def ingredients(chapter: Chapter) -> Ingredients:
    """The site's Go, the service's sources, and the hosts' machines as 00_start found them.

    Raises Blocked with the mending command where Go or the sources are missing.
    """
    machines = {host: str(fact.get("machine", "")) for host, fact in chapter.run.facts("uname").items()}
    return observe.ingredients(chapter.site, chapter.local, machines=machines)


def port_audits(chapter: Chapter) -> Audits:
    """What of the service, and of etcd where the site has it, builds for the target, and why not the rest.

    Raises Blocked as `ingredients` does.
    """
    modules = {"services": observe.SERVICES} | ({"etcd": MODULE} if chapter.site.hosts_with("etcd") else {})
    return audit_all(chapter, modules)


def recipes(seen: Ingredients, site: Site, target: Target) -> Recipes:
    """How the site's service is built for the target, and what else the run needs. Raises Blocked where Go cannot."""
    deployed = recipe_for(seen.forms[0], seen.sources, seen.go, target, HOME)
    return Recipes(deployed, tuple(other_recipes(seen, site, target, HOME)))


def built(chapter: Chapter, wanted: Recipes) -> Artefacts:
    """Builds each twice, and puts the service among the run's artefacts, by its own name the form that is deployed.

    Raises BuildFailed.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    made = Artefacts(build(wanted.deployed, chapter.local), tuple(build(one, chapter.local) for one in wanted.others))
    kept = chapter.run.artifacts / chapter.site.service.name
    shutil.copy2(made.deployed.path, kept)
    chapter.run.keep(chapter.site.service.name, kept)
    return made


def are_what_was_asked_for(chapter: Chapter, made: Artefacts) -> Verdicts:
    """The verdicts on the deployed binary, each by itself, and one on each other; all read again."""
    figures = build_figures(made.deployed, read(made.deployed.path))
    told = verify_build(made.deployed, chapter.target)
    deployed = Verdicts(tuple(
        passed(one.what, one.reason, one.host, **{**one.figures, **figures}) if one.what == EQUAL and one.ok else one
        for one in told))
    return deployed + (fits(one) for one in made.others)


def evidence_of(chapter: Chapter, made: Artefacts) -> Evidence:
    """What the chapter's claims are judged by: `chapter.judge(door.evidence_of(chapter, artefacts))`."""
    return evidence(made.deployed, chapter.target, chapter.local)
