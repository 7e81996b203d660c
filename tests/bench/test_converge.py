"""The job that changes hosts: what it decides, and that all contenders are told the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bench.converge import ansible, pyinfra
from bench.jobs.converge import SEEN, decide
from bench.jobs.wanted import CONFIG_FILE, LINES, SERVICE, UNIT, UNIT_FILE, config_of
from runbook.plan import Replace, Run
from runbook.remote.question import HostAnswers
from runbook.site import ROOT, load_site


def hashes(*texts: str) -> tuple[str, ...]:
    return tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)


def test_ours_does_nothing_twice_and_restarts_on_a_change() -> None:
    wanted = hashes(config_of("node1"), UNIT)
    assert not decide(HostAnswers("node1", {SEEN: (*wanted, "active")}))
    for seen in ((*wanted, "inactive"), (*hashes("other", UNIT), "active"), ("inactive",)):
        [step] = decide(HostAnswers("node1", {SEEN: seen}))
        assert [type(action) for action in step.do] == [Replace, Replace, Run, Run]
        assert step.do[3].words == ("systemctl", "restart", SERVICE)


def test_every_contender_is_told_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.converge.program", lambda package, name: Path("/bin/true"))
    site = load_site(ROOT / "sites" / "testbed.toml")
    ansible(site, tmp_path)
    pyinfra(site, tmp_path)
    assert (tmp_path / "bench.conf.j2").read_text().replace("{{ inventory_hostname }}", "node1") == config_of("node1")
    assert (tmp_path / "pyinfra.conf.j2").read_text().replace("{{ host.name }}", "node1") == config_of("node1")
    assert (tmp_path / "unit").read_text() == UNIT and len(LINES) == 20
    for text in ((tmp_path / "converge.yml").read_text(), (tmp_path / "converge.py").read_text()):
        assert all(word in text for word in (CONFIG_FILE, UNIT_FILE, SERVICE))
