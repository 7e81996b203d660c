"""Unpacking an archive that is not trusted: only files and links that stay inside, and no more than is plausible."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from runbook.errors import BuildFailed

LARGEST = 6 << 30   # bytes: a kernel's sources unpack to 1.4 GB
MOST = 300_000      # members: a kernel's sources have 84,000
# Debian 12's own Python has no filters yet, later ones warn without; what is refused is decided here either way.
_FILTER = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}


def _as_it_is(member: tarfile.TarInfo) -> None:
    """Alters nothing."""


def unpack(archive: Path, into: Path, *, largest: int = LARGEST, most: int = MOST,
           mend: Callable[[tarfile.TarInfo], None] = _as_it_is) -> Path:
    """Unpacks below `into` (a new folder) and returns the one folder in it, or `into` where there are several.

    `mend` may alter a member before it is judged. Owners and set-user bits are not taken over. Raises BuildFailed,
    with the member's name, for one that would land outside, for a device, for more bytes or members than `largest`
    and `most`, and for what is no archive.
    """
    into.mkdir(parents=True)
    inside = os.path.realpath(into)
    parents = {inside}  # folders that were looked at: a folder cannot become a link afterwards
    total = 0
    try:
        with tarfile.open(archive, "r|*") as members:
            for number, member in enumerate(members, 1):
                total += member.size
                mend(member)
                wrong = _wrong(member, inside, parents)
                if total > largest or number > most:
                    wrong = f"the archive unpacks to more than {largest >> 20} MiB or {most} files: a bomb?"
                if wrong:
                    raise _refusal(archive, member.name, wrong)
                if member.islnk() and os.path.normpath(member.linkname) == os.path.normpath(member.name):
                    continue  # packed twice: the second is a link to itself
                member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
                member.mode = member.mode & 0o755 | 0o600
                members.extract(member, into, **_FILTER)
    except (tarfile.TarError, EOFError) as error:
        raise BuildFailed(f"{archive.name}: it is no whole tar archive: {error}",
                          next="fetch it again, and compare its SHA-256 with the published one") from error
    for parent, folders, files in os.walk(into):  # a link is judged again when what it goes through is there too
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            if os.path.islink(path) and not _inside(path, inside):
                raise _refusal(archive, os.path.relpath(path, into), "a link that leads out of the folder")
    found = list(into.iterdir())
    return found[0] if len(found) == 1 and found[0].is_dir() else into


def _refusal(archive: Path, member: str, wrong: str) -> BuildFailed:
    return BuildFailed(f"{archive.name}: {member}: {wrong}",
                       next="take the archive from where the project itself publishes it")


def _wrong(member: tarfile.TarInfo, inside: str, parents: set[str]) -> str:
    at = os.path.join(inside, member.name)
    parent = os.path.dirname(at)
    if parent not in parents:
        if not _inside(parent, inside):
            return "its path leads out of the folder"
        if os.path.isdir(parent) and not os.path.islink(parent):
            parents.add(parent)
    if os.path.basename(member.name) == "..":
        return "its path leads out of the folder"
    if member.issym() and not _inside(os.path.join(os.path.dirname(at), member.linkname), inside):
        return f"a link that leads out of the folder, to {member.linkname}"
    if member.islnk() and not _inside(os.path.join(inside, member.linkname), inside):
        return f"a link that leads out of the folder, to {member.linkname}"
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "neither a file nor a folder nor a link"
    return ""


def _inside(path: str, inside: str) -> bool:
    found = os.path.realpath(path)
    return found == inside or found.startswith(inside + os.sep)
