"""Etcd's own programs, compiled from the versions that services/etcd/go.mod pins, for whom they run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runbook.chapters.compile.build import HOME, Built, build
from runbook.chapters.compile.pinned import Pinned, native
from runbook.chapters.toolchain.observe import find_go
from runbook.remote.shell import Shell
from runbook.site import ROOT, Site
from runbook.targets import Target

MODULE = ROOT / "services" / "etcd"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
    "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
}
PROGRAMS = {name: Pinned(name, package, MODULE) for name, package in PACKAGES.items()}


@dataclass(frozen=True, repr=False)
class Programs:
    """What is placed on the hosts.

    The member and what restores its snapshots are for the site's target. What asks the members is for the machine
    that it runs on: a host's own name tells it, and where the target runs by an emulator that one is quick.
    """

    etcd: Built
    etcdutl: Built
    etcdctl: Mapping[str, Built] = field(hash=False)  # by the machine's name, as `uname -m` has it
    version: str

    def built(self) -> tuple[Built, ...]:
        return (self.etcd, self.etcdutl, *{one.sha256: one for one in self.etcdctl.values()}.values())

    def __str__(self) -> str:
        return f"etcd {self.version} for {self.etcd.recipe.target}, static"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self.built())


def build_programs(site: Site, target: Target, machines: Iterable[str], shell: Shell) -> Programs:
    """Builds, or takes what the same recipes made before.

    `machines` are the hosts' own names. Raises Blocked where Go cannot, BuildFailed with the compiler's words.
    """
    go = find_go(site, shell)

    def program(name: str, to: Target) -> Built:
        return build(PROGRAMS[name].recipe(go, to, HOME, site.toolchain.modules), shell)

    clients = {machine: program("etcdctl", native(machine)) for machine in sorted(set(machines))}
    etcd = program("etcd", target)
    return Programs(etcd, program("etcdutl", target), clients, pinned_version(etcd.recipe.sources.modules.file))


def pinned_version(modules: str = "go.mod") -> str:
    """The version of etcd that a set of modules pins, such as 3.7.3."""
    return PROGRAMS["etcd"].version_in(modules)
