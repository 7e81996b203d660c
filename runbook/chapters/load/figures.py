"""The numbers of a load test, and the pictures that show them."""

from __future__ import annotations

from runbook.chapters.load.closed_loop import Asked
from runbook.chapters.load.effort import Effort, of_one_kernel
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.open_loop import Sent
from runbook.chapters.load.spread import Spread
from runbook.show.curves import over_time, percentiles
from runbook.show.picture import Picture
from runbook.verdict import Basis, Figure

MIB = 1 << 20
RATE, MS = "1/s", "ms"


def sent_figures(sent: Sent, basis: Basis) -> dict[str, Figure]:
    """Of all counted turns of a route in the open loop, taken as one."""
    whole = sent.whole
    return {
        **_rates("answered", sent.throughput, basis),
        "p50": Figure(round(whole.p50 * 1e3, 3), MS, None, basis),
        "p90": Figure(round(whole.p90 * 1e3, 3), MS, None, basis),
        "p99": Figure(round(whole.p99 * 1e3, 3), MS, None, basis),
        "longest": Figure(round(whole.longest * 1e3, 3), MS, None, basis),
        "errors": Figure(float(round(whole.requests * (1 - whole.success))), "requests", None, basis),
    }


def asked_figures(asked: Asked, basis: Basis) -> dict[str, Figure]:
    """Of a route in the closed loop: means of its turns. Its latencies are those of requests that waited their turn."""
    return {
        **_rates("requests_per_second", asked.rate, basis, asked.host),
        "p50": Figure(round(Spread([turn.p50 * 1e3 for turn in asked.turns]).mean, 3), MS, asked.host, basis),
        "p99": Figure(round(Spread([turn.p99 * 1e3 for turn in asked.turns]).mean, 3), MS, asked.host, basis),
        "errors": Figure(float(asked.errors), "requests", asked.host, basis),
    }


def _rates(name: str, spread: Spread, basis: Basis, host: str | None = None) -> dict[str, Figure]:
    """The mean with its deviation, and its 95 % interval where there are enough turns for one."""
    found = {
        name: Figure(round(spread.mean, 1), RATE, host, basis),
        "deviation": Figure(round(spread.deviation, 1), RATE, host, basis),
    }
    if spread.half_width is not None:
        found["interval_95"] = Figure(round(spread.half_width, 1), RATE, host, basis)
    return found


def effort_figures(efforts: tuple[Effort, ...], host: str, basis: Basis) -> dict[str, Figure]:
    """The most that was seen of one host over all loops; the service's numbers are its process's, emulator included."""
    own = [effort for effort in efforts if effort.host == host]
    busy = [value for effort in own for _, value in effort.busy]
    cpus = [value for effort in own for _, value in effort.own]
    held = [value for effort in own for _, value in effort.held]
    found: dict[str, Figure] = {}
    if busy:
        found["host_cpu_most"] = Figure(round(max(busy), 1), "%", host)
    if cpus:
        found["service_cpu_most"] = Figure(round(max(cpus), 2), "CPUs", host, basis)
    if held:
        found["service_memory_most"] = Figure(round(max(held) / MIB, 1), "MiB", host, basis)
    return found


def latency_picture(opened: Opened) -> Picture:
    """Latency by percentile, one line a route."""
    curves = {sent.route: sent.distribution for sent in opened.routes}
    return Picture("load-latency", "latency by percentile in the open loop, one line a route",
                   percentiles(curves), opened._repr_html_())


def effort_picture(opened: Opened, closed: Closed) -> Picture:
    """Requests, CPU and memory on one time axis, which begins with the first turn."""
    efforts = (*opened.meanwhile.efforts, *closed.meanwhile.efforts)
    turns = {f"open loop: {sent.route}": [(one.began, one.ended, one.throughput) for one in sent.turns]
             for sent in opened.routes}
    turns |= {f"closed loop: {asked.route}": [(one.began, one.ended, one.rate) for one in asked.turns]
              for asked in closed.routes}
    starts = [began for spans in turns.values() for began, _, _ in spans]
    zero = min(starts) if starts else 0.0
    answered: list[tuple[float, float | None]] = []
    for spans in turns.values():
        answered += [(place - zero, rate) for began, ended, rate in spans for place in (began, ended)]
        answered += [(spans[-1][1] - zero, None)]  # no line from one loop to the next
    hosts = dict.fromkeys(effort.host for effort in efforts)

    def line(host: str, what: str, unit: float = 1.0) -> list[tuple[float, float]]:
        return [(at - zero, value / unit) for effort in efforts if effort.host == host
                for at, value in getattr(effort, what)]

    rows = {
        "answers, 1/s": {"answers": answered},
        "host's CPU, %": {host: line(host, "busy") for host in hosts},
        "free, GiB": {host: line(host, "free", 1 << 30) for host in hosts},
        "service, CPUs": {host: line(host, "own") for host in hosts},
        "service, MiB": {host: line(host, "held", MIB) for host in hosts},
    }
    bands = {name: (spans[0][0] - zero, spans[-1][1] - zero) for name, spans in turns.items()}
    one = any(of_one_kernel(loop.meanwhile.efforts) for loop in (opened, closed))
    words = "answers, CPU and memory on one time axis, each host by its own clock"
    shared = "; the hosts share one kernel, so each sees the CPU time of all" if one else ""
    return Picture("load-effort", f"{words}{shared}", over_time(rows, bands))
