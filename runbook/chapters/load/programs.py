"""The load driver, compiled from the version that services/load/go.mod pins, for the host that sends the load."""

from __future__ import annotations

from runbook.chapters.compile.pinned import Pinned
from runbook.site import ROOT, Host, Site

VEGETA = Pinned("vegeta", "github.com/tsenart/vegeta/v12", ROOT / "services" / "load")


def load_host(site: Site) -> Host | None:
    """The host that sends the load: the first of that role, else the last that runs the service; None: neither."""
    senders = site.hosts_with("load")
    return senders[0] if senders else (site.hosts_with("service") or (None,))[-1]
