"""Hosts that are not as one would have them: the remote layer and the first chapter are right on each all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.hosts.observe import START_QUESTIONS, clock_offsets
from runbook.chapters.hosts.system import OS_RELEASE
from runbook.chapters.hosts.verify import ready_for_work
from runbook.errors import SudoRefused, TransferFailed, Unreachable
from runbook.remote.attach import carry
from runbook.remote.command import command
from runbook.remote.lease import forget, leases
from runbook.remote.question import Answers
from runbook.remote.ssh import SshShell
from runbook.site import Site, load_site
from runbook.site_tables import SshSettings
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harmed
from runbook.verdict import State, Verdicts
from tests.remote.conftest import Notes, serving

NODE = "node3"
WORDS = ("", "-n", "it's", "$HOME `id`", "a\nb\n", "\udcff\udcfe", "é文")
PRINT_EACH = ("sh", "-c", 'for word in "$@"; do printf "%s\\0" "$word"; done', "sh")
HERE = "/var/tmp/runbook odd"


@pytest.fixture(scope="module")
def site(bed: Bed) -> Site:
    return load_site(bed.site_file)


@contextmanager
def shell_to(site: Site, address: str = "", **ssh: object) -> Iterator[SshShell]:
    found = site.host(NODE)
    settings: SshSettings = replace(found.ssh, **ssh)
    shell = SshShell(replace(found, address=address or found.address, ssh=settings), Notes())
    try:
        yield shell
    finally:
        shell.close()


def works_whole(shell: SshShell, folder: Path) -> None:
    """Commands, questions, files, folders and leases: each is as it would be anywhere."""
    for sudo in (False, True):
        result = shell.run(command(*PRINT_EACH, *WORDS, sudo=sudo))
        assert tuple(result.text.split("\0")[:-1]) == WORDS
    said = shell.run(command("sh", "-c", "printf out; echo err >&2; exit 3", also={3: "it says so"}))
    assert (said.exit_code, said.stdout) == (3, b"out") and said.stderr.endswith(b"err\n")
    (folder / "large").write_bytes(os.urandom(1 << 20) * 9)
    inner = folder / "inner"
    (inner / "-a\nb").mkdir(parents=True, exist_ok=True)
    (inner / "-a\nb" / "ünï").write_bytes(b"content")
    try:
        for sudo in (False, True):
            shell.run(command("mkdir", "-p", HERE, sudo=False))
            shell.put(b"small", f"{HERE}/small", sudo=sudo)
            shell.put(folder / "large", f"{HERE}/large", sudo=sudo)
            assert shell.put(folder / "large", f"{HERE}/large", sudo=sudo).already
            shell.put_folder(inner, f"{HERE}/inner", sudo=sudo)
            assert shell.put_folder(inner, f"{HERE}/inner", sudo=sudo).already
        shell.get(f"{HERE}/large", folder / "back")
        assert (folder / "back").read_bytes() == (folder / "large").read_bytes()
        out, err = bytearray(), bytearray()
        ended = carry(shell, command("sh", "-c", "printf 'a\\nb\\377'; exit 4", also={4: "it says so"}), run="odd",
                      out=out.extend, err=err.extend)
        assert (bytes(out), ended.lease.exit_code) == (b"a\nb\xff", 4)
    finally:
        shell.run(command("rm", "-rf", HERE, sudo=True))
        for lease in leases(shell):
            if lease.run == "odd":
                forget(shell, lease)


def first_chapter(shell: SshShell, site: Site) -> Verdicts:
    """What 00_start says of the host."""
    return ready_for_work(Answers((shell.ask(*START_QUESTIONS),)), clock_offsets((shell,)), load_target(site.target))


@pytest.mark.parametrize(("name", "arguments"), [
    ("banner", ()), ("noise", ()), ("locale", ("de_DE.UTF-8",)), ("without", ("bash,openssl,gzip,xz",)), ("home", ())])
def test_it_works_all_the_same(bed: Bed, site: Site, tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    with shell_to(site) as shell:
        usual = [(one.what, one.state) for one in first_chapter(shell, site)]
    with harmed(bed.layout, name, NODE, *arguments), shell_to(site) as shell:
        works_whole(shell, tmp_path)
        assert [(one.what, one.state) for one in first_chapter(shell, site)] == usual


@pytest.mark.parametrize("seconds", ["86400", "-86400"])
def test_a_clock_apart_is_told_and_harms_nothing(bed: Bed, site: Site, tmp_path: Path, seconds: str) -> None:
    """A day ahead or behind, for all that runs without sudo."""
    with harmed(bed.layout, "clock", NODE, seconds), shell_to(site) as shell:
        assert abs(int(shell.run(command("date", "+%s")).text) - time.time() - int(seconds)) < 10
        works_whole(shell, tmp_path)
        clock, = [one for one in first_chapter(shell, site) if one.what == "clock"]
        assert clock.state is State.FAIL and "more than" in clock.reason, clock


@pytest.mark.parametrize(("name", "says"), [("openeuler", "openEuler 22.03 (LTS-SP1)"),
                                            ("kylin", "Kylin Linux Advanced Server V10 (Tercel)")])
def test_a_system_of_rpm_packages_is_known_for_what_it_is(bed: Bed, site: Site, name: str, says: str) -> None:
    with harmed(bed.layout, "system", NODE, name), shell_to(site) as shell:
        answers = shell.ask(OS_RELEASE)
        assert str(answers[OS_RELEASE]) == says
        assert first_chapter(shell, site).ok


def test_a_user_with_sudo_for_some_commands_only_is_told_what_is_missing(bed: Bed, site: Site) -> None:
    with harmed(bed.layout, "few-rights", NODE, "/usr/bin/true,/usr/bin/systemctl"), shell_to(site) as shell:
        assert shell.run(command("echo", "without sudo all is well")).exit_code == 0
        with pytest.raises(SudoRefused, match="may not `sudo -n` there"):
            shell.run(command("true", sudo=True))
        missing = [one for one in first_chapter(shell, site) if not one.ok]
        assert [one.what for one in missing] == ["sudo without a password"] and "/etc/sudoers.d" in missing[0].reason


def test_a_folder_wants_tar_and_says_so(bed: Bed, site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with (harmed(bed.layout, "without", NODE, "tar"), shell_to(site) as shell,
          pytest.raises(TransferFailed, match="a folder wants tar, and an xargs that knows -0")):
        shell.put_folder(tmp_path, "/var/tmp/folder")


def test_a_host_of_ipv6_only_is_reached(bed: Bed, site: Site, tmp_path: Path) -> None:
    address = str(bed.layout.place(NODE).address_6)
    with harmed(bed.layout, "ipv6-only", NODE):
        with shell_to(site, connect_seconds=1.0) as shell, pytest.raises(Unreachable):
            shell.run(command("true"))
        with shell_to(site, address) as shell:
            works_whole(shell, tmp_path)
            assert first_chapter(shell, site).ok
            assert shell.run(command("sh", "-c", "echo ${SSH_CONNECTION}")).text.split()[2] == address


def test_another_port_has_a_host_key_of_its_own_in_known_hosts(bed: Bed, site: Site, tmp_path: Path) -> None:
    key = next(line.split(" ", 1)[1] for line in bed.layout.known_hosts.read_text().splitlines() if NODE in line)
    address = site.host(NODE).address
    (tmp_path / "known_hosts").write_text(f"[{address}]:2222 {key}\n")
    with harmed(bed.layout, "port", NODE, "2222"), shell_to(
            site, port=2222, known_hosts=tmp_path / "known_hosts") as shell:
        assert shell.run(command("sh", "-c", "echo ${SSH_CONNECTION##* }")).text == "2222\n"


def test_all_of_it_works_with_busybox_alone(tmp_path: Path) -> None:
    """On this machine's loopback, as root: nothing else is in its PATH, the login shell excepted."""
    program = shutil.which("busybox")
    assert program, "setup/debian installs it"
    applets, folder, here = (tmp_path / name for name in ("applets", "sshd", "here"))
    for each in (applets, folder, here):
        each.mkdir()
    for applet in subprocess.run([program, "--list"], capture_output=True, text=True).stdout.split():
        (applets / applet).symlink_to(program)
    with serving(folder, env=f"PATH={applets}") as one:
        shell = SshShell(one.host, Notes())
        works_whole(shell, here)
        shell.close()
