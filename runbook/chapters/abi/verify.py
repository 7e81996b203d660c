"""Whether a host's page size and cache line are those that its target's data expects."""

from __future__ import annotations

from runbook.chapters.hosts.observe import basis_of
from runbook.chapters.hosts.processor import CACHES, PAGE_SIZE
from runbook.chapters.hosts.system import UNAME
from runbook.remote.question import Answers, HostAnswers, Unanswered
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed, skipped

PAGES, LINE = "page size of the target", "cache line of the target"
PLAYED = "not measurable here: pages and caches are this machine's, not those of the target that is emulated"


def sizes_of_the_target(answers: Answers, target: Target) -> Verdicts:
    """Two verdicts a host, from answers to UNAME, PAGE_SIZE and CACHES; where a target is emulated, none is passed."""
    verdicts: list[Verdict] = []
    for one in answers:
        if one.error is not None:
            verdicts.append(failed(PAGES, str(one.error), one.host))
            continue
        uname = one[UNAME]
        if isinstance(uname, Unanswered) or basis_of(uname, target) is Basis.EMULATED:
            verdicts += [skipped(what, PLAYED, one.host) for what in (PAGES, LINE)]
        else:
            verdicts += [_pages(one, target), _line(one, target)]
    return Verdicts(tuple(verdicts))


def _pages(answers: HostAnswers, target: Target) -> Verdict:
    size, host = answers[PAGE_SIZE], answers.host
    if isinstance(size, Unanswered):
        return skipped(PAGES, size.why, host)
    figure = Figure(size.bytes, "bytes", host)
    if size.bytes in target.memory.page_sizes:
        return passed(PAGES, f"one of those that {target.name} has", host, page=figure)
    known = ", ".join(map(str, target.memory.page_sizes))
    return failed(
        PAGES, f"{size.bytes} bytes, {target.name} has {known}: is the target right?", host, page=figure
    )


def _line(answers: HostAnswers, target: Target) -> Verdict:
    """An unexpected line only costs speed: it is told, and does not fail a host."""
    caches, host = answers[CACHES], answers.host
    if isinstance(caches, Unanswered) or not caches.line:
        return skipped(LINE, "neither getconf nor sysfs tells it", host)
    figure = Figure(caches.line, "bytes", host)
    if caches.line == target.memory.cache_line:
        return passed(LINE, f"as expected of {target.name}", host, line=figure)
    reason = (
        f"{caches.line} bytes, {target.memory.cache_line} were expected of {target.name}; it costs speed only"
    )
    return skipped(LINE, reason, host, line=figure)
