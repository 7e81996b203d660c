"""Whether the cluster is one: built as asked, healthy, replicating, closed to strangers, restorable."""

from __future__ import annotations

from runbook.chapter import Chapter
from runbook.chapters.compile.build import Built
from runbook.chapters.compile.verify import verify_build
from runbook.chapters.etcd.credentials import credentials_question
from runbook.chapters.etcd.health import members_healthy
from runbook.chapters.etcd.refusals import strangers_refused
from runbook.chapters.etcd.replication import REPLICATED, written_and_read
from runbook.chapters.etcd.sign import hosts_of
from runbook.chapters.etcd.signed import programs_signed
from runbook.chapters.etcd.snapshot import RESTORED, snapshot_restores
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.etcd.wants import wants_signature
from runbook.targets import load_target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

HOLD = "certificates hold"


def verify(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """All of it, asked anew. What needs healthy members is left out where one is not, what writes in check mode."""
    verdicts = programs_fit(wanted) + programs_signed(chapter, wanted) + certificates_hold(chapter, wanted)
    verdicts += members_healthy(chapter, wanted)
    if not verdicts.ok or not len(chapter.fleet.with_role("etcd")):
        return verdicts
    if chapter.check:
        why = "check mode: nothing is written to the cluster"
        return verdicts + strangers_refused(chapter, wanted) + (skipped(REPLICATED, why), skipped(RESTORED, why))
    verdicts += written_and_read(chapter, wanted)
    return verdicts + strangers_refused(chapter, wanted) + snapshot_restores(chapter, wanted)


def programs_fit(wanted: Wanted) -> Verdicts:
    """One verdict a program, from its own bytes: for the machine that it runs on, static, built twice and equal."""
    return Verdicts(tuple(_fits(built) for built in wanted.programs.built()))


def _fits(built: Built) -> Verdict:
    verdicts = verify_build(built, load_target(built.recipe.target))
    what = f"{built.recipe.service} is what was asked for"
    figures = {name: figure for verdict in verdicts for name, figure in verdict.figures.items()}
    if not verdicts.ok:
        return failed(what, "; ".join(f"{one.what}: {one.reason}" for one in verdicts if not one.ok), None, **figures)
    return passed(what, f"for {built.recipe.target}, static, the same when built again", None, **figures)


def certificates_hold(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a host: each of its certificates is of its key, its authority and its names, and lasts."""
    question = credentials_question(wanted.site.service.name)
    found: list[Verdict] = []
    for answers in chapter.fleet.only(*hosts_of(chapter)).ask(question):
        host = answers.host
        if answers.error is not None:
            found.append(failed(HOLD, answers.error.what, host))
            continue
        held = answers[question]
        credentials = wanted.credentials(host)
        wrong = [f"{one.name} {why}" for one in credentials if (why := wants_signature(one, held, wanted.at))]
        if wrong:
            found.append(failed(HOLD, "; ".join(wrong), host))
            continue
        ends = min(held.of(one).certificate.not_after for one in credentials)  # type: ignore[union-attr]
        left = Figure(float((ends - wanted.at).days), "days", host)
        reason = f"{len(credentials)} of {len(credentials)}, by keys that were made on the host"
        found.append(passed(HOLD, reason, host, left=left))
    return Verdicts(tuple(found))
