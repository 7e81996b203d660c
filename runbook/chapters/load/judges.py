"""The article's claims about load, stacks, collector and scheduler: `article says / measured here`."""

from __future__ import annotations

from runbook.chapters.load.evidence import CONTROL, GODEBUGS, Evidence
from runbook.claims.judge import Judgement, judges
from runbook.verdict import Basis

SMALLEST_STACK = 2048
"""The article's 2 KB, in bytes."""

NO_PROBE = "the probe of Go's runtime did not run: check mode"


@judges("2.3-c")
def gomaxprocs_is_bound_to_a_node(seen: Evidence) -> Judgement:
    runtime = seen.runtime
    if runtime is None:
        return _cannot(NO_PROBE)
    sizes = [size for size in map(cpus_in, runtime.nodes) if size]  # a node may have memory alone
    if len(sizes) < 2:
        return _cannot(f"{runtime.host} has {len(sizes)} NUMA node with CPUs: bound to one and not bound are the same")
    measured = f"GOMAXPROCS {runtime.processors} of {runtime.cpus} CPUs in {len(sizes)} nodes"
    if runtime.processors not in (*sizes, runtime.cpus):
        return _cannot(f"{measured}: neither a node's nor all of them, so something else limits it")
    return Judgement(runtime.processors < runtime.cpus, measured, runtime.basis)


def cpus_in(cpulist: str) -> int:
    """How many CPUs a list such as `0-31,64-95` has (cpuset(7), list format)."""
    ends = [part.partition("-")[::2] for part in cpulist.split(",") if part.strip()]
    return sum(int(last or first) - int(first) + 1 for first, last in ends)


@judges("2.3-d")
def the_affinity_snippet_compiles(seen: Evidence) -> Judgement:
    return _compiles(seen, "2.3-d")


@judges("2.3-f")
def madvdontneed_changes_something(seen: Evidence) -> Judgement:
    if not seen.advice:
        return _cannot("no strace on this machine, or it may not trace, or no target describes the machine")
    default, article, other = (", ".join(seen.advice.get(value, ())) for value in GODEBUGS)
    if not default or other == article:
        return _cannot(f"no difference could be seen: {default or 'nothing'} by default, {other or 'nothing'} with =0")
    return Judgement(default != article, f"madvise({default}) by default, madvise({article}) with =1, {other} with =0")


@judges("2.3-g")
def stealing_prefers_a_node(seen: Evidence) -> Judgement:
    if not seen.read:
        return _cannot("this Go came without the sources of its runtime")
    if seen.numa:
        return Judgement(True, f"the runtime speaks of NUMA in {', '.join(seen.numa)}")
    return Judgement(False, f"no word of NUMA in the {seen.read} files of its src/runtime")


@judges("3.1-c")
def the_stack_snippet_compiles(seen: Evidence) -> Judgement:
    return _compiles(seen, "3.1-c")


@judges("3.1-d")
def a_lower_gogc_collects_less(seen: Evidence) -> Judgement:
    runtime = seen.runtime
    if runtime is None:
        return _cannot(NO_PROBE)
    usual, lower = runtime.collections[100], runtime.collections[20]
    return Judgement(lower < usual, f"{lower} collections with GOGC=20, {usual} with 100, for the same work",
                     runtime.basis)


@judges("3.1-e")
def a_goroutine_starts_with_two_kilobytes(seen: Evidence) -> Judgement:
    runtime = seen.runtime
    if runtime is None:
        return _cannot(NO_PROBE)
    measured = f"{runtime.stack_bytes:.0f} bytes of stack a waiting goroutine, by {runtime.version}"
    return Judgement(SMALLEST_STACK <= round(runtime.stack_bytes) < 1.5 * SMALLEST_STACK, measured, runtime.basis)


@judges("3.1-g")
def gomaxprocs_binds_to_cores(seen: Evidence) -> Judgement:
    runtime = seen.runtime
    if runtime is None or not runtime.allowed_before:
        return _cannot(NO_PROBE if runtime is None else f"{runtime.host} does not tell where threads may run")
    if not 0 < runtime.limited < runtime.cpus:
        return _cannot(f"{runtime.host} has {runtime.cpus} CPU: bound to all of them and not bound are the same")
    before, after = ", ".join(runtime.allowed_before), ", ".join(runtime.allowed_after)
    measured = f"threads may run on CPUs {after} with GOMAXPROCS={runtime.limited}, on {before} without"
    return Judgement(runtime.allowed_before != runtime.allowed_after, measured, runtime.basis)


@judges("3.1-i")
def wrk_tells_deviations_between_runs(seen: Evidence) -> Judgement:
    if not seen.closed.routes:
        return _cannot(seen.closed.without or seen.closed.why)
    asked = seen.closed.routes[0]
    turns, rate = asked.turns, asked.rate
    own = ", ".join(turn.own_deviation for turn in turns[:3])
    measured = (f"wrk's own deviation is of its threads within one run ({own} …); between {len(turns)} runs it is "
                f"{rate.deviation:.0f} of {rate.mean:.0f} requests/s, which wrk does not tell")
    return Judgement(all(turn.total_deviation for turn in turns), measured, Basis.NATIVE)


def _compiles(seen: Evidence, snippet: str) -> Judgement:
    if seen.compiler[CONTROL]:
        return _cannot(f"this Go compiles nothing: {seen.compiler[CONTROL]}")
    words = seen.compiler[snippet]
    return Judgement(not words, words or "it compiles")


def _cannot(why: str) -> Judgement:
    return Judgement(None, "", why=why)
