"""Behind another host, at another port, over IPv6, with a key of the agent: a host is reached all the same."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.errors import HostKeyRefused, SiteError, Unreachable
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.ssh import SshShell
from runbook.site import load_site
from runbook.site_tables import Host
from runbook.testbed.bed import Bed
from tests.remote.conftest import Notes, Sshd, free_port
from tests.remote.test_ssh import refusal


def through(sshd: Sshd, **changes: object) -> Host:
    return sshd.but(jump=f"root@127.0.0.1:{sshd.port}", **changes)


def test_a_host_is_reached_through_another(sshd: Sshd) -> None:
    shell = SshShell(through(sshd), Notes())
    assert shell.run(command("echo", "behind")).text == "behind\n"
    shell._connection.client.close()
    assert shell.run(command("echo", "again")).text == "again\n", "over the jump host's same connection"
    assert len(shell._jumps._open) == 1
    shell._jumps.close()
    shell._connection.client.close()
    assert shell.run(command("echo", "anew")).text == "anew\n", "over a new one"
    shell.close()


def test_a_large_file_goes_through_it_whole(sshd: Sshd, tmp_path: Path) -> None:
    shell = SshShell(through(sshd), Notes())
    content = os.urandom(1 << 20) * 8
    shell.put(content, str(tmp_path / "file"))
    shell.get(str(tmp_path / "file"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    shell.close()


def test_what_lies_behind_and_is_away_is_told_from_a_jump_host_that_is(sshd: Sshd) -> None:
    error = refusal(replace(through(sshd), address="127.0.0.1", ssh=replace(through(sshd).ssh, port=free_port())))
    assert isinstance(error, Unreachable) and "127.0.0.1 does not get through to 127.0.0.1 port" in error.what
    error = refusal(sshd.but(jump=f"root@127.0.0.1:{free_port()}"))
    assert isinstance(error, Unreachable) and "local1's jump host: nobody listens at" in error.what


def test_an_unknown_jump_host_is_refused_as_any_other(sshd: Sshd, tmp_path: Path) -> None:
    line = (sshd.folder / "known_hosts").read_text()
    only_behind = tmp_path / "known_hosts"
    only_behind.write_text(line.replace("127.0.0.1", "::1"))
    error = refusal(through(sshd, known_hosts=only_behind))
    assert isinstance(error, HostKeyRefused) and "jump host" in error.what


@pytest.mark.parametrize(("jump", "address", "user", "port"), [
    ("gate.example", "gate.example", "operator", 22), ("a@192.0.2.1:2222", "192.0.2.1", "a", 2222),
    ("a@[2001:db8::1]:22", "2001:db8::1", "a", 22)])
def test_a_jump_host_is_written_as_for_ssh(tmp_path: Path, jump: str, address: str, user: str, port: int) -> None:
    text = f"""schema = 1\nname = "n"\ntarget = "riscv64"\nprotected = false\n[ssh]\njump = "{jump}"\n
[[host]]\nname = "n1"\naddress = "192.0.2.11"\nroles = ["service"]\n"""
    (tmp_path / "n.toml").write_text(text)
    found = load_site(tmp_path / "n.toml").hosts[0].jump
    assert found and (found.address, found.ssh.user, found.ssh.port, found.jump) == (address, user, port, None)
    (tmp_path / "n.toml").write_text(text.replace(jump, "a b"))
    with pytest.raises(SiteError, match="jump"):
        load_site(tmp_path / "n.toml")


def test_a_fleet_opens_one_connection_to_the_jump_host_for_all_behind_it(bed: Bed) -> None:
    site = load_site(bed.site_file)
    by_node1 = f"{site.ssh.user}@{site.hosts[0].address}"
    behind = replace(site, hosts=(site.hosts[0], *(
        replace(host, ssh=replace(host.ssh, jump=by_node1)) for host in site.hosts[1:])))
    with Fleet.open(behind, recorder=Notes()) as fleet:
        came_from = fleet.run(command("sh", "-c", "echo ${SSH_CLIENT%% *}")).values()
        assert len(fleet._jumps._open) == 1
    machine, first = str(bed.layout.bridge_address), site.hosts[0].address
    assert [result.text.strip() for result in came_from] == [machine, first, first]


@pytest.fixture
def agent(sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An SSH agent that holds the login key."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", str(sshd.folder / "login")], check=True, timeout=20)
        yield
    finally:
        process.terminate()
        process.wait(10)


def test_without_a_key_file_the_agent_is_asked(sshd: Sshd, agent: None) -> None:
    shell = SshShell(sshd.but(key=None), Notes())
    assert shell.run(command("echo", "by the agent")).text == "by the agent\n"
    shell.close()
