"""The real service, compiled for the bed's target, and the hosts that it is put on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.door import HOME
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.containers.wanted import Deployment
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site
from runbook.targets import Target, load_target, of_machine
from runbook.testbed.bed import Bed

PORT = 18_231  # of these tests only: the bed is shared


@pytest.fixture(scope="session")
def bed_site(bed: Bed) -> Site:
    return load_site(bed.site_file)


def built_for(site: Site, target: Target) -> Deployment:
    """What chapter 03 would have built for this target, from the cache where it is there."""
    with tempfile.TemporaryDirectory() as folder:
        shell = LocalShell(Journal(Path(folder)))
        found = ingredients(site, shell)
        built = build(recipe_for(site.service.name, found.sources, found.go, target, HOME), shell)
    return Deployment("chapter-test", PORT, built.path, built.sha256)


@pytest.fixture(scope="session")
def wanted(bed_site: Site) -> Deployment:
    return built_for(bed_site, load_target(bed_site.target))


@pytest.fixture(scope="session")
def native(bed_site: Site) -> Deployment:
    """The same service for this very machine, which the bed's hosts share."""
    own = of_machine(os.uname().machine)
    if own is None:
        pytest.skip(f"no target describes this machine, {os.uname().machine}")
    return built_for(bed_site, own)


@pytest.fixture
def fleet(bed_site: Site, journal: Journal) -> Iterator[Fleet]:
    with Fleet.open(bed_site, recorder=journal) as opened:
        yield opened
