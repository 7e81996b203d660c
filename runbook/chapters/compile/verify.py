"""Whether what was built is for the target, static, and the same when built again."""

from __future__ import annotations

import hashlib

from runbook.chapters.compile.build import Built
from runbook.chapters.compile.decide import level_variable
from runbook.chapters.compile.figures import build_figures
from runbook.elf import read, verdict_on
from runbook.elf.go import GoBuild
from runbook.targets import Target, load_target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed

EQUAL, BY_GO = "built twice, equal", "built by the site's Go"


def verify_build(built: Built, target: Target) -> Verdicts:
    """Reads the file again; raises BinaryError where it is no binary any more."""
    binary = read(built.path)
    return verdict_on(binary, target) + (
        _twice(built),
        _by_the_sites_go(built, binary.go),
    )


def fits(built: Built) -> Verdict:
    """All of it as one verdict, for the target that the recipe names, with the build's numbers."""
    verdicts = verify_build(built, load_target(built.recipe.target))
    what = f"{built.recipe.service} is what was asked for"
    figures = build_figures(built, read(built.path))
    if not verdicts.ok:
        wrong = "; ".join(f"{one.what}: {one.reason}" for one in verdicts if not one.ok)
        return failed(what, wrong, None, **figures)
    return passed(what, "for the machine that runs it, static, the same when built again", None, **figures)


def _twice(built: Built) -> Verdict:
    """Equal hashes show that no path leaks into the binary, and that linking is repeatable.

    Both builds share Go's cache of compiled packages; that the compiler is repeatable, a long test shows.
    """
    now = hashlib.sha256(built.path.read_bytes()).hexdigest()
    if now != built.sha256:
        return failed(
            EQUAL, f"{built.path.name} is no longer what was built: {now[:12]}, was {built.sha256[:12]}"
        )
    if built.again != built.sha256:
        account = "; ".join(built.differs) or f"{built.sha256[:12]} and {built.again[:12]}"
        return failed(EQUAL, f"the two builds differ: {account}")
    return passed(EQUAL, "two builds in two folders have one SHA-256", None, build=Figure(built.seconds, "s"))


def _by_the_sites_go(built: Built, told: GoBuild | None) -> Verdict:
    """Its version, and the level of the processor, where that Go writes it into the binary."""
    wanted = f"go{built.recipe.go.version}"
    if told is None or told.version != wanted:
        return failed(BY_GO, f"the binary names {told.version if told else 'no Go'}, the site's is {wanted}")
    variable = level_variable(load_target(built.recipe.target).goarch)
    asked = dict(built.recipe.environment).get(variable, "")
    level = told.settings.get(variable, asked)
    if level != asked:
        return failed(BY_GO, f"it counts on {variable}={level}, the target's file says {asked or 'nothing'}")
    return passed(BY_GO, "the binary names the Go that the site asks for")
