"""Which measurements bring hosts up: those that ask one."""

from __future__ import annotations

import pytest

from bench.__main__ import ASK_NO_HOST, MEASUREMENTS, sites
from runbook.testbed import bed


def test_what_measures_this_machine_alone_brings_no_host_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        pass

    def asked(site: str) -> None:
        raise Asked(site)

    monkeypatch.setattr(bed, "borrowed", asked)
    assert ASK_NO_HOST < MEASUREMENTS.keys()
    with sites(sorted(ASK_NO_HOST)) as site:
        assert site.name == "testbed"
    with pytest.raises(Asked), sites([*ASK_NO_HOST, "command"]):
        pass
