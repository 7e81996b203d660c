"""Whoever finds a host locked or busy is told by whom, and how to break it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.__main__ import main
from runbook.remote import lock
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.lease import begin, forget, look
from runbook.report.on_hosts import Unrecorded, hosts_text
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.remote.conftest import gone
from tests.testbed.small_bed import ssh_to

MARK = "32000001"


def test_locks_and_leases_are_shown_and_the_lines_shown_break_them(
        bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    site = load_site(bed.site_file)
    with Fleet.open(site, recorder=Unrecorded()) as fleet:
        first, second = fleet["node1"], fleet["node2"]
        lock.take(first, "a-run", "somebody", 600)
        as_root = begin(first, command("sleep", MARK, sudo=True), run="a-run")
        own = begin(second, command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", MARK), run="a-run")
        try:
            assert main(["status", "--hosts", "--site", str(bed.site_file)]) == 0
            said = capsys.readouterr().out
            assert "node1: locked by a-run of somebody, until " in said and "node3: no lock" in said
            assert f"lease {as_root.id} of a-run, running, since " in said
            to_break = [line.split(": ", 1)[1] for line in said.splitlines() if line.lstrip().startswith("to ")]
            for host, line in zip(("node1", "node1", "node2"), to_break, strict=True):
                ssh_to(bed.layout, host, line)
            assert gone(MARK)
            assert {look(first, as_root)[0].state, look(second, own)[0].state} == {"ended"}
            assert first.ask(lock.LOCK)[lock.LOCK] is None
        finally:
            lock.release(first, "a-run")
            forget(first, as_root)
            forget(second, own)
    for node in ("node1", "node2"):
        left = "sudo find ~/.local/state /var/lib/runbook -mindepth 1 2>/dev/null || :"
        assert ssh_to(bed.layout, node, left) == ""


def test_a_host_that_is_away_hides_no_other(bed: Bed) -> None:
    site = load_site(bed.site_file)
    nobody = replace(site.hosts[1], address="198.18.0.250", ssh=replace(site.hosts[1].ssh, connect_seconds=0.8))
    said = hosts_text(replace(site, hosts=(site.hosts[0], nobody)))
    assert said.startswith("node1: no lock\nnode2: 198.18.0.250") and "next: " in said


def test_without_a_run_and_a_site_it_says_what_is_missing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path))
    assert main(["status", "--hosts"]) == 2
    assert "there is no run `latest`" in capsys.readouterr().err
