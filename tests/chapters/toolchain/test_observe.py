"""The site's Go is found, or what is missing is said with the mending command."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.judges import look_into
from runbook.chapters.toolchain.observe import PREPARED, find_go, require, require_whole
from runbook.chapters.toolchain.passport import passport
from runbook.errors import Blocked
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from tests.chapters.gos import fake_go, with_go


def test_the_prepared_go_says_its_version_and_what_it_builds_for(site: Site, local: LocalShell) -> None:
    go = find_go(site, local)
    assert go.numbers >= (1, 21) and go.builds_for("riscv64") and not go.builds_for("sw64")
    require(go, load_target("riscv64"))


def test_a_version_is_found_where_set_up_keeps_it(site: Site, local: LocalShell) -> None:
    version = (PREPARED / "VERSION").read_text().split()[0].removeprefix("go")
    assert find_go(with_go(site, "version", version), local).origin == "version"


def test_a_missing_go_blocks_with_the_command_that_mends_it(
    site: Site, local: LocalShell, tmp_path: Path
) -> None:
    with pytest.raises(Blocked, match="no Go there") as missing:
        find_go(with_go(site, "dir", f"{tmp_path}/nowhere"), local)
    assert "setup/prepare" in missing.value.next
    with pytest.raises(Blocked, match="Go 1.99.9 of the site") as unknown:
        find_go(with_go(site, "version", "1.99.9"), local)
    assert "setup/prepare" in unknown.value.next


def test_a_go_for_another_machine_blocks(site: Site, local: LocalShell, tmp_path: Path) -> None:
    program = tmp_path / "go" / "bin" / "go"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF" + bytes(60))
    program.chmod(0o755)
    with pytest.raises(Blocked, match="does not run on this machine"):
        find_go(with_go(site, "dir", f"{tmp_path}/go"), local)


def test_a_go_that_does_not_know_the_target_says_which_ports_were_seen(site: Site, local: LocalShell) -> None:
    with pytest.raises(Blocked, match="does not build for linux/sw64") as refused:
        require(find_go(site, local), load_target("sw64"))
    assert "1.22.6" in refused.value.next


def test_a_vendors_port_is_taken_at_its_word(site: Site, local: LocalShell, tmp_path: Path) -> None:
    port = fake_go(tmp_path / "port", lists="linux/amd64\nlinux/sw64")
    go = find_go(with_go(site, "dir", str(port)), local)
    assert (go.version, go.numbers) == ("1.16.4", (1, 16))
    require(go, load_target("sw64"))


def test_a_persons_own_flags_reach_no_go(site: Site, journal: Journal) -> None:
    """A Go of before 1.18 stops at `-buildvcs`, which people write into theirs for good."""
    shell = LocalShell(journal, env={"GOFLAGS": "-no-such-flag"})
    go = find_go(site, shell)
    seen = passport(go, load_target("riscv64"), NoCompiler("riscv64", "", ""), shell)
    assert not seen.silent and look_into(go, shell).compiler
    require_whole(go, load_target("riscv64"), shell)
