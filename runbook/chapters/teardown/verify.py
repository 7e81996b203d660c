"""Whether a host is as it was before the run: every path that was written, looked at again."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.chapters.teardown.observe import Traces
from runbook.verdict import Figure, Verdict, failed, passed

AS_BEFORE = "as before the run"


def as_before(host: str, was: Mapping[str, str], seen: Traces) -> Verdict:
    """Passes where every path has what it had, and neither the run's folder nor its lock is left."""
    now = dict(zip(was, seen.now, strict=True))
    other = [path for path, what in was.items() if now[path] != what]
    left = other + ["the run's folder"] * seen.run_folder + ["the run's lock"] * seen.lock
    figures = {"paths": Figure(len(was), "paths", host)}
    if left:
        return failed(AS_BEFORE, f"not as before: {', '.join(left)}", host, **figures)
    return passed(AS_BEFORE, "every path that the run wrote is as it was", host, **figures)
