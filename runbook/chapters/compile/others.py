"""What is compiled besides the deployed service: its other form, etcd's programs, and the load driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import Ingredients
from runbook.chapters.compile.pinned import native
from runbook.chapters.etcd.programs import PROGRAMS
from runbook.chapters.load.programs import VEGETA, load_host
from runbook.site import Site
from runbook.targets import Target


def other_recipes(seen: Ingredients, site: Site, target: Target, home: Path) -> Iterator[Recipe]:
    """Each program for the machine that it runs on: what serves for the target, what asks for the asking host's own.

    Raises Blocked where Go cannot, or where a host's machine is unknown.
    """
    for form in seen.forms[1:]:
        yield recipe_for(form, seen.sources, seen.go, target, home)
    wanted = site.toolchain.modules
    if site.hosts_with("etcd"):
        for name in ("etcd", "etcdutl"):
            yield PROGRAMS[name].recipe(seen.go, target, home, wanted)
    machines = _machines(site, seen.machines)
    for machine in sorted({machines[host.name] for host in site.hosts_with("etcd") if host.name in machines}):
        yield PROGRAMS["etcdctl"].recipe(seen.go, native(machine), home, wanted)
    sender = load_host(site)
    if sender is not None and sender.name in machines:
        yield VEGETA.recipe(seen.go, native(machines[sender.name]), home, wanted)


def _machines(site: Site, told: Mapping[str, str]) -> dict[str, str]:
    return {host.name: told[host.name] for host in site.hosts if host.name in told}
