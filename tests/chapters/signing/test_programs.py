"""What signs and what checks is built by a Go that can, and where none can it is said what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.chapters.signing import programs
from runbook.chapters.toolchain.observe import Go
from runbook.elf import read
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target


@pytest.fixture
def vendors(site: Site, old_go: Go, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose Go is an old port; the project's own is there too."""
    find = programs.find_go

    def found(asked: Site, shell: LocalShell) -> Go:
        return old_go if asked is site else find(asked, shell)

    monkeypatch.setattr(programs, "find_go", found)
    return site


def test_an_old_port_leaves_it_to_the_projects_own_go(vendors: Site, local: LocalShell) -> None:
    built = programs.signer(vendors, local)
    assert built.recipe.go.numbers >= (1, 26) and read(built.path).linking.is_static


def test_where_no_go_builds_for_a_host_it_is_said_what_to_do(
    vendors: Site, local: LocalShell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = load_target("sw64").names.uname[0]
    with pytest.raises(Blocked, match=f"verify for {machine}, .* asks for Go 1.18, the site's is 1.16.4") as error:
        programs.verifier(machine, vendors, local)
    assert "on_hosts = false in [signing]" in error.value.next
    monkeypatch.setattr(programs, "PREPARED", tmp_path / "nothing")
    with pytest.raises(Blocked, match=r"1\.16\.4"):
        programs.verifier(os.uname().machine, vendors, local)


@pytest.mark.parametrize("target", ["riscv64", *(pytest.param(one, marks=pytest.mark.long) for one in (
    "loong64", "arm64"))])
def test_hosts_of_other_machines_get_a_verifier_of_theirs(site: Site, local: LocalShell, target: str) -> None:
    wanted = load_target(target)
    binary = read(programs.verifier(wanted.names.uname[0], site, local).path)
    assert binary.machine in wanted.elf.machines and binary.linking.is_static and binary.size < 4 << 20


