"""The claims about load and runtime come out either way, by what was measured."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from runbook.chapters.load import evidence, judges
from runbook.chapters.load.closed_loop import parse_asked
from runbook.chapters.load.evidence import CONTROL, GODEBUGS, Evidence, Runtime, advice_seen, parse_runtime
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.schedule import Schedule
from runbook.chapters.toolchain.observe import find_go
from runbook.remote.command import Script
from runbook.remote.local import LocalShell
from runbook.site import ROOT, load_site
from runbook.targets import of_machine
from runbook.verdict import Basis

PROBED = {
    "version": "go1.26.8", "goarch": "riscv64", "num_cpu": 2, "gomaxprocs": 2, "nodes": ["0-1"], "stack_bytes": 2048.1,
    "collections": {"at_100": 6, "at_20": 30}, "allowed_before": ["0-1"], "allowed_after": ["0-1"],
    "limited": 1,
}


@pytest.fixture
def runtime() -> Runtime:
    return parse_runtime(json.dumps(PROBED), "node1", Basis.EMULATED)


@pytest.fixture
def seen(runtime: Runtime, recorded: Callable[[str], str], wanted: Schedule) -> Evidence:
    closed = Closed(parse_asked(recorded("closed-loop"), wanted))
    refused = {"2.3-d": "undefined: syscall.SchedSetaffinity", "3.1-c": "use of package runtime", CONTROL: ""}
    return Evidence(Opened(), closed, runtime, refused)


def test_cpus_of_a_list_are_counted() -> None:
    assert [judges.cpus_in(text) for text in ("0-31", "0-31,64-95", "3", "0,2,4-5", "")] == [32, 64, 1, 4, 0]


@pytest.mark.parametrize(("nodes", "processors", "words"), [
    (("0-1", ""), 2, "1 NUMA node with CPUs"),
    (("0-31", "32-63"), 8, "something else limits it"),
])
def test_a_node_without_cpus_and_a_limit_of_another_kind_decide_nothing(
    seen: Evidence, runtime: Runtime, nodes: tuple[str, ...], processors: int, words: str
) -> None:
    other = replace(seen, runtime=replace(runtime, nodes=nodes, cpus=64, processors=processors))
    judged = judges.gomaxprocs_is_bound_to_a_node(other)
    assert judged.holds is None and words in judged.why


def test_on_one_cpu_nothing_can_be_bound(seen: Evidence, runtime: Runtime) -> None:
    judged = judges.gomaxprocs_binds_to_cores(replace(seen, runtime=replace(runtime, cpus=1, limited=0)))
    assert judged.holds is None and "has 1 CPU" in judged.why


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
def test_where_nobody_may_trace_nothing_is_decided(
    local: LocalShell, monkeypatch: pytest.MonkeyPatch, seen: Evidence
) -> None:
    own = of_machine(os.uname().machine)
    assert own is not None
    monkeypatch.setattr(evidence, "TRACE", Script("echo 'strace: Operation not permitted' >&2; exit 1"))
    advice = advice_seen(find_go(load_site(ROOT / "sites" / "testbed.toml"), local), own, local)
    assert advice == {}
    assert judges.madvdontneed_changes_something(replace(seen, advice=advice)).holds is None


def test_snippets_are_judged_by_the_compiler_and_only_where_it_works(seen: Evidence) -> None:
    assert judges.the_affinity_snippet_compiles(seen).holds is False
    assert "SchedSetaffinity" in judges.the_affinity_snippet_compiles(seen).measured
    assert judges.the_stack_snippet_compiles(seen).holds is False
    mended = replace(seen, compiler={**seen.compiler, "3.1-c": ""})
    assert judges.the_stack_snippet_compiles(mended).holds is True
    broken = replace(seen, compiler={**seen.compiler, CONTROL: "no such tool"})
    assert judges.the_stack_snippet_compiles(broken).holds is None


@pytest.mark.parametrize(
    ("judge", "change", "before", "after"),
    [
        (judges.a_lower_gogc_collects_less, {"collections": {100: 9, 20: 3}}, False, True),
        (judges.a_goroutine_starts_with_two_kilobytes, {"stack_bytes": 8192.0}, True, False),
        (judges.gomaxprocs_binds_to_cores, {"allowed_after": ("0", "1")}, False, True),
        (judges.gomaxprocs_is_bound_to_a_node, {"nodes": ("0-31", "32-63"), "cpus": 64, "processors": 32}, None, True),
        (judges.gomaxprocs_is_bound_to_a_node, {"nodes": ("0-31", "32-63"), "cpus": 64, "processors": 64}, None, False),
    ],
)
def test_what_the_runtime_did_decides(  # type: ignore[no-untyped-def]
    seen: Evidence, runtime: Runtime, judge, change: dict[str, object], before: bool | None, after: bool
) -> None:
    assert judge(seen).holds is before
    assert judge(replace(seen, runtime=replace(runtime, **change))).holds is after  # type: ignore[arg-type]
    assert judge(replace(seen, runtime=None)).holds is None
    assert judge(seen).basis is Basis.EMULATED or judge(seen).holds is None


def test_the_advice_to_the_kernel_decides_and_only_where_a_difference_can_be_seen(seen: Evidence) -> None:
    def judged(default: str, article: str, other: str):  # type: ignore[no-untyped-def]
        told = dict(zip(GODEBUGS, ((default,), (article,), (other,)), strict=True))
        return judges.madvdontneed_changes_something(replace(seen, advice=told)).holds

    assert judged("MADV_DONTNEED", "MADV_DONTNEED", "MADV_FREE") is False
    assert judged("MADV_FREE", "MADV_DONTNEED", "MADV_FREE") is True
    assert judged("MADV_DONTNEED", "MADV_DONTNEED", "MADV_DONTNEED") is None
    assert judges.madvdontneed_changes_something(seen).holds is None


def test_a_runtime_that_speaks_of_numa_would_be_believed(seen: Evidence) -> None:
    assert judges.stealing_prefers_a_node(seen).holds is None
    assert judges.stealing_prefers_a_node(replace(seen, read=400)).holds is False
    assert judges.stealing_prefers_a_node(replace(seen, read=400, numa=("proc.go",))).holds is True


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
def test_a_real_program_gives_memory_back_by_the_advice_that_it_was_told(local: LocalShell) -> None:
    own = of_machine(os.uname().machine)
    assert own is not None
    advice = advice_seen(find_go(load_site(ROOT / "sites" / "testbed.toml"), local), own, local)
    assert advice == {"": ("MADV_DONTNEED",), "madvdontneed=1": ("MADV_DONTNEED",), "madvdontneed=0": ("MADV_FREE",)}


def test_wrks_own_deviation_is_of_one_run(seen: Evidence) -> None:
    said = judges.wrk_tells_deviations_between_runs(seen)
    assert said.holds is False and "between 5 runs" in said.measured
    (ping, user) = seen.closed.routes
    newer = replace(ping, turns=tuple(replace(turn, total_deviation="± 12") for turn in ping.turns))
    assert judges.wrk_tells_deviations_between_runs(replace(seen, closed=Closed((newer, user)))).holds is True
    assert judges.wrk_tells_deviations_between_runs(replace(seen, closed=Closed(without="no wrk"))).holds is None
