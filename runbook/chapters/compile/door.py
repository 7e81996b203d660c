"""What the compile chapter does: the functions that its notebook calls."""

from __future__ import annotations

import shutil

from runbook.chapter import Chapter
from runbook.chapters.compile import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.compile import observe
from runbook.chapters.compile.build import KEPT, Built, build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.evidence import Evidence, evidence
from runbook.chapters.compile.figures import build_figures
from runbook.chapters.compile.observe import Ingredients
from runbook.chapters.compile.verify import EQUAL, verify_build
from runbook.elf import read
from runbook.site import Site
from runbook.targets import Target
from runbook.verdict import Verdicts, passed

HOME = KEPT / "home"
"""What a build sees as its home folder: nothing of the person's own gets into it."""


def ingredients(chapter: Chapter) -> Ingredients:
    """The site's Go and the service's sources. Raises Blocked with the mending command where one is missing."""
    return observe.ingredients(chapter.site, chapter.local)


def recipe(seen: Ingredients, site: Site, target: Target) -> Recipe:
    """How the site's service is built for the target. Raises Blocked where this Go cannot."""
    return recipe_for(site.service.name, seen.sources, seen.go, target, HOME)


def built(chapter: Chapter, recipe: Recipe) -> Built:
    """Builds twice, and puts the binary among the run's artefacts. Raises BuildFailed."""
    HOME.mkdir(parents=True, exist_ok=True)
    made = build(recipe, chapter.local)
    shutil.copy2(made.path, chapter.run.artifacts / recipe.service)
    chapter.run.keep(recipe.service, chapter.run.artifacts / recipe.service)
    return made


def is_what_was_asked_for(chapter: Chapter, made: Built) -> Verdicts:
    """The verdicts on the binary, read again, with the numbers of the build."""
    figures = build_figures(made, read(made.path))
    told = verify_build(made, chapter.target)
    return Verdicts(tuple(
        passed(one.what, one.reason, one.host, **{**one.figures, **figures}) if one.what == EQUAL and one.ok else one
        for one in told))


def evidence_of(chapter: Chapter, made: Built) -> Evidence:
    """What the chapter's claims are judged by: `chapter.judge(door.evidence_of(chapter, binary))`."""
    return evidence(made, chapter.target, chapter.local)
