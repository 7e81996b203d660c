"""A stage's sources: hashed, unpacked or copied, patched in order, and kept under the hash of all that."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.toolchain.cross.archive import unpack
from runbook.chapters.toolchain.cross.recipe import Source
from runbook.chapters.toolchain.passport import sources_sha256
from runbook.digest import sha256_of
from runbook.errors import Blocked, BuildFailed, CommandFailed
from runbook.remote.command import command
from runbook.remote.shell import Shell

READY = ".runbook-ready"


@dataclass(frozen=True)
class Content:
    """What a source is by its bytes."""

    sha256: str  # of the archive, or over the folder's files
    patches: tuple[tuple[str, str], ...]  # name and SHA-256, in order

    @property
    def key(self) -> str:
        told = "\n".join((self.sha256, *(sha256 for _, sha256 in self.patches)))
        return hashlib.sha256(told.encode()).hexdigest()


def content_of(source: Source) -> Content:
    """Reads all of it. Raises Blocked where something is not there, or is not what its SHA-256 says."""
    path = source.origin.path
    try:
        if not source.origin.sha256:
            if not path.is_dir():
                raise Blocked(f"{path}: no such folder, the sources of {source.name} should be there",
                              next="mend `from` of that [[source]]")
            told = sources_sha256(path)[0]
        else:
            told = sha256_of(path)
        patches = tuple((patch.name, sha256_of(patch)) for patch in source.patches)
    except OSError as error:
        raise Blocked(f"{error.filename}: {error.strerror}, {source.name} is built from it",
                      next="fetch it, or mend that [[source]]") from error
    if source.origin.sha256 not in ("", told):
        raise Blocked(f"{path.name}: its SHA-256 is {told}, not {source.origin.sha256}",
                      next="it is not the archive that was meant: fetch it again, or mend `from` of that [[source]]")
    return Content(told, patches)


def prepared(source: Source, content: Content, folder: Path, shell: Shell) -> Path:
    """The patched sources below `folder`, made now or by an earlier build. Raises BuildFailed."""
    home = folder / f"{source.name}-{content.key[:12]}"
    ready = home / READY
    if ready.exists():
        return home / ready.read_text()
    shutil.rmtree(home, ignore_errors=True)
    whole = home / "whole"
    if source.origin.sha256:
        root = unpack(source.origin.path, whole)
    else:
        root = Path(shutil.copytree(source.origin.path, whole, symlinks=True))
    for patch in source.patches:
        try:
            shell.run(command("patch", f"-p{source.strip}", "--forward", "--batch", "--fuzz=0", "-d", str(root), "-i",
                              str(patch), limit=300.0))
        except CommandFailed as error:
            raise BuildFailed(f"{source.name}: {patch.name} does not apply to these sources", tail=error.tail,
                              next="patches are applied in their order, to the release they were made for") from error
    # One that was there before would be taken for whole after a kill: the mark comes last, and at once.
    (home / f"{READY}.new").write_text(str(root.relative_to(home)))
    os.replace(home / f"{READY}.new", ready)
    return root
