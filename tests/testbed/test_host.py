"""A host of the testbed looks like a server, and cannot reach past itself."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runbook.site import ROOT
from runbook.testbed.bed import Bed
from tests.testbed.small_bed import Ssh

HOSTS = ("node1", "node2", "node3")


@pytest.mark.parametrize("host", HOSTS)
def test_systemd_runs_as_the_first_process_and_nothing_failed(ask: Ssh, host: str) -> None:
    question = "cat /proc/1/comm; systemctl is-system-running; systemctl --failed --no-legend; hostname"
    assert ask(host, question) == f"systemd\nrunning\n{host}"


def test_the_operator_is_nobody_special_until_he_says_sudo(ask: Ssh) -> None:
    assert ask("node1", "id -un; pwd; sudo -n id -un") == "operator\n/home/operator\nroot"
    assert "Permission denied" in ask("node1", "cat /etc/shadow", fails=True)
    assert "Permission denied" in ask("node1", "ls /root", fails=True)


def test_hosts_see_each_other_by_name_and_nobody_else(ask: Ssh) -> None:
    banner = ask("node1", "bash -c 'exec 3<>/dev/tcp/node2/22; head -c 7 <&3'")
    assert banner == "SSH-2.0"
    assert "unreachable" in ask("node1", "bash -c 'exec 3<>/dev/tcp/198.19.0.1/22'", fails=True)


def test_a_host_cannot_set_the_machines_clock(ask: Ssh) -> None:
    assert "Operation not permitted" in ask("node1", "sudo -n date --set '2020-01-01'", fails=True)


def test_a_host_cannot_load_modules_nor_change_the_machines_settings(ask: Ssh) -> None:
    capabilities = int(ask("node1", "sudo -n sed -n 's/^CapBnd:\\t//p' /proc/self/status"), 16)
    # linux/capability.h: SYS_MODULE 16, SYS_RAWIO 17, SYS_TIME 25, WAKE_ALARM 35
    assert not any(capabilities >> bit & 1 for bit in (16, 17, 25, 35))
    assert "Read-only" in ask("node1", "echo 1 | sudo -n tee /proc/sys/vm/swappiness", fails=True)
    assert "Read-only" in ask("node1", "sudo -n mkdir /sys/fs/cgroup/anywhere", fails=True)


def test_a_host_cannot_open_the_machines_disk(ask: Ssh) -> None:
    device = Path("/").stat().st_dev
    node = f"b {device >> 8} {device & 0xff}"
    attempt = f"sudo -n sh -c 'mknod /dev/disk {node} && head -c 1 /dev/disk; s=$?; rm -f /dev/disk; exit $s'"
    assert "Operation not permitted" in ask("node1", attempt, fails=True)


def test_a_host_sees_neither_the_projects_folder_nor_the_machines_people(ask: Ssh) -> None:
    assert (ROOT / "runbook").is_dir()
    assert ask("node1", f"ls -A {ROOT} 2>/dev/null; ls /home") == "operator"  # below /tmp it is not there at all
    refused = ask("node1", f"sudo -n touch {ROOT}/mark", fails=True)
    assert "Read-only" in refused or "No such file" in refused


def test_what_a_host_writes_stays_on_its_disk_alone(ask: Ssh) -> None:
    ask("node1", "sudo -n sh -c 'echo mine >/etc/mark && sync /etc/mark'")
    assert ask("node1", "cat /etc/mark; sudo -n rm /etc/mark") == "mine"
    assert "No such file" in ask("node2", "cat /etc/mark", fails=True)
    assert not Path("/etc/mark").exists()


def test_every_host_has_its_own_identity(bed: Bed, ask: Ssh) -> None:
    identities = {ask(host, "cat /etc/machine-id /proc/sys/kernel/random/boot_id") for host in HOSTS}
    keys = {line.split()[2] for line in bed.layout.known_hosts.read_text().splitlines()}
    assert len(identities) == len(keys) == len(HOSTS)


def test_a_hosts_network_is_not_the_machines(ask: Ssh) -> None:
    assert ask("node1", "ls /sys/class/net") == "eth0\nlo"


def test_services_start_restart_and_write_to_the_journal(ask: Ssh) -> None:
    said = ask("node1", "sudo -n systemd-run --quiet --wait --unit=greeting --property=MemoryMax=64M "
                        "--property=DynamicUser=yes --property=ProtectSystem=strict "
                        "sh -c 'echo hello; id -un'; "
                        "sudo -n journalctl --quiet --output=cat --unit=greeting")
    assert "hello\ngreeting" in said
    restart = "sudo -n systemctl restart containerd && systemctl is-active containerd ssh"
    assert ask("node1", restart) == "active\nactive"


def test_containerd_is_there_as_a_freshly_installed_server_has_it(ask: Ssh) -> None:
    assert "Server:" in ask("node1", "sudo -n ctr version")
    assert ask("node1", "systemctl is-enabled containerd; sudo -n ctr images list --quiet") == "enabled"
    assert ask("node1", "stat -fc %T /var/lib/containerd") == "ext2/ext3"
    packaged = Path("/etc/containerd/config.toml").read_text().strip()
    assert ask("node1", "cat /etc/containerd/config.toml") == packaged


def test_a_server_takes_many_connections_at_once(ask: Ssh) -> None:
    with ThreadPoolExecutor(max_workers=20) as pool:
        assert set(pool.map(lambda _: ask("node1", "hostname"), range(20))) == {"node1"}


def test_an_unknown_key_is_not_let_in(bed: Bed, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={bed.layout.known_hosts}",
         "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", f"operator@{bed.hosts[0].address}", "true"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 255 and "Permission denied (publickey)" in done.stderr
