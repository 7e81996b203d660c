"""Many hosts in seconds, each with an address and an sshd of its own, and nothing of them left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runbook.errors import HostKeyRefused, LoginRefused, Unreachable, UsageError
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import ROOT, load_site
from runbook.testbed import light
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harmed
from runbook.testbed.leftovers import leftovers
from tests.remote.conftest import Notes
from tests.testbed.test_bed import start

COUNT = 40


@pytest.fixture(scope="module")
def many() -> Iterator[Bed]:
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    bed = light.up(COUNT)
    yield bed
    light.down()
    assert str(leftovers(bed.layout)) == "nothing is left"


def test_each_has_its_own_address(many: Bed) -> None:
    with Fleet.open(load_site(many.site_file), recorder=Notes()) as fleet:
        said = fleet.run(command("sh", "-c", "set -- $SSH_CONNECTION; echo $3")).values()
    assert [result.text.strip() for result in said] == [str(place.address) for place in many.hosts]


def test_of_forty_hosts_five_fail_each_in_its_own_way_and_hide_no_other(many: Bed) -> None:
    site = load_site(many.site_file)
    wrong = "SHA256:" + "A" * 43
    odd = {"light2": {"port": 2}, "light3": {"host_key": wrong}, "light4": {"user": "nobody"},
           "light5": {"connect_seconds": 0.8}}
    hosts = tuple(replace(host, ssh=replace(host.ssh, **odd.get(host.name, {}))) for host in site.hosts)
    with harmed(many.layout, "partition", "light5"), \
            Fleet.open(replace(site, hosts=hosts), recorder=Notes()) as fleet:
        script = '[ "${SSH_CONNECTION#* * *.16 }" = "$SSH_CONNECTION" ] || exit 7'
        outcomes = fleet.run(command("sh", "-c", script))
    kinds = {host: type(error) for host, error in outcomes.errors.items()}
    assert kinds.pop("light6").__name__ == "CommandFailed"
    assert kinds == {"light2": Unreachable, "light3": HostKeyRefused, "light4": LoginRefused, "light5": Unreachable}
    assert len(outcomes.good) == COUNT - 5
    assert [row.hosts for row in outcomes.rows()][:5] == [(f"light{number}",) for number in range(2, 7)]


def test_too_many_are_refused() -> None:
    with pytest.raises(UsageError, match="201 light hosts"):
        light.up(201)


def test_the_command_line_brings_them_up_and_down(many: Bed) -> None:
    up = start("up", "--light", "3")
    said, complaint = up.communicate(timeout=60)
    assert up.returncode == 0 and said.startswith("light: 3 hosts, up"), complaint
    assert subprocess.run([sys.executable, "-m", "runbook.testbed", "down", "--light"], cwd=ROOT, check=True,
                          capture_output=True, text=True, timeout=60).stdout.startswith("light: down, nothing is left")
