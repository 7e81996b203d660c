"""What the compile chapter does: the functions that its notebook calls."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.buildhost.bench import bench
from runbook.chapters.buildhost.decide import place_for
from runbook.chapters.buildhost.observe import build_host
from runbook.chapters.compile import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.compile import observe
from runbook.chapters.compile.artefacts import Artefacts, Recipes
from runbook.chapters.compile.bill import ENDING as BILL
from runbook.chapters.compile.bill import bill_of
from runbook.chapters.compile.build import HOME
from runbook.chapters.compile.decide import TAGS, recipe_for
from runbook.chapters.compile.evidence import LDD, Evidence, evidence
from runbook.chapters.compile.figures import build_figures
from runbook.chapters.compile.licences import Licence, licence_of, unknown
from runbook.chapters.compile.observe import Ingredients
from runbook.chapters.compile.on_host import OnHost
from runbook.chapters.compile.others import other_recipes
from runbook.chapters.compile.packages import sizes_of
from runbook.chapters.compile.passport import ENDING, BinaryPassport, Passports, passport, verify_passports
from runbook.chapters.compile.sealing import are_signed, sealed
from runbook.chapters.compile.side_by_side import build_all
from runbook.chapters.compile.verify import EQUAL, fits, verify_build
from runbook.chapters.compile.vulnerabilities import known_in
from runbook.chapters.etcd.programs import MODULE
from runbook.chapters.pictures import keep
from runbook.chapters.portaudit.audits import Audits, audit_all, audit_pictures
from runbook.chapters.toolchain.passport import FILE as TOOLCHAIN
from runbook.elf import read
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.show.picture import Picture
from runbook.site import Site
from runbook.targets import Target
from runbook.verdict import Verdicts, passed, skipped

__all__ = ["are_known", "are_signed", "are_what_was_asked_for", "audit_pictures", "built", "evidence_of",
           "ingredients", "made_of", "passports", "port_audits", "recipes", "sealed"]

LICENCES = "licences"


def ingredients(chapter: Chapter) -> Ingredients:
    """The site's Go, the service's sources, and the hosts' machines as 00_start found them.

    Raises Blocked with the mending command where Go or the sources are missing, or Go is not that of the passport.
    """
    machines = {host: str(fact.get("machine", "")) for host, fact in chapter.run.facts("uname").items()}
    seen = replace(observe.ingredients(chapter.site, chapter.local, machines=machines), host=build_host(chapter))
    if passport := passport_of(chapter):
        observe.by_the_passport(seen.go, passport)
    return seen


def passport_of(chapter: Chapter) -> str:
    """The toolchain's, as TOML; empty where this run has none, as when a chapter is run alone."""
    try:
        return chapter.artifact(TOOLCHAIN).path.read_text("utf-8")
    except Blocked:
        return ""


def port_audits(chapter: Chapter) -> Audits:
    """What of the service, and of etcd where the site has it, builds for the target, and why not the rest.

    Raises Blocked as `ingredients` does.
    """
    modules = {"services": observe.SERVICES} | ({"etcd": MODULE} if chapter.site.hosts_with("etcd") else {})
    return audit_all(chapter, modules, {"services": (f"-tags={TAGS}",)})


def recipes(seen: Ingredients, site: Site, target: Target) -> Recipes:
    """How the site's service is built for the target, and what else the run needs. Raises Blocked where Go cannot."""
    deployed = recipe_for(seen.forms[0], seen.sources, seen.go, target, HOME)
    return Recipes(deployed, tuple(other_recipes(seen, site, target, HOME)), place_for(seen.host))


def built(chapter: Chapter, wanted: Recipes) -> Artefacts:
    """Builds each twice, and puts the service among the run's artefacts, by its own name the form that is deployed.

    Where the site asks for it, on a host. Raises BuildFailed, and there Blocked and the errors of a host.
    """
    found = bench(chapter, wanted.place)
    host = OnHost(found, chapter.site.build.go) if found else None
    deployed, *others = build_all(tuple(wanted), chapter.local, lambda text: chapter.note("progress", text), host=host)
    made = Artefacts(deployed, tuple(others))
    kept = chapter.run.artifacts / chapter.site.service.name
    shutil.copy2(made.deployed.path, kept)
    chapter.run.keep(chapter.site.service.name, kept)
    return made


def passports(chapter: Chapter, made: Artefacts) -> Passports:
    """What each binary is and is made of, among the run's artefacts: `NAME.passport.toml` and `NAME.cdx.json`."""
    toolchain = toolchain_of(chapter)
    ldd = chapter.local.run(Script(LDD).command(str(made.deployed.path))).text.partition("\n")[0].strip()
    each = tuple(passport(one, toolchain, ldd if one is made.deployed else "") for one in made)
    for one in each:
        for ending, text in ((ENDING, one.to_toml()), (BILL, bill_of(one, licences(one)))):
            path = chapter.run.artifacts / f"{made.called(one.built)}{ending}"
            path.write_text(text, "utf-8")
            chapter.run.keep(path.name, path)
    return Passports(each)


def licences(seen: BinaryPassport) -> tuple[Licence, ...]:
    """Those of its modules, from the module cache that it was built from."""
    modules = seen.binary.go.modules if seen.binary.go else ()
    return tuple(licence_of(one, Path(seen.built.recipe.go.settings["GOMODCACHE"])) for one in modules)


def are_known(chapter: Chapter, made: Artefacts, passports: Passports) -> Verdicts:
    """Whether the licence of each module is known, and a vulnerability of any of them."""
    open_ones = dict.fromkeys(name for one in passports.each for name in unknown(licences(one)))
    licensed = skipped(LICENCES, f"a person has to read those of {', '.join(open_ones)}") if open_ones else passed(
        LICENCES, "the text that each module carries has the words of a licence that is known")
    binaries = {made.called(one): one.path for one in made}
    go = made.deployed.recipe.go
    return Verdicts((licensed, known_in(binaries, chapter.site, go, chapter.local, datetime.now(UTC).date())))


def made_of(chapter: Chapter, made: Artefacts) -> Picture:
    """The deployed binary's bytes by package. Raises BuildFailed where it cannot be linked with its symbols."""
    return keep(chapter, sizes_of(made.deployed, chapter.local).picture)


def toolchain_of(chapter: Chapter) -> str:
    """SHA-256 of the toolchain's passport; empty where this run has none, as when a chapter is run alone."""
    try:
        return chapter.artifact(TOOLCHAIN).sha256
    except Blocked:
        return ""


def are_what_was_asked_for(chapter: Chapter, made: Artefacts) -> Verdicts:
    """The verdicts on the deployed binary, each by itself, and one on each other; all read again."""
    figures = build_figures(made.deployed, read(made.deployed.path))
    told = verify_build(made.deployed, chapter.target)
    deployed = Verdicts(tuple(
        passed(one.what, one.reason, one.host, **{**one.figures, **figures}) if one.what == EQUAL and one.ok else one
        for one in told))
    return deployed + (fits(one) for one in made.others) + verify_passports(passport(one) for one in made)


def evidence_of(chapter: Chapter, made: Artefacts) -> Evidence:
    """What the chapter's claims are judged by: `chapter.judge(door.evidence_of(chapter, artefacts))`."""
    return evidence(made.deployed, chapter.target, chapter.local)
