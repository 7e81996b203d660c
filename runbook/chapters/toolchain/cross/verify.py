"""Whether a C toolchain is the one of its passport, and whether a program that is half C runs on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.chapters.toolchain.cross.cgo import CgoRun, CgoTrial
from runbook.chapters.toolchain.cross.checks import SAYS
from runbook.chapters.toolchain.cross.passport import STAGES, CPassport, accepted
from runbook.errors import Blocked
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

SAME, STAGE, CGO, CXX = "C toolchain", "stage", "cgo program", "C++ program"


def verify_c(written: str, passport: CPassport | None, why: str, trial: CgoTrial, target: Target,
             shell: Shell) -> Verdicts:
    """One verdict on the toolchain, one on each stage that built it, one on each form of the program, one on C++."""
    if passport is None:
        return Verdicts((skipped(SAME, f"{why}; pure Go needs none"),))
    try:
        accepted(written, target, shell)
        same = passed(SAME, "every part is the one of its passport, and it compiles for the target")
    except Blocked as error:
        same = failed(SAME, error.what)
    stages = tuple(_stage(one) for one in passport.stages) if passport.way == STAGES else ()
    if trial.why:
        return Verdicts((same, *stages, skipped(CGO, trial.why), *_cxx(trial)))
    return Verdicts((same, *stages, *(_form(one, trial, target) for one in trial.runs), *_cxx(trial)))


def _stage(one: Mapping[str, Any]) -> Verdict:
    what, figure = f"{STAGE} {one['name']}", Figure(one["seconds"], "s")
    figures = {f"toolchain.stage.{one['name'].replace('-', '_')}.seconds": figure}
    told = passed if one["state"] == "pass" else skipped
    return told(what, one["check"], **figures)


def _cxx(trial: CgoTrial) -> tuple[Verdict, ...]:
    if trial.cxx is None:
        return ()
    if trial.cxx.missing:
        return (skipped(CXX, trial.cxx.missing),)
    if trial.cxx.why or trial.cxx.said != SAYS:
        return (failed(CXX, trial.cxx.why or f"it said {trial.cxx.said!r}", trial.host),)
    if trial.cxx.interpreter:
        return (failed(CXX, f"it is not static: it starts by {trial.cxx.interpreter}", trial.host),)
    return (passed(CXX, f"static; it throws an exception and catches it, {trial.basis}", trial.host),)


def _form(one: CgoRun, trial: CgoTrial, target: Target) -> Verdict:
    what = f"{CGO}, {one.form}"
    if one.why:
        return failed(what, one.why, trial.host)
    if not one.said.startswith(f"cgo linux/{target.goarch} "):
        return failed(what, f"it said {one.said!r}", trial.host)
    if (one.form == "static") == bool(one.interpreter):
        return failed(what, f"it starts by {one.interpreter or 'no interpreter'}", trial.host)
    return passed(what, f"Go calls C and C calls Go, against this host's own C library, {trial.basis}", trial.host)
