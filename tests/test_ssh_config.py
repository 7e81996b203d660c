"""An ssh_config is read as ssh reads it: `ssh -G` is asked the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runbook.errors import SiteError
from runbook.report.doctor import _from_config
from runbook.site import Site, load_site
from runbook.ssh_config import SshConfig

CONFIG = """
# everybody's
Include {folder}/more/*.conf
Host gate
    HostName gate.example
    User porter
    Port 2200
Host node* !node9
    User = ops
    IdentityFile "{folder}/a key"
    IdentityFile {folder}/absent
    ProxyJump gate
    ConnectTimeout 7   # seconds
Host node1 192.0.2.11
    HostName 192.0.2.11
    Port 2222
    UserKnownHostsFile {folder}/known_%n %d/second
Match originalhost node2,node3
    HostName %h.example
    Port=2022
Match host node2.example
    User never
Host six
    HostName 2001:db8::1
Host *
    Port 22022
    User last
Match all
    ConnectTimeout 99
"""
MORE = "Port 2300\nHost node4\n  HostName four.example\nHost *\n  ConnectTimeout 5\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "more").mkdir()
    (tmp_path / "a key").touch(mode=0o600)
    (tmp_path / "more" / "50.conf").write_text("# nothing\n")
    file = tmp_path / "config"
    file.write_text(CONFIG.format(folder=tmp_path))
    file.chmod(0o600)
    return file


def by_ssh(config: Path, name: str) -> dict[str, list[str]]:
    """What OpenSSH's client makes of it."""
    if shutil.which("ssh") is None:
        pytest.skip("no ssh on this machine")
    said: dict[str, list[str]] = {}
    for line in subprocess.run(["ssh", "-G", "-F", config, name], check=True, capture_output=True,
                               text=True, timeout=20).stdout.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword, []).append(value)
    return said


@pytest.mark.parametrize("included", ["", MORE])
@pytest.mark.parametrize("name", ["gate", "node1", "192.0.2.11", "node2", "node3", "node4", "node9", "six", "other",
                                  "NODE1"])
def test_it_is_read_as_ssh_reads_it(config: Path, tmp_path: Path, name: str, included: str) -> None:
    (tmp_path / "more" / "50.conf").write_text(included)
    ours = {key: setting.value for key, setting in SshConfig.read(config).of(name).items()}
    theirs = by_ssh(config, name)
    for keyword in ("hostname", "port", "user", "proxyjump", "connecttimeout"):
        if keyword in ours or keyword in ("port", "user"):
            assert theirs[keyword][0].lower() == ours[keyword].lower(), keyword
    assert "hostname" in ours or theirs["hostname"] == [name.lower()]
    assert "proxyjump" in ours or "proxyjump" not in theirs
    if "identityfile" in ours:
        assert ours["identityfile"] == theirs["identityfile"][0] == str(tmp_path / "a key")
    if "userknownhostsfile" in ours:
        assert theirs["userknownhostsfile"][0].split()[0] == ours["userknownhostsfile"].replace(" ", "")


SITE = """schema = 1\nname = "n"\ntarget = "riscv64"\nprotected = false\n[ssh]\nconfig = "config"\n{ssh}
[[host]]\nname = "n1"\naddress = "node1"\nroles = ["service"]\n{host}
[[host]]\nname = "n2"\naddress = "node2"\nroles = ["service"]\n
[[host]]\nname = "here"\naddress = "local"\nroles = ["build"]\n"""


def site(config: Path, ssh: str = "", host: str = "") -> Site:
    file = config.parent / "n.toml"
    file.write_text(SITE.format(ssh=ssh, host=host))
    return load_site(file)


def test_what_the_site_does_not_say_comes_from_there(config: Path, tmp_path: Path) -> None:
    one, two, here = site(config).hosts
    assert (one.address, one.ssh.port, one.ssh.user) == ("192.0.2.11", 2222, "ops")
    assert one.ssh.key.text == f"file:{tmp_path}/a key" and one.ssh.known_hosts == tmp_path / "known_node1"
    assert one.ssh.connect_seconds == 7.0
    assert (two.address, two.ssh.port, two.ssh.known_hosts) == ("node2.example", 2022, tmp_path / "known_hosts")
    jump = one.jump
    assert jump and (jump.address, jump.ssh.port, jump.ssh.user) == ("gate.example", 2200, "porter")
    assert here.from_config == () and here.ssh.port == 22


def test_what_the_site_says_wins_be_it_of_all_hosts_or_of_one(config: Path) -> None:
    one, two, _ = site(config, ssh='user = "mine"\njump = ""', host="port = 2").hosts
    assert (one.ssh.user, one.ssh.port, one.jump, one.address) == ("mine", 2, None, "192.0.2.11")
    assert (two.ssh.user, two.ssh.port) == ("mine", 2022)


def test_doctor_says_where_each_value_stands(config: Path) -> None:
    told = {one.host: one.reason for one in _from_config(site(config, ssh='user = "mine"'))}
    assert set(told) == {"n1", "n2"}
    assert f"port 2222 ({config}:16)" in told["n1"] and "user" not in told["n1"]
    assert f"address node2.example ({config}:19)" in told["n2"]


def test_a_run_s_own_copy_does_not_need_the_file_any_more(config: Path, tmp_path: Path) -> None:
    found = site(config)
    config.unlink()
    (tmp_path / "copy.toml").write_text(found.resolved_toml(tmp_path))
    again = load_site(tmp_path / "copy.toml")
    assert [(host.address, host.ssh) for host in again.hosts] == [(host.address, host.ssh) for host in found.hosts]


@pytest.mark.parametrize(("text", "why"), [
    ("Host node1\n  ProxyCommand nc %h %p", "config:2: a ProxyCommand for node1"),
    ("Match exec true\n  Port 3", "config:1: Match exec is not looked into"),
    ("Host *\n  Port many", "config:2: Port many"), ("Port 0", "config:1: port: "),
    ("Host *\n ProxyJump a,b", "config:2: ProxyJump a,b"), ("User two words\nUser 'a b'", "n.toml"),
    ("User 'a b'", "config:1: user: "), ("HostName 'a b'", "config:1: HostName a b"),
    ("Port '3", "config:1: No closing"),
    ("Include config", "included by itself"),
    ("Host gate\n IdentityFile /one\nHost node*\n IdentityFile /two\n ProxyJump gate", "config:2: a key of its own"),
    ("Host gate\n ProxyJump further\nHost node*\n ProxyJump gate", "config:2: the jump host gate lies behind another")])
def test_what_a_site_cannot_follow_is_refused_with_its_line(
        config: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: config.parent))
    (config.parent / ".ssh").symlink_to(config.parent)
    config.write_text(text)
    if why == "n.toml":
        assert site(config).hosts[0].ssh.user == "two"
        return
    with pytest.raises(SiteError, match=why.replace("(", r"\(")):
        site(config)


def test_a_file_that_is_not_there_is_named(config: Path) -> None:
    config.unlink()
    with pytest.raises(SiteError, match="config: No such file"):
        site(config)
