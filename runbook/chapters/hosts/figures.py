"""The numbers of the hosts: CPUs, memory, page and cache line, disk space, clock offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.chapters.hosts.clock import Offsets
from runbook.chapters.hosts.memory import DISKS, MEMORY, NUMA
from runbook.chapters.hosts.processor import CACHES, CPU, PAGE_SIZE
from runbook.remote.question import Answers, Question, Unanswered
from runbook.verdict import Figure


def host_figures(answers: Answers, offsets: Offsets | None = None) -> dict[str, Figure]:
    """Figures by dotted name, `hosts.node1.cpus`; what a host did not answer is left out."""
    figures: dict[str, Figure] = {}
    for host in answers:
        if host.error is not None:
            continue
        for name, value, unit in _of_host(host.facts):
            figures[f"hosts.{host.host}.{name}"] = Figure(value, unit, host.host)
    for name, offset in (offsets.by_host if offsets else {}).items():
        figures[f"hosts.{name}.clock_offset"] = Figure(round(offset.seconds, 4), "s", name)
    return figures


def _of_host(facts: Mapping[Question, Any]) -> list[tuple[str, float, str]]:
    told = {question: fact for question, fact in facts.items() if not isinstance(fact, Unanswered)}
    found: list[tuple[str, float, str]] = []
    if CPU in told:
        found.append(("cpus", told[CPU].count, "CPUs"))
    if MEMORY in told:
        found.append(("memory", told[MEMORY].total, "bytes"))
    if PAGE_SIZE in told:
        found.append(("page", told[PAGE_SIZE].bytes, "bytes"))
    if CACHES in told and told[CACHES].line:
        found.append(("cache_line", told[CACHES].line, "bytes"))
    if NUMA in told and told[NUMA].nodes:
        found.append(("numa_nodes", len(told[NUMA].nodes), "nodes"))
    if DISKS in told:
        found.append(("disk_free", min(system.free for _, system in told[DISKS].by_folder), "bytes"))
    return found
