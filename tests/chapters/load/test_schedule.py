"""What is sent has bounds, and a number out of them is refused before anything is sent."""

from __future__ import annotations

import pytest

from runbook.chapters.load.schedule import LONGEST, Schedule, schedule
from runbook.errors import Blocked, ParameterError
from runbook.site import Site


def test_the_sites_depth_is_taken_and_a_parameter_replaces_one_number(site: Site, wanted: Schedule) -> None:
    assert (wanted.depth.rate, wanted.depth.seconds, wanted.depth.repeats) == (100, 1, 5)
    asked = schedule(site, wanted.sender, wanted.targets, "u", {"rate": 7, "seconds": 0})
    assert (asked.depth.rate, asked.depth.seconds) == (7, 1)


def test_full_depth_ends_before_the_hosts_locks_do(site: Site, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    full = replace(site, load=replace(site.load, depth="full"))
    wanted = schedule(full, full.host("node3"), (full.host("node1"),), "u", {})
    assert wanted.depth.repeats == 10 and wanted.open_seconds > 600
    assert wanted.limit <= LONGEST


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"rate": 1_000_000}, "rate = 1000000"), ({"seconds": -1}, "seconds = -1"), ({"repeats": 31}, "repeats = 31"),
     ({"connections": 5000}, "connections = 5000"), ({"seconds": 300, "repeats": 30}, "minutes a loop")],
)
def test_a_number_out_of_bounds_is_refused(site: Site, wanted: Schedule, asked: dict[str, int], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        schedule(site, wanted.sender, wanted.targets, "u", asked)


def test_nobody_to_send_to_is_said(site: Site) -> None:
    with pytest.raises(Blocked, match="no host that runs the service beside"):
        schedule(site, site.host("node1"), (), "u", {})


def test_more_threads_than_connections_are_not_asked_for(site: Site, wanted: Schedule) -> None:
    assert schedule(site, wanted.sender, wanted.targets, "u", {"connections": 1}).depth.threads == 1
