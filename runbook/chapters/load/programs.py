"""The load driver, compiled from the version that services/load/go.mod pins, for the host that sends the load."""

from __future__ import annotations

from runbook.chapters.compile.build import HOME, Built, build
from runbook.chapters.compile.pinned import Pinned, native
from runbook.chapters.toolchain.observe import find_go
from runbook.remote.shell import Shell
from runbook.site import ROOT, Host, Site

VEGETA = Pinned("vegeta", "github.com/tsenart/vegeta/v12", ROOT / "services" / "load")


def load_host(site: Site) -> Host | None:
    """The host that sends the load: the first of that role, else the last that runs the service; None: neither."""
    senders = site.hosts_with("load")
    return senders[0] if senders else (site.hosts_with("service") or (None,))[-1]


def build_driver(site: Site, machine: str, shell: Shell) -> Built:
    """Builds it for a machine by its own name, or takes what was built. Raises Blocked, BuildFailed."""
    return build(VEGETA.recipe(find_go(site, shell), native(machine), HOME, site.toolchain.modules), shell)
