"""containerd's configuration: what the runbook writes, who made the one that is there, and whether it will do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum

DEFAULT_PATH = "/etc/containerd/config.toml"
VERSION_3 = (2, 0)
"""containerd 2.0 brought version 3 of the file; 1.6 and 1.7 read version 2 (containerd's docs, PLUGINS.md)."""
KUBELETS = "io.containerd.grpc.v1.cri"
SIGNED = re.compile(r"\A# Written by the runbook, sha256 ([0-9a-f]{64}) of the rest\.\n")

NEEDED = (
    "io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt", "io.containerd.differ.v1.walking",
    "io.containerd.gc.v1.scheduler", "io.containerd.runtime.v2.task",
    *(f"io.containerd.service.v1.{one}-service" for one in (
        "containers", "content", "diff", "images", "introspection", "leases", "namespaces", "snapshots", "tasks")),
    *(f"io.containerd.grpc.v1.{one}" for one in (
        "containers", "content", "diff", "events", "images", "introspection", "leases", "namespaces", "snapshots",
        "tasks", "version")),
)
"""What `ctr image import` and `ctr run` go through, besides a snapshotter."""


class Maker(StrEnum):
    """Who made a configuration."""

    NOBODY = "none"
    RUNBOOK = "the runbook's"
    PACKAGE = "the package's"
    HAND = "made by hand"


def config_text(version: tuple[int, int], root: str, state: str) -> str:
    """The file for a containerd of that version. Its first line signs the rest: a change by hand shows."""
    rest = "\n".join([
        f"version = {3 if version >= VERSION_3 else 2}",
        f'root = "{root}"',
        f'state = "{state}"',
        "# For a kubelet alone, and none is here: it opens a TCP port.",
        f'disabled_plugins = ["{KUBELETS}"]',
        "",
        "# Else it makes /opt/containerd.",
        '[plugins."io.containerd.internal.v1.opt"]',
        f'path = "{root}/opt"',
        "",
    ])
    return f"# Written by the runbook, sha256 {hashlib.sha256(rest.encode()).hexdigest()} of the rest.\n{rest}"


def made_by(text: str | None, path: str, *, packaged: bool) -> Maker:
    """Who made it: ours has its signature, the package's is as it was installed, any other is somebody's."""
    if text is None:
        return Maker.NOBODY
    signed = SIGNED.match(text)
    if signed and hashlib.sha256(text[signed.end():].encode("utf-8", "surrogateescape")).hexdigest() == signed[1]:
        return Maker.RUNBOOK
    return Maker.PACKAGE if packaged and path == DEFAULT_PATH else Maker.HAND


def unfit(effective: Mapping[str, object], complaint: str, disabled: frozenset[str], snapshotter: str) -> str:
    """Why the service cannot run under a configuration; empty where it can."""
    if complaint or not effective:
        return f"containerd cannot read it: {complaint or 'it says nothing of it'}"
    off = sorted({*NEEDED, f"io.containerd.snapshotter.v1.{snapshotter}"} & disabled)
    return f"it disables {', '.join(off)}" if off else ""
