"""What a host's disk holds before its first boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.site import load_site
from runbook.testbed import image
from runbook.testbed.image import Entry
from runbook.testbed.layout import Layout, layout_of
from tests.testbed.small_bed import HOST, SITE


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    file = tmp_path / "bedtest.toml"
    file.write_text(SITE + HOST)
    return layout_of(load_site(file))


def entries(layout: Layout) -> dict[str, Entry]:
    return dict(image.entries(layout, layout.places[0], "the host's key", "the operator's key"))


def test_only_what_a_server_needs_is_started(layout: Layout) -> None:
    started = [path.rpartition("/")[2] for path in entries(layout) if ".wants/" in path]
    assert sorted(started) == ["containerd.service", "dbus.service", "ssh.service"]
    assert "etc/systemd/system" in image.HIDDEN, "what this machine enabled is not there"


def test_secrets_are_for_root_alone(layout: Layout) -> None:
    files = entries(layout)
    assert [files[path].mode for path in ("etc/shadow", "etc/ssh/ssh_host_ed25519_key", "etc/sudoers")] == [
        0o600, 0o600, 0o440]


def test_a_host_knows_every_host_by_name(layout: Layout) -> None:
    assert "198.18.9.11 lone\n" in entries(layout)["etc/hosts"].content


def test_an_identity_is_the_hosts_own_and_the_same_each_time() -> None:
    names = [("testbed", "node1"), ("testbed", "node2"), ("bedtest", "node1")]
    identities = [image.machine_id(*name) for name in names]
    assert len(set(identities)) == len(names) and all(len(one) == 32 for one in identities)
    assert identities == [image.machine_id(*name) for name in names]
