"""A sysroot is a host's own C library: every link ends inside it, and what is built against it runs there."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import Compiler, find_compiler
from runbook.chapters.toolchain.cross.cgo import build_cgo, try_cgo
from runbook.chapters.toolchain.cross.sysroot import parse_places, take, unpack_mended
from runbook.chapters.toolchain.observe import find_go
from runbook.errors import Blocked, BuildFailed
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site
from runbook.targets import load_target, of_machine
from runbook.testbed.bed import Bed
from runbook.verdict import Basis
from tests.chapters.toolchain.cross import tiny

TARGET = load_target("riscv64")
HERE = of_machine(os.uname().machine)


def test_places_are_read_with_the_machine_of_their_library() -> None:
    places = parse_places("/\t/usr/lib64\t/usr/include\t 22 153\n/usr/x\t/usr/x/lib\t/usr/x/include\t 243 0\n")
    assert places[0].is_for(load_target("sw64")) and not places[0].is_for(TARGET)
    assert places[1].is_for(TARGET) and str(places[1]) == "/usr/x/lib and /usr/x/include"


def packed(folder: Path, *links: tuple[str, str]) -> Path:
    with tarfile.open(folder / "sysroot.tar", "w") as made:
        (folder / "libm.so.6").write_text("library")
        made.add(folder / "libm.so.6", "usr/lib/x/libm.so.6")
        for name, to in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, to
            made.addfile(link)
    return folder / "sysroot.tar"


def test_absolute_links_are_mended_to_where_the_file_lies(tmp_path: Path) -> None:
    archive = packed(tmp_path, ("usr/lib/x/libm.so", "/lib/x/libm.so.6"), ("lib", "usr/lib"),
                     ("usr/lib/x/same.so", "libm.so.6"))
    assert unpack_mended(archive, tmp_path / "tree") == 1
    assert os.readlink(tmp_path / "tree" / "usr" / "lib" / "x" / "libm.so") == "../../../lib/x/libm.so.6"
    assert (tmp_path / "tree" / "usr" / "lib" / "x" / "libm.so").read_text() == "library"


@pytest.mark.parametrize(("name", "to"), [
    ("usr/lib/x/libm.so", "/opt/vendor/libm.so.6"), ("usr/lib/x/libm.so", "../../../../../../etc/passwd"),
    ("usr/lib/x/libm.so", "gone.so"), ("usr/include", "/usr/local/include"),
])
def test_a_link_that_leads_out_is_refused_by_its_name(name: str, to: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=f"{name}: a link that leads out"):
        unpack_mended(packed(tmp_path, (name, to)), tmp_path / "tree")


def test_a_host_without_a_c_library_for_the_target_is_told_what_to_install(local: LocalShell, tmp_path: Path) -> None:
    with pytest.raises(Blocked, match="crt1.o and stdio.h for sw64 is looked for; none at all") as refused:
        take(local, load_target("sw64"), tmp_path)
    assert "libc6-dev" in refused.value.next


def test_this_machines_own_c_library_is_taken_whole_and_a_change_of_it_is_seen(
    local: LocalShell, tmp_path: Path
) -> None:
    if not Path(f"/usr/lib/{HERE.names.multiarch}/crt1.o").exists():
        pytest.skip("no C library with its headers on this machine")
    seen = take(local, HERE, tmp_path)
    assert seen.place.root == "/" and not seen.changed() and (seen.include / "stdio.h").exists()
    assert (seen.path / HERE.elf.interpreters[0].lstrip("/")).exists()
    (seen.lib / "crt1.o").write_text("tampered")
    assert seen.changed()


@pytest.mark.long
def test_a_cgo_program_against_this_machines_own_c_library_runs(
    local: LocalShell, site: Site, tmp_path: Path
) -> None:
    found = find_compiler(HERE, local)
    if not isinstance(found, Compiler) or not Path(f"/usr/lib/{HERE.names.multiarch}/libc.a").exists():
        pytest.skip(f"no C compiler with a static C library for this machine: {found}")
    seen = take(local, HERE, tmp_path)
    trial = try_cgo(find_go(site, local), found, seen, HERE, local, local, Basis.NATIVE)
    assert [one.why for one in trial.runs] == ["", ""], trial.runs
    assert all(one.said.startswith(f"cgo linux/{HERE.goarch} glibc ") for one in trial.runs)
    assert [bool(one.interpreter) for one in trial.runs] == [False, True]


def test_nothing_of_the_builders_own_c_library_gets_into_the_program(
    local: LocalShell, site: Site, tmp_path: Path
) -> None:
    """The compiler has a C library of its own beside it; without the sysroot's the build fails instead of taking it."""
    tiny.needs_the_cross_compiler()
    found = find_compiler(TARGET, local)
    assert isinstance(found, Compiler)
    seen = take(local, TARGET, tmp_path)
    (seen.lib / "libc.a").unlink()
    (seen.lib / "libc.a").write_bytes(b"!<arch>\n")
    with pytest.raises(BuildFailed):
        build_cgo(find_go(site, local), found, seen, TARGET, local, tmp_path / "cgo", static=True)


def test_a_testbed_hosts_sysroot_makes_cgo_programs_that_run_on_that_host(
    bed: Bed, journal: Journal, local: LocalShell, site: Site, tmp_path: Path
) -> None:
    tiny.needs_the_cross_compiler()
    found = find_compiler(TARGET, local)
    assert isinstance(found, Compiler)
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as fleet:
        host = fleet[fleet.names[0]]
        seen = take(host, TARGET, tmp_path)
        assert seen.host == "node1" and str(seen) == "node1: the C library's headers and libraries"
        trial = try_cgo(find_go(site, local), found, seen, TARGET, local, host, Basis.EMULATED)
    assert str(trial) == "node1: cgo, static: ran\nnode1: cgo, dynamic: ran\nnode1: C++: ran", trial
    assert all(one.said.startswith("cgo linux/riscv64 glibc ") for one in trial.runs)
