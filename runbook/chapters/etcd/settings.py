"""The member's configuration and its unit, as text."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.chapters.etcd.cluster import Cluster, Member
from runbook.chapters.etcd.layout import CLIENTS, CONFIG, DATA, PEERS, PKI, PROGRAM, USER, trust_file

QUOTA_BYTES = 2 * 1024**3
"""etcd's own default and advice for a start (docs, `quota-backend-bytes`); stated, so that it can be seen."""

START_LIMIT_SECONDS = 90
"""systemd's own default for a start: a first member waits that long for a quorum."""

OPEN_FILES = 65536


def configuration(member: Member, cluster: Cluster) -> str:
    """`etcd.yaml` of one member.

    The gRPC gateway is off: it calls the member as a client by the server's certificate, which only serves.
    """
    return f"""\
# Written by the runbook; a change by hand is shown as a difference at its next run.
name: {member.name}
data-dir: {DATA}
listen-client-urls: https://{member.bind}:{member.client_port}{_loopback(member)}
advertise-client-urls: {member.client_url}
listen-peer-urls: https://{member.bind}:{member.peer_port}
initial-advertise-peer-urls: {member.peer_url}
initial-cluster: {cluster.initial}
initial-cluster-token: {cluster.token}
initial-cluster-state: new
client-transport-security:
  cert-file: {PKI}/server.crt
  key-file: {PKI}/server.key
  trusted-ca-file: {trust_file(CLIENTS)}
  client-cert-auth: true
peer-transport-security:
  cert-file: {PKI}/peer.crt
  key-file: {PKI}/peer.key
  trusted-ca-file: {trust_file(PEERS)}
  client-cert-auth: true
tls-min-version: TLS1.2
enable-grpc-gateway: false
quota-backend-bytes: {QUOTA_BYTES}
auto-compaction-mode: periodic
auto-compaction-retention: 1h
log-outputs: [stderr]
"""


def _loopback(member: Member) -> str:
    return "" if member.bind == "0.0.0.0" else f",https://127.0.0.1:{member.client_port}"


def unit(environment: Mapping[str, str]) -> str:
    """`etcd.service`. No MemoryDenyWriteExecute, since an emulator writes the code that it runs, and no
    SystemCallFilter, since not every architecture's libseccomp knows its own calls."""
    set_to = "".join(f"Environment={name}={value}\n" for name, value in sorted(environment.items()))
    return f"""\
# Written by the runbook; a change by hand is shown as a difference at its next run.
[Unit]
Description=etcd member
Documentation=https://etcd.io/docs/
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=120
StartLimitBurst=10

[Service]
Type=notify
User={USER}
Group={USER}
{set_to}ExecStart={PROGRAM} --config-file {CONFIG}
Restart=on-failure
RestartSec=1
TimeoutStartSec={START_LIMIT_SECONDS}
LimitNOFILE={OPEN_FILES}
OOMScoreAdjust=-500
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths={DATA}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
"""
