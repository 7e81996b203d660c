"""A path of the machine that built a program is found in it; what -trimpath took out is not."""

from __future__ import annotations

from pathlib import Path

from runbook.elf.leaks import leaked


def test_a_folder_is_found_by_what_lies_in_it(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"\0/work/of/somebody/main.go\0/usr/lib\0")
    assert leaked(file, ["/work/of/somebody", "/work/of/nobody", Path("/work/of")]) == ("/work/of/somebody", "/work/of")


def test_what_any_program_has_is_no_leak(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"/tmp/x /usr/lib /")
    assert leaked(file, ["/", "/tmp", "/usr", "", "off"]) == ()


def test_go_leaves_its_folders_where_they_are_not_trimmed(riscv64_program: Path) -> None:
    assert leaked(riscv64_program, [riscv64_program.parent]) == (str(riscv64_program.parent),)
