"""What the deployment does with a chapter: the functions that its notebook calls."""

from __future__ import annotations

from runbook.chapter import Chapter
from runbook.chapters.containers.observe import deployed
from runbook.chapters.containers.verify import service_runs
from runbook.chapters.containers.wanted import Deployment
from runbook.errors import Blocked
from runbook.verdict import Verdicts
from runbook.views import Observed


def wanted(chapter: Chapter) -> Deployment:
    """The site's service as this run built it. Raises Blocked where no chapter built it yet."""
    service = chapter.site.service
    artifact = chapter.artifact(service.name)
    return Deployment(service.name, service.port, artifact.path, artifact.sha256)


def seen(chapter: Chapter, wanted: Deployment) -> Observed:
    """What is there of the deployment on each host with the role `service`. Raises Blocked where there is none."""
    fleet = chapter.fleet.with_role("service")
    if not len(fleet):
        raise Blocked(
            f"no host of {chapter.site.name} among these has the role `service`",
            next='give it to one: roles = ["service"] at a [[host]]',
        )
    return chapter.observe(deployed(wanted), fleet=fleet)


def runs_as_built(chapter: Chapter, wanted: Deployment) -> Verdicts:
    """Whether the service runs on each host, answers, and is byte for byte what was built."""
    return service_runs(chapter.fleet.with_role("service"), wanted, chapter.target, chapter.site)
