"""What a host says of itself as a place to compile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.chapters.buildhost.observe import COMPILERS, TOOLS, look_at, parse_build_host
from runbook.errors import Blocked
from runbook.remote.local import LocalShell

RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "debian-12-x86_64" / "build-host"


def test_a_recorded_host_is_read() -> None:
    seen = parse_build_host(RECORDED.read_text())
    assert (seen.machine, seen.owner, seen.folder) == ("x86_64", "root:root", "")
    assert seen.processors == 2 and seen.free > 1 << 30 and seen.has >= {*TOOLS, "bash"}
    assert seen.compiler in COMPILERS


def test_an_answer_that_broke_off_is_none() -> None:
    with pytest.raises((KeyError, ValueError)):
        parse_build_host("machine x86_64\nuser operator\n")


def test_this_machine_can_be_asked_and_a_lacking_tool_is_named(
    local: LocalShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = look_at(local)
    assert seen.machine == os.uname().machine and seen.name == "local" and seen.free > 0
    for tool in ("sh", "uname", "id", "stat", "df", "nproc", "tail", "cat", "timeout", "env", *TOOLS):
        if tool != "tar":
            found = next(Path(folder, tool) for folder in ("/usr/bin", "/bin") if Path(folder, tool).exists())
            (tmp_path / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Blocked, match="local has no tar: nothing can be compiled there") as blocked:
        look_at(LocalShell(local.recorder))
    assert "leave [build] on empty to compile here" in blocked.value.next
