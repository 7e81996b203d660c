"""What the job that changes hosts wants on each: the same for every contender."""

from __future__ import annotations

from string import Template

SERVICE = "runbook-bench.service"
CONFIG_FILE = "/etc/runbook-bench.conf"
UNIT_FILE = f"/etc/systemd/system/{SERVICE}"
UNIT = """\
[Unit]
Description=A service that waits

[Service]
EnvironmentFile=/etc/runbook-bench.conf
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
"""
LINES = tuple(f"KEY_{number}={{name}}-{number}" for number in range(20))
"""Twenty lines, each with the host's name: `{name}`."""

CHECK = 'systemctl is-active "$1" && grep -q KEY_19 "$2"'


def config_of(host: str) -> str:
    """The file for a host."""
    return Template("\n".join(line.replace("{name}", "$name") for line in LINES) + "\n").substitute(name=host)
