"""The exported functions of real programs are those that readelf names, and damage raises nothing but a BinaryError."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest

from runbook.elf.symbols import exported_functions
from runbook.errors import BinaryError
from tests.elf.test_damaged_files import MEMORY, SECONDS, SEED, damaged, damaged_inside

# Alpha's functions have a word of their own before the section's number, and a name of Go's may hold spaces.
ROW = re.compile(r" *\d+: \S+ +\S+ (?:FUNC|IFUNC) +(?:GLOBAL|WEAK|UNIQUE) +\S+ +(?:\[[^]]*\] +)?(?:\d+|ABS) (.+)")
LIBRARIES = [path for path in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6",
                               "/usr/riscv64-linux-gnu/lib/libm.so.6", "/usr/alpha-linux-gnu/lib/libm.so.6.1")
             if Path(path).exists()]


def by_readelf(path: str, table: str) -> set[str]:
    told = subprocess.run(["readelf", "--wide", table, path], capture_output=True, text=True, check=True, timeout=60)
    return {found[1].partition("@")[0] for found in map(ROW.match, told.stdout.splitlines()) if found}


@pytest.mark.skipif(not shutil.which("readelf"), reason="no readelf (binutils) to compare with")
@pytest.mark.parametrize("path", LIBRARIES)
def test_a_librarys_functions_are_those_that_readelf_names(path: str) -> None:
    found = exported_functions(Path(path))
    assert {one.name for one in found} == by_readelf(path, "--dyn-syms") and len(found) > 200
    assert all(one.is_code and one.address for one in found) or "alpha" in path
    assert [one.name for one in found] == sorted(one.name for one in found)


def test_a_go_programs_functions_come_from_its_whole_table(riscv64_program: Path) -> None:
    found = {one.name: one for one in exported_functions(riscv64_program)}
    assert not found or all(one.is_code for one in found.values())
    if shutil.which("readelf"):
        assert set(found) == by_readelf(str(riscv64_program), "--syms")


def test_a_static_programs_functions_lie_in_code(tmp_path: Path) -> None:
    if not shutil.which("gcc"):
        pytest.skip("no gcc here")
    source, program = tmp_path / "two.c", tmp_path / "two"
    source.write_text("int exported(int a) { return a; }\nstatic int own(int a) { return -a; }\n"
                      "int main(void) { return own(0) + exported(0); }\n")
    subprocess.run(["gcc", "-O0", "-static", "-o", program, source], check=True, timeout=60)
    found = {one.name: one for one in exported_functions(program)}
    assert found["exported"].is_code and found["exported"].size > 4 and "own" not in found
    subprocess.run(["strip", program], check=True, timeout=60)
    assert exported_functions(program) == ()


def test_what_is_no_binary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for path in (tmp_path / "text", tmp_path / "none"):
        with pytest.raises(BinaryError):
            exported_functions(path)


@pytest.mark.skipif(not LIBRARIES, reason="no library of this machine's to damage")
def test_damage_raises_nothing_but_a_binary_error_within_its_bounds(tmp_path: Path) -> None:
    original, chance, file, refused = Path(LIBRARIES[0]).read_bytes(), random.Random(SEED), tmp_path / "damaged", 0
    for data in (*damaged(original, chance, 60), *damaged_inside(original, chance, 40)):
        file.write_bytes(data)
        tracemalloc.start()
        started = time.monotonic()
        try:
            exported_functions(file)
        except BinaryError:
            refused += 1
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY and time.monotonic() - started < SECONDS
    assert 10 < refused < 100
