"""containerd's configuration: whose it is, and whether the service can run under it."""

from __future__ import annotations

import tomllib

import pytest

from runbook.chapters.containers.configuration import DEFAULT_PATH, KUBELETS, Maker, config_text, made_by, unfit

OURS = config_text((1, 6), "/var/lib/containerd", "/run/containerd")
FINE = {"version": 2, "root": "/data"}


@pytest.mark.parametrize(("version", "form"), [((1, 6), 2), ((1, 7), 2), ((2, 0), 3), ((2, 1), 3)])
def test_each_containerd_gets_the_version_of_the_file_that_it_reads(version: tuple[int, int], form: int) -> None:
    told = tomllib.loads(config_text(version, "/data", "/run/data"))
    assert (told["version"], told["root"], told["state"]) == (form, "/data", "/run/data")
    assert told["disabled_plugins"] == [KUBELETS]


def test_whose_a_configuration_is_is_told_by_its_own_text() -> None:
    assert made_by(None, DEFAULT_PATH, packaged=False) is Maker.NOBODY
    assert made_by(OURS, DEFAULT_PATH, packaged=False) is Maker.RUNBOOK
    assert made_by(OURS.replace("/var/lib", "/srv"), DEFAULT_PATH, packaged=False) is Maker.HAND
    assert made_by("version = 2\n", DEFAULT_PATH, packaged=True) is Maker.PACKAGE
    assert made_by("version = 2\n", "/etc/containerd/other.toml", packaged=True) is Maker.HAND


def test_a_configuration_is_unfit_only_where_it_takes_away_what_is_needed() -> None:
    assert not unfit(FINE, "", frozenset({KUBELETS}), "overlayfs")
    assert not unfit(FINE, "", frozenset({"io.containerd.snapshotter.v1.overlayfs"}), "native")
    off = unfit(FINE, "", frozenset({"io.containerd.snapshotter.v1.overlayfs"}), "overlayfs")
    assert off == "it disables io.containerd.snapshotter.v1.overlayfs"
    tasks = "io.containerd.grpc.v1.tasks"
    assert unfit(FINE, "", frozenset({tasks}), "native") == f"it disables {tasks}"
    assert unfit({}, "toml: line 3", frozenset(), "native") == "containerd cannot read it: toml: line 3"
