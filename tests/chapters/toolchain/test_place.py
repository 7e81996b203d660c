"""A site's Go comes as a folder, an archive, or from a host, and is taken for what it contains, not for its name."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.toolchain import observe, store
from runbook.chapters.toolchain.goroot import goroot_in, look_at
from runbook.chapters.toolchain.observe import find_go, require
from runbook.errors import Blocked
from runbook.journal import Journal
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from tests.chapters.gos import fake_go, with_go

SW64 = load_target("sw64")
NEW_FOLDER = Script("folder=$(mktemp -d) && mkdir -p $folder/bin $folder/src/runtime && echo $folder")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "STORE", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """What a vendor's release looks like; that it is one, its answers and its assembler say, not its name."""
    root = fake_go(tmp_path / "archive" / "some-name-2.0", lists="linux/amd64 linux/sw64")
    for folder in ("src/runtime", "src/cmd/internal/obj/sw64"):
        (root / folder).mkdir(parents=True)
    (root / "VERSION").write_text("go1.16.4\n")
    (root / "src/runtime/proc.go").write_text("package runtime\n")
    return root


@pytest.fixture
def packed(tmp_path: Path) -> Callable[[Path], Path]:
    def pack(root: Path) -> Path:
        with tarfile.open(tmp_path / "vendor.tar.gz", "w:gz") as tar:
            tar.add(root, root.name)
        return tmp_path / "vendor.tar.gz"
    return pack


def of_archive(site: Site, archive: Path, sha256: str = "") -> Site:
    told = with_go(site, "archive", str(archive))
    sum = sha256 or hashlib.sha256(archive.read_bytes()).hexdigest()
    return replace(told, toolchain=replace(told.toolchain, go=replace(told.toolchain.go, sha256=sum)))


def test_an_archive_is_unpacked_into_a_folder_of_its_content_and_a_second_time_nothing_is_done(
    site: Site, local: LocalShell, port: Path, packed, kept: Path
) -> None:
    named = of_archive(site, packed(port))
    go = find_go(named, local)
    require(go, SW64)
    assert go.root == kept / named.toolchain.go.sha256[:store.KEY_LENGTH] / "tree" / "some-name-2.0"
    assert (go.version, go.origin) == ("1.16.4", "archive")
    (kept.parent / "vendor.tar.gz").unlink()
    assert find_go(named, local) == go, "what was unpacked is enough"


def test_what_was_unpacked_and_then_lost_a_file_is_unpacked_anew(site: Site, local: LocalShell, port: Path, packed
                                                                 ) -> None:
    named = of_archive(site, packed(port))
    (find_go(named, local).root / "src/runtime/proc.go").unlink()
    assert (find_go(named, local).root / "src/runtime/proc.go").exists()


def test_a_wrong_sum_leaves_nothing(site: Site, local: LocalShell, port: Path, packed, kept: Path) -> None:
    with pytest.raises(Blocked, match="has the SHA-256 .* and the site says 0000"):
        find_go(of_archive(site, packed(port), "0" * 64), local)
    assert [one.name for one in kept.iterdir()] == ["lock"]


def test_a_killed_unpacking_leaves_no_half_of_a_go(site: Site, local: LocalShell, port: Path, packed, kept: Path
                                                   ) -> None:
    (kept / "new-killed" / "whole" / "tree").mkdir(parents=True)
    named = of_archive(site, packed(port))
    (kept / named.toolchain.go.sha256[:store.KEY_LENGTH] / "tree").mkdir(parents=True)  # and no record
    assert find_go(named, local).version == "1.16.4" and not (kept / "new-killed").exists()


def test_an_archive_without_a_go_is_refused_by_what_is_missing(site: Site, local: LocalShell, port: Path, packed
                                                               ) -> None:
    shutil.rmtree(port / "src")
    with pytest.raises(Blocked, match="vendor.tar.gz: there is no Go in it: no folder with src/runtime"):
        find_go(of_archive(site, packed(port)), local)


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_said(site: Site, local: LocalShell, port: Path, packed,
                                                                  kept: Path) -> None:
    kept.write_text("in the way")
    with pytest.raises(Blocked, match="no toolchain can be kept there") as refused:
        find_go(of_archive(site, packed(port)), local)
    assert "give it room" in refused.value.next


def test_an_archive_of_upstreams_go_is_refused_with_what_to_ask_the_vendor_for(
    site: Site, local: LocalShell, tmp_path: Path, packed
) -> None:
    named_like_a_port = fake_go(tmp_path / "archive" / "go1.22.6-sw64", lists="linux/amd64 linux/riscv64")
    (named_like_a_port / "src/runtime").mkdir(parents=True)
    with pytest.raises(Blocked, match="not in `go tool dist list`") as refused:
        require(find_go(of_archive(site, packed(named_like_a_port)), local), SW64)
    assert "upstream Go has no sw64 in any release: ask the vendor for its port" in refused.value.next
    assert "src/cmd/internal/obj/sw64" in refused.value.next


@pytest.mark.parametrize(("program", "told"), [
    ("echo hello, world\n", "is no Go: asked for its version, it says 'hello, world'"),
    ("exit 3\n", "does not run on this machine"),
    ("kill -SEGV $$\n", "does not run on this machine"),
    ("sleep 60\n", "does not run on this machine"),
    ("case $1 in version) echo go version go1.20 linux/amd64;; *) echo '[]';; esac\n", "is no Go"),
])
def test_a_program_that_is_no_go_crashes_or_hangs_is_refused(
    site: Site, local: LocalShell, port: Path, program: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "LIMIT", 0.5)
    (port / "bin/go").write_text("#!/bin/sh\n" + program)
    with pytest.raises(Blocked, match=told) as refused:
        find_go(with_go(site, "dir", str(port)), local)
    if "SEGV" in program:
        assert "SIGSEGV" in str(refused.value)
    if "sleep" in program:
        assert "no end within 0.5 s" in str(refused.value)


def test_a_go_for_another_machine_is_refused_even_where_an_emulator_would_run_it(
    site: Site, local: LocalShell, port: Path
) -> None:
    elf = bytearray(Path("/bin/true").read_bytes())
    elf[18:20] = (0x9916).to_bytes(2, "little")  # e_machine
    (port / "bin/go").write_bytes(elf)
    with pytest.raises(Blocked, match="does not run on this machine: it is for sw64"):
        find_go(with_go(site, "dir", str(port)), local)
    (port / "src/cmd/dist").mkdir()
    (port / "src/make.bash").touch()
    with pytest.raises(Blocked, match="a tree of sources that was not built for this machine") as refused:
        find_go(with_go(site, "dir", str(port)), local)
    assert "--only 02_toolchain_build" in refused.value.next
    assert look_at(port).program == "sw64"


def test_a_host_s_go_is_fetched_once_with_what_its_links_lead_to(
    site: Site, local: LocalShell, port: Path, tmp_path: Path, kept: Path
) -> None:
    """Split as Debian has it: the sources lie elsewhere."""
    (port / "src").rename(tmp_path / "share")
    (port / "src").symlink_to(tmp_path / "share")
    (port / "broken").symlink_to("nowhere")
    there = with_go(site, "host", str(port), "node1")
    go = find_go(there, local)
    assert (go.version, go.origin) == ("1.16.4", "host") and go.root.is_relative_to(kept)
    assert not (go.root / "src").is_symlink() and (go.root / "src/runtime/proc.go").read_text() == "package runtime\n"
    assert os.access(go.program, os.X_OK) and not (go.root / "broken").exists()
    before = go.root.stat().st_ino
    assert find_go(there, local).root.stat().st_ino == before, "not fetched again"
    (tmp_path / "share/runtime/proc.go").write_text("package runtime // mended\n")
    assert find_go(there, local).root != go.root, "another content, another folder"


def test_a_host_without_a_go_there_is_named(site: Site, local: LocalShell, tmp_path: Path) -> None:
    with pytest.raises(Blocked, match="node1: no Go is fetched from /nowhere: there is no folder /nowhere"):
        find_go(with_go(site, "host", "/nowhere", "node1"), local)
    with pytest.raises(Blocked, match="has neither bin/go nor src/make.bash"):
        find_go(with_go(site, "host", str(tmp_path), "node1"), local)


def test_a_testbed_hosts_go_is_fetched_over_ssh(bed: Bed, local: LocalShell, port: Path, journal: Journal) -> None:
    there = load_site(str(bed.site_file))
    name = there.hosts[0].name
    with Fleet.open(there, hosts=(name,), recorder=journal) as fleet:
        folder = fleet[name].run(NEW_FOLDER.command()).text.strip()
        for file in (one for one in port.rglob("*") if one.is_file()):
            fleet[name].put(file, f"{folder}/{file.relative_to(port)}", mode=file.stat().st_mode & 0o777)
        try:
            go = find_go(with_go(there, "host", folder, name), local)
            assert go.version == "1.16.4" and (go.root / "src/runtime/proc.go").exists()
        finally:
            fleet[name].run(command("rm", "-r", "--", folder))


def test_two_gos_in_one_archive_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fake_go(tmp_path / "in" / name, lists="linux/amd64")
        (tmp_path / "in" / name / "src/runtime").mkdir(parents=True)
    with pytest.raises(Blocked, match="more than one Go in it: one, two"):
        goroot_in(tmp_path / "in")


@pytest.mark.long
def test_a_release_taken_from_an_archive_is_a_whole_go(site: Site, local: LocalShell, tmp_path: Path) -> None:
    """Debian's Go 1.19, packed with its links followed, is a whole Go of 1.19 wherever it is unpacked."""
    debian = Path("/usr/lib/go-1.19")
    if not (debian / "bin/go").exists():
        pytest.skip("no golang-1.19-go here: setup/debian installs it")
    archive = tmp_path / "go1.19.tar"
    subprocess.run(["tar", "-chf", str(archive), "--exclude=./test", "--exclude=./pkg/linux_amd64*", "-C", str(debian),
                    "."], check=True, timeout=60)
    go = find_go(of_archive(site, archive), local)
    assert go.version.startswith("1.19") and go.builds_for("riscv64")
