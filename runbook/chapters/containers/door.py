"""What the deployment does with a chapter: the functions that its notebook calls, for both ways of deploying."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.containers import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.containers.container import Container
from runbook.chapters.containers.cpp import Cpp, try_flags
from runbook.chapters.containers.decide import service_on_host
from runbook.chapters.containers.deploy import container_on_host
from runbook.chapters.containers.drill import bad_version_is_taken_back, unhealthy
from runbook.chapters.containers.evidence import Evidence, evidence
from runbook.chapters.containers.held import held
from runbook.chapters.containers.image import Image, Recipe, read_image, write_image
from runbook.chapters.containers.observe import deployed
from runbook.chapters.containers.ported import Ported, ported
from runbook.chapters.containers.rollback import or_taken_back
from runbook.chapters.containers.runtime import RUNTIME
from runbook.chapters.containers.signed import is_signed
from runbook.chapters.containers.verify import service_runs
from runbook.chapters.containers.verify_container import container_runs
from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.hosts.system import UNAME, Uname
from runbook.chapters.signing.on_host import Sealed, Verifier
from runbook.chapters.signing.programs import verifier
from runbook.chapters.signing.seal import ENDING, Seal, keys_of, seal, trust_of
from runbook.chapters.signing.statement import digests, of_image
from runbook.errors import Blocked, together
from runbook.lasting import EarlierClaims
from runbook.plan import Plan
from runbook.remote.fleet import Fleet
from runbook.remote.question import HostAnswers, Question
from runbook.site_tables import CONTAINER
from runbook.verdict import Verdicts
from runbook.views import Observed


def wanted(chapter: Chapter) -> Deployment:
    """The site's service as this run built and signed it: its binary, or an image of it, kept among its artefacts.

    Raises Blocked where no chapter built or signed it yet.
    """
    service, artifact = chapter.site.service, chapter.artifact(chapter.site.service.name)
    if service.deploy != CONTAINER:
        plain = Deployment(service.name, service.port, artifact.path, artifact.sha256)
        return replace(plain, sealed=_sealed(chapter, _seal_of_the_build(chapter)))
    packed = _packed(chapter, chapter.run.artifacts / f"{service.name}.image.tar")
    chapter.run.keep(f"{service.name}.image", packed.source)
    chapter.note("image", f"{packed.image} {packed.digest}")
    return packed


def _packed(chapter: Chapter, archive: Path, **labels: str) -> Container:
    service, artifact = chapter.site.service, chapter.artifact(chapter.site.service.name)
    recipe = Recipe(service.name, chapter.target.oci, artifact.sha256, labels=tuple(labels.items()))
    image = write_image(recipe, artifact.path.read_bytes(), archive)
    subjects = {archive.name: digests(archive), image.name: {"sha256": image.digest.removeprefix("sha256:")}}
    origin = of_image(service.name, chapter.target.oci, digests(artifact.path))
    in_run = archive.parent == chapter.run.artifacts
    signed = seal(chapter, keys_of(chapter), archive.name, subjects, origin,
                  file=None if in_run else archive.with_name(f"{archive.name}{ENDING}"))
    return Container(service.name, service.port, archive, image.archive_sha256, image=image.name, digest=image.digest,
                     binary_sha256=artifact.sha256, platform=chapter.target.oci, sealed=_sealed(chapter, signed))


def _seal_of_the_build(chapter: Chapter) -> Seal:
    """Raises Blocked where the binary was not signed."""
    name = chapter.site.service.name
    envelope = chapter.artifact(f"{name}{ENDING}")
    keys_of(chapter)  # writes the keys that count, the site's as they are now
    return Seal(name, envelope.path, trust_of(chapter))


def _sealed(chapter: Chapter, signed: Seal) -> Sealed | None:
    """With what checks it on each host, for the machine that the host is; None where the site does not ask for it."""
    if not chapter.site.signing.on_hosts:
        return None
    found = {}
    told = chapter.fleet.with_role("service").ask(UNAME)
    if told.errors:
        raise together(told.errors.values())
    for answers in told:
        fact = answers[UNAME]
        if not isinstance(fact, Uname):
            raise Blocked(f"{answers.host}: its machine is not known, so nothing can be checked there: {fact}",
                          next=f"look at {answers.host} by hand, then run the chapter again")
        built = verifier(fact.machine, chapter.site, chapter.local)
        found[answers.host] = Verifier(built.path, built.sha256)
    return Sealed(signed, found)


def questions(wanted: Deployment) -> tuple[Question, ...]:
    """What is to be known of a host before it is decided on."""
    if isinstance(wanted, Container):
        return RUNTIME, deployed(wanted), held(wanted)
    return (deployed(wanted),)


def seen(chapter: Chapter, wanted: Deployment) -> Observed:
    """What is there of the deployment on each host with the role `service`. Raises Blocked where there is none."""
    fleet = chapter.fleet.with_role("service")
    if not len(fleet):
        raise Blocked(
            f"no host of {chapter.site.name} among these has the role `service`",
            next='give it to one: roles = ["service"] at a [[host]]',
        )
    return chapter.observe(*questions(wanted), fleet=fleet)


def on_host(answers: HostAnswers, wanted: Deployment) -> Plan:
    """The plan for one host, for either way of deploying. Raises Blocked with what is in the way."""
    return container_on_host(answers, wanted) if isinstance(wanted, Container) else service_on_host(answers, wanted)


def runs_as_built(chapter: Chapter, wanted: Deployment) -> Verdicts:
    """Whether the service runs on each host, answers, and is byte for byte what was built.

    Where it does not, on a host that this chapter has just changed, what was there before is put back.
    """
    fleet = chapter.fleet.with_role("service")
    return or_taken_back(chapter, _judged(chapter, fleet, wanted) + is_signed(fleet, wanted), wanted)


def bad_version(chapter: Chapter, wanted: Deployment) -> Verdicts:
    """The drill of replacing: a version that never gets healthy is found out and taken back."""
    def bad(folder: Path) -> Deployment:
        if isinstance(wanted, Container):
            return unhealthy(_packed(chapter, folder / "image.tar", **{"org.opencontainers.image.version": "drill"}))
        return unhealthy(wanted)

    def judged(fleet: Fleet, version: Deployment) -> Verdicts:
        return _judged(chapter, fleet, version)

    return bad_version_is_taken_back(chapter, wanted, bad, questions, on_host, judged)


def evidence_of(chapter: Chapter) -> Evidence | EarlierClaims:
    """What the chapter's claims are judged by, asked of one host; or what an earlier run judged."""
    return chapter.earlier.claims(Evidence) or evidence(chapter.fleet.with_role("service"), drills=chapter.site.drills)


def ported_of(chapter: Chapter) -> Ported | EarlierClaims:
    """What one host's containerd and runc are, for the claims about ports of them; see `evidence_of`."""
    return chapter.earlier.claims(Ported) or ported(chapter.fleet.with_role("service"))


def cpp_of(chapter: Chapter, wanted: Deployment) -> Cpp | EarlierClaims:
    """What came of the article's flags for C++, tried on this machine, beside the image that was made here."""
    image = _image(wanted) if isinstance(wanted, Container) else None
    return chapter.earlier.claims(Cpp) or try_flags(chapter.local, image)


def _judged(chapter: Chapter, fleet: Fleet, wanted: Deployment) -> Verdicts:
    if isinstance(wanted, Container):
        return container_runs(fleet, wanted, _image(wanted), chapter.target, chapter.site)
    return service_runs(fleet, wanted, chapter.target, chapter.site)


def _image(wanted: Container) -> Image:
    """Read again, every blob of it. Raises RunbookError where the archive is damaged."""
    return read_image(wanted.source)
