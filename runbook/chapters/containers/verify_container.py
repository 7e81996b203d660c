"""Whether the service runs in its container on each host, answers, is what was built, and is confined."""

from __future__ import annotations

from dataclasses import replace

from runbook.chapters.containers.configuration import Maker, config_text, unfit
from runbook.chapters.containers.contained import Contained, contained
from runbook.chapters.containers.container import CPU_WEIGHT, MEMORY, TASKS, Container
from runbook.chapters.containers.deploy import difference
from runbook.chapters.containers.image import Image
from runbook.chapters.containers.runtime import RUNTIME, Runtime
from runbook.chapters.containers.verify import ACTIVE, CONTINUITY, answering, asked_from_here
from runbook.remote.fleet import Fleet
from runbook.remote.question import HostAnswers, Unanswered
from runbook.site import Site
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed

RUNS, CONFINED = "containerd runs as wanted", "confined"
LIMITS = {"memory": MEMORY, "tasks": TASKS, "cpu_weight": CPU_WEIGHT}


def container_runs(fleet: Fleet, wanted: Container, image: Image, target: Target, site: Site) -> Verdicts:
    """Six verdicts a host, from fresh questions; `image` is the archive as it was just read again."""
    question = contained(wanted)
    verdicts: list[Verdict] = []
    for answers in fleet.ask(RUNTIME, question):
        now = answers.error or answers[question]
        if not isinstance(now, Contained):
            verdicts.append(failed(ACTIVE, str(now), answers.host))
            continue
        if not now.service.client:
            now = replace(now, service=asked_from_here(now.service, site.host(answers.host), wanted.port))
        verdicts += [
            containerd_runs(answers, wanted),
            *answering(answers.host, now.service, wanted.inside, target),
            _continuity(answers.host, now, wanted, image),
            _confined(answers.host, now, wanted),
        ]
    return Verdicts(tuple(verdicts))


def containerd_runs(answers: HostAnswers, wanted: Container) -> Verdict:
    """Under which configuration, and the difference where somebody's own was kept."""
    runtime, host = answers[RUNTIME], answers.host
    if isinstance(runtime, Unanswered) or not runtime.active:
        return failed(RUNS, "it does not run" if isinstance(runtime, Runtime) else str(runtime), host)
    wrong = unfit(runtime.effective, runtime.complaint, runtime.disabled, runtime.snapshotter)
    if wrong:
        return failed(RUNS, f"{runtime.path} is {runtime.maker}: {wrong}", host)
    if runtime.maker is Maker.HAND:
        reason = f"its configuration was made by hand, will do, and was kept:\n{difference(runtime)}"
        return passed(RUNS, reason, host)
    if runtime.maker is Maker.PACKAGE:
        others = ", ".join(runtime.others(wanted.namespace)) or "others"
        return passed(RUNS, f"under the package's configuration, which was kept for the containers of {others}", host)
    if runtime.file != config_text(runtime.numbers, runtime.root, runtime.state):
        return failed(RUNS, f"{runtime.path} is not what the runbook writes for containerd {runtime.version}", host)
    return passed(RUNS, "under the configuration that the runbook wrote", host)


def _continuity(host: str, now: Contained, wanted: Container, image: Image) -> Verdict:
    """One chain: build, layer, image on the host, process."""
    basis = now.service.basis(wanted.inside)
    runs, layer = now.service.sha256(wanted.inside), image.files.get(wanted.inside, "")
    figures = {"image.final_size": Figure(round(image.size / 1e6, 2), "MB", host)}
    if runs == layer == wanted.binary_sha256 and now.digest == image.digest and now.image == wanted.image:
        how = "of the file that the emulator was given" if basis is Basis.EMULATED else "of /proc/PID/exe"
        reason = f"one SHA-256 of the build, of the file in the image's layer and {how}; the image's digest is ours"
        return passed(CONTINUITY, reason, host, **figures)
    seen = "; ".join((
        f"built {wanted.binary_sha256[:12]}", f"in the layer {layer[:12] or 'nothing'}",
        f"image made {image.digest[7:19]}", f"on the host {now.digest[7:19] or 'none'} ({now.image or 'no container'})",
        f"runs {runs[:12] or 'nothing'}",
    ))
    return failed(CONTINUITY, seen, host, **figures)


def _confined(host: str, now: Contained, wanted: Container) -> Verdict:
    """As the kernel has it; the limits are of the emulator's memory and threads too, where one runs the program."""
    loose = now.loose(LIMITS)
    basis = now.service.basis(wanted.inside)
    limit = {} if now.memory is None else {"memory.limit": Figure(now.memory, "bytes", host, basis)}
    if loose:
        return failed(CONFINED, "; ".join(loose), host, **limit)
    return passed(CONFINED, "not root, no capability, a root file system that is read-only, limits of memory, tasks "
                  "and CPU as wanted, each as the kernel has it", host, **limit)
