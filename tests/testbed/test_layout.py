"""Every name of a bed comes from its site, and a site that is no testbed's is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.errors import SiteError
from runbook.site import load_site
from runbook.testbed.layout import INTERFACE_LENGTH, Layout, layout_of
from tests.testbed.small_bed import HOST, SITE


def layout(folder: Path, text: str) -> Layout:
    file = folder / "site.toml"
    file.write_text(text)
    return layout_of(load_site(file))


def test_two_sites_share_no_name(tmp_path: Path) -> None:
    long = "a-bed-with-a-name-longer-than-an-interface"
    beds = [layout(tmp_path, (SITE + HOST).replace("bedtest", name)) for name in ("bedtest", long, long + "-too")]
    for part in ("interface", "group", "state", "disk", "keys"):
        assert len({getattr(bed, part) for bed in beds}) == len(beds)
    assert max(len(bed.interface) for bed in beds) <= INTERFACE_LENGTH


def test_the_prefix_and_the_machines_own_address_follow_from_the_hosts(tmp_path: Path) -> None:
    bed = layout(tmp_path, SITE + HOST)
    assert (str(bed.prefix), str(bed.bridge_address)) == ("198.18.9.0/24", "198.18.9.1")


@pytest.mark.parametrize(("old", "new", "why"), [
    ("198.18.9.11\"", "192.0.2.11\"", "192.0.2.11 is not a testbed's address"),
    ("198.18.9.11\"", "node.invalid\"", "a testbed's addresses are IPv4"),
    ("198.18.9.111", "198.18.8.111", "198.18.8.111 is not a testbed's address"),
    ("198.18.9.11\"", "198.18.9.1\"", "198.18.9.1 is taken"),
    ("198.18.9.111", "198.18.9.11", "198.18.9.11 is taken"),
    ("file:.cache/testbed/bedtest/id_ed25519", "file:~/.ssh/id_ed25519", "a bed makes its own keys"),
    (".cache/testbed/bedtest/bmc_password", "secret", "a bed makes its own keys"),
])
def test_a_site_that_is_no_testbeds_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in SITE + HOST
    with pytest.raises(SiteError) as raised:
        layout(tmp_path, (SITE + HOST).replace(old, new))
    assert why in str(raised.value) and raised.value.next
