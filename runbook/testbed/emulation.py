"""Foreign programs: the kernel runs a target's binaries through QEMU's user-mode emulator (binfmt_misc)."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runbook.targets import Elf, Target, load_target
from runbook.testbed.layout import STATES
from runbook.testbed.lock import changing
from runbook.testbed.program import TestbedError, run, search_path

BINFMT = Path("/proc/sys/fs/binfmt_misc")
SHARED = STATES / ".emulation"
"""Who uses what was registered: one folder an entry, one file a bed. A site's name never begins with `.`."""

MOUNTED = SHARED / "mounted"
FLAGS = "PF"
"""P: argv[0] is kept. F: the emulator is opened now, so no host needs it (admin-guide/binfmt-misc.rst)."""


@dataclass(frozen=True)
class Emulation:
    """Whether this machine runs a target's programs, and through what."""

    target: str
    available: bool
    native: bool = False
    why: str = ""                         # it is not available
    entry: str = ""                       # in binfmt_misc; ours begins with `runbook-`

    def __str__(self) -> str:
        if self.native:
            return f"{self.target}: native"
        return f"{self.target}: emulated" if self.available else f"{self.target}: cannot run here: {self.why}"


def header(elf: Elf) -> tuple[bytes, bytes]:
    """The first 20 bytes of a target's programs, and the mask of what counts in them (`man 5 elf`).

    ABI version and OS ABI do not count; ET_EXEC and ET_DYN are both programs.
    """
    order = "little" if elf.byte_order == "little" else "big"
    magic = (b"\x7fELF" + bytes([elf.bits // 32, 1 if order == "little" else 2, 1]) + bytes(9)
             + (2).to_bytes(2, order) + elf.machines[0].to_bytes(2, order))
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + (0xFFFE).to_bytes(2, order) + b"\xff\xff"
    return magic, mask


def registration(target: Target, emulator: str) -> str:
    """The line for binfmt_misc's `register`."""
    magic, mask = ("".join(f"\\x{byte:02x}" for byte in part) for part in header(target.elf))
    return f":runbook-{target.name}:M::{magic}:{mask}:{emulator}:{FLAGS}"


def runs(entry: str, magic: bytes) -> bool:
    """Whether an entry of binfmt_misc, as the kernel shows it, is enabled and takes such a program."""
    shown = dict(line.partition(" ")[::2] for line in entry.splitlines())
    if "enabled" not in shown or "magic" not in shown or shown.get("offset", "0") != "0":
        return False
    wanted = bytes.fromhex(shown["magic"])
    mask = bytes.fromhex(shown.get("mask", "ff" * len(wanted)))
    return len(wanted) <= len(magic) and all(
        have & bits == want & bits for have, want, bits in zip(magic, wanted, mask, strict=False))


def provide(target_name: str, bed: str) -> Emulation:
    """Have the target's programs run on this machine and all its hosts, as long as the bed stands.

    Where that cannot be, the value says why; the rehearsal then goes on natively.
    """
    target = load_target(target_name)
    if os.uname().machine in target.names.uname:
        return Emulation(target_name, True, native=True)
    emulator = shutil.which(target.names.qemu_user, path=search_path()) if target.names.qemu_user else None
    with changing(SHARED.name):
        try:
            _mount()
            existing = _existing(header(target.elf)[0])
            if existing and not existing.startswith("runbook-"):
                return Emulation(target_name, True, entry=existing)
            if not emulator:
                wanted = target.names.qemu_user or f"emulator of {target_name}"
                return Emulation(target_name, False, why=f"no {wanted} (package qemu-user-static)")
            users = SHARED / f"runbook-{target_name}"
            users.mkdir(parents=True, exist_ok=True)
            (users / bed).touch()
            if not existing:
                (BINFMT / "register").write_text(registration(target, emulator))
        except (OSError, TestbedError) as error:
            return Emulation(target_name, False, why=f"binfmt_misc: {error}".splitlines()[0])
    return Emulation(target_name, True, entry=users.name)


def release(bed: str) -> None:
    """Give back what a bed used; what nobody uses any more is unregistered, if a bed registered it."""
    if not SHARED.exists():
        return
    with changing(SHARED.name):
        for users in [folder for folder in SHARED.iterdir() if folder.is_dir()]:
            (users / bed).unlink(missing_ok=True)
            if not any(users.iterdir()):
                if (BINFMT / users.name).exists():
                    (BINFMT / users.name).write_text("-1")
                users.rmdir()
        if MOUNTED.exists() and not any(entry.is_dir() for entry in SHARED.iterdir()):
            if (BINFMT / "register").exists():
                run("umount", str(BINFMT))
            MOUNTED.unlink()
        if not any(SHARED.iterdir()):
            SHARED.rmdir()


def _mount() -> None:
    if (BINFMT / "register").exists():
        return
    SHARED.mkdir(parents=True, exist_ok=True)
    MOUNTED.touch()
    run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))


def _existing(magic: bytes) -> str:
    for entry in sorted(BINFMT.iterdir()):
        if entry.name not in ("register", "status") and runs(entry.read_text(), magic):
            return entry.name
    return ""
