"""A new site file: from a list of hosts, valid as it stands, and never over one that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook import targets
from runbook.__main__ import main
from runbook.errors import UsageError
from runbook.report.hosts_list import Listed, read_hosts
from runbook.site import load_site

LIST = """\
# the rack by the door
node1 192.0.2.11 service,etcd
node2;192.0.2.12;service    # from a spreadsheet

192.0.2.13
"""


def listed(folder: Path, text: str) -> Path:
    path = folder / "list.txt"
    path.write_text(text)
    return path


def test_a_site_from_a_list_has_those_hosts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ward-9.toml"
    assert main(["new-site", str(file), "--hosts", str(listed(tmp_path, LIST))]) == 0
    assert f"`runbook doctor --site {file}`" in capsys.readouterr().out
    site = load_site(file)
    assert site.name == "ward-9" and site.protected
    assert [(host.name, host.address, host.roles) for host in site.hosts] == [
        ("node1", "192.0.2.11", ("service", "etcd")),
        ("node2", "192.0.2.12", ("service",)),
        ("node3", "192.0.2.13", ("service",)),
    ]


@pytest.mark.parametrize("target", targets.names())
def test_a_site_for_every_target_is_valid(tmp_path: Path, target: str) -> None:
    file = tmp_path / "ward-9.toml"
    assert main(["new-site", str(file), "--target", target, "--hosts", str(listed(tmp_path, LIST))]) == 0
    assert load_site(file).target == target


def test_a_file_that_is_there_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ward-9.toml"
    file.write_text("mine")
    assert main(["new-site", str(file)]) == 2
    assert file.read_text() == "mine" and "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("Ward 9.toml",), ("nowhere/ward-9.toml",), ("ward-9.toml", "--target", "vax")])
def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-site", *words]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it names no host"),
        ("a 192.0.2.1 service more", "list.txt:1: expected at most three words"),
        ("a 192.0.2.1\nNode 192.0.2.2", "list.txt:2: name `Node`"),
        ("a not_an/address", "list.txt:1: address"),
        ("a 192.0.2.1 servce", "list.txt:1: role `servce`"),
        ("a 192.0.2.1 bmc", "an address of its own"),
        ("a 192.0.2.1\nb 192.0.2.1", "list.txt:2: `b` or 192.0.2.1 is listed twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_hosts(listed(tmp_path, text))


def test_an_address_alone_gets_a_name(tmp_path: Path) -> None:
    assert read_hosts(listed(tmp_path, "192.0.2.1")) == (Listed("node1", "192.0.2.1"),)
