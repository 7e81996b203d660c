"""A site whose third host sends to the first two, and what the testbed printed when that was done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.load.schedule import Schedule, schedule
from runbook.site import Site, load_site

RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "testbed-load"
HOST = '[[host]]\nname = "node{0}"\naddress = "198.18.0.1{0}"\nroles = ["service"]\n'


@pytest.fixture
def recorded() -> Callable[[str], str]:
    return lambda name: (RECORDED / name).read_text("utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    file = tmp_path / "site.toml"
    file.write_text('schema = 1\nname = "loadbed"\ntarget = "riscv64"\n' + "".join(map(HOST.format, (1, 2, 3))))
    return load_site(file)


@pytest.fixture
def wanted(site: Site) -> Schedule:
    return schedule(site, site.host("node3"), (site.host("node1"), site.host("node2")), "load-sample", {})
