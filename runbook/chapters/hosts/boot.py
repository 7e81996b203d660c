"""How a host came up: firmware's and kernel's times, the boot loader's files, the kernel's image, its first names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.article import named_functions
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

PART = re.compile(r"((?:\d+min )?[\d.]+m?s) \((firmware|loader|kernel|initrd|userspace)\)")
RANGE = re.compile(r"^\s*([0-9a-f]+)-([0-9a-f]+) : (.*)$", re.MULTILINE)
HEADER_AT = 0x202  # "HdrS" of a bzImage, Linux Documentation/arch/x86/boot.rst
IMAGES = {"1f8b": "compressed by gzip", "fd37": "compressed by xz", "28b5": "compressed by zstd", "7f45": "ELF"}


@dataclass(frozen=True)
class Boot:
    """What a host says of its own start. Times in seconds, none where there is no systemd or no firmware's clock."""

    seconds: Mapping[str, float] = field(hash=False)  # firmware, loader, kernel, initrd, userspace
    grub: tuple[str, ...]  # grub.cfg files on the EFI partition
    image: str  # how the running kernel's image begins; empty: it cannot be read
    reserved: tuple[tuple[int, int, str], ...]  # /proc/iomem: first and last address, and what it is
    functions: frozenset[str]  # of the kernel's symbols those that were asked for
    symbols: bool  # whether there is a table of symbols at all

    def __str__(self) -> str:
        told = [f"{name} {seconds:.3g} s" for name, seconds in self.seconds.items()]
        return ", ".join(told + [f"image {self.image}"] * bool(self.image)) or "it does not tell how it came up"


def parse_boot(text: str) -> Boot:
    parts = sections(text)
    ranges = ((int(begin, 16), int(end, 16), what) for begin, end, what in RANGE.findall(parts.get("iomem", "")))
    return Boot(
        {name: _seconds(told) for told, name in PART.findall(parts.get("time", ""))},
        tuple(parts.get("grub", "").split()),
        _image(parts.get("image", "").split(), parts.get("header", "").strip()),
        tuple(one for one in ranges if one[1]),  # who is not root sees zeros
        frozenset(parts.get("functions", "").split()),
        parts.get("symbols", "").strip() not in ("", "0"),
    )


def _seconds(told: str) -> float:
    """systemd's `1min 2.345s` or `789ms`."""
    found = re.fullmatch(r"(?:(\d+)min )?([\d.]+)(m?)s", told)
    return (int(found[1] or 0) * 60 + float(found[2]) / (1000 if found[3] else 1)) if found else 0.0


def _image(first: list[str], header: str) -> str:
    if header == "HdrS":
        return "bzImage"
    if not first:
        return ""
    if first[:2] == ["4d", "5a"]:
        return "EFI program"
    return IMAGES.get("".join(first[:2]), f"beginning with {''.join(first)}")


def boot_question(functions: tuple[str, ...]) -> Question:
    """How a host came up, and which of these functions its kernel has."""
    return Question(
        Script(
            "as=; [ $(id -u) = 0 ] || ! sudo -n true 2>/dev/null || as='sudo -n'\n"
            "image=/boot/vmlinuz-$(uname -r)\n"
            "echo '== time'; systemd-analyze time 2>/dev/null\n"
            "echo '== grub'; $as sh -c 'ls -d /boot/efi/EFI/*/grub.cfg' 2>/dev/null\n"
            'echo \'== image\'; $as head -c 4 "$image" 2>/dev/null | od -An -tx1\n'
            f"echo '== header'; $as tail -c +{HEADER_AT + 1} \"$image\" 2>/dev/null | head -c 4 | tr -dc A-Za-z; echo\n"
            "echo '== iomem'; $as cat /proc/iomem 2>/dev/null\n"
            "echo '== symbols'; grep -c . /proc/kallsyms 2>/dev/null\n"
            "echo '== functions'; for name; do\n"
            '  grep -m1 -o -w -- "$name" /proc/kallsyms 2>/dev/null\n'
            "done; :",
            args=functions,
        ),
        parse_boot,
    )


BOOT = boot_question(named_functions("2.5-d"))
"""With the functions that the article says the kernel has."""
