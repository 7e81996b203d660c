"""Actions: the few things that a step may do on a host, as data that can be shown, kept and read back."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from runbook.diff import unified
from runbook.errors import RunbookError
from runbook.remote.secret import KNOWN, Secret

OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*")
HIDDEN = "content is a secret, sha256 not shown"


@dataclass(frozen=True)
class Run:
    """A command, as root: `Run("systemctl", "restart", unit)`. `also` are fine exit codes with their reasons.

    It always counts as a change, since nobody can know what it altered.
    """

    words: tuple[str, ...]
    limit: float = 60.0  # seconds
    also: Mapping[int, str] = field(default_factory=dict, hash=False)

    name: ClassVar[str] = "run"

    def __init__(self, *words: str, limit: float = 60.0, also: Mapping[int, str] | None = None) -> None:
        if not words or not all(isinstance(word, str) for word in words):
            raise TypeError("a command is one or more words of text; secrets come by files")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "limit", float(limit))
        object.__setattr__(self, "also", dict(also or {}))

    def __str__(self) -> str:
        return KNOWN.mask(shlex.join(self.words))

    @property
    def diff(self) -> str:
        return f"run: {self}"

    def to_dict(self) -> dict[str, object]:
        also = {str(code): reason for code, reason in self.also.items()}
        return {"action": self.name, "words": list(self.words), "limit": self.limit, "also": also}


@dataclass(frozen=True)
class _OnPath:
    path: str

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or posixpath.normpath(self.path) != self.path or self.path == "/":
            raise ValueError(f"{self.path!r}: not an absolute path without `.`, `..`, `//` and a last slash")
        if "\0" in self.path:
            raise ValueError(f"{self.path!r}: a path cannot hold a NUL byte")
        owner = getattr(self, "owner", "root:root")
        if not OWNER.fullmatch(owner):
            raise ValueError(f"{owner!r}: an owner is user:group")
        if not 0 <= getattr(self, "mode", 0) <= 0o7777:
            raise ValueError(f"{self.path}: the mode is not one of 0 to 0o7777")

    def __str__(self) -> str:
        return KNOWN.mask(f"{self.name} {self.path}")

    @property
    def diff(self) -> str:
        return f"{self}{self._rights}"

    @property
    def _rights(self) -> str:
        return f" ({self.mode:04o} {self.owner})" if hasattr(self, "mode") else ""

    def to_dict(self) -> dict[str, object]:
        rights = {"mode": f"{self.mode:04o}", "owner": self.owner} if hasattr(self, "mode") else {}
        return {"action": self.name, "path": self.path, **rights}


@dataclass(frozen=True)
class Replace(_OnPath):
    """A file with this content, mode and owner. `was` is what was seen there: it makes the diff.

    A link at the path is replaced by the file, and put back by the undo; what it points to is never touched.
    """

    content: str | bytes | Secret = field(repr=False)
    mode: int = 0o644
    owner: str = "root:root"
    was: str | None = field(default=None, compare=False, repr=False)

    name: ClassVar[str] = "replace"

    @property
    def data(self) -> bytes:
        """The very bytes; a secret is revealed here and nowhere else."""
        content = self.content.reveal() if isinstance(self.content, Secret) else self.content
        return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content

    @property
    def secret(self) -> bool:
        """Whether the content is a secret or holds one; then neither it nor its hash is shown anywhere."""
        return isinstance(self.content, Secret) or KNOWN.mask_bytes(self.data) != self.data

    @property
    def text(self) -> str | None:
        """The content where it is text that may be shown."""
        if self.secret:
            return None
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def diff(self) -> str:
        after = f"{self.path}{self._rights}"
        if self.secret:
            return f"replace {after}: {HIDDEN}"
        if self.text is None:
            return f"replace {after}: {len(self.data)} bytes, sha256 {self.sha256}"
        before = self.path if self.was is not None else "/dev/null"
        changes = unified(self.was, self.text, before=before, after=after)
        return KNOWN.mask(changes or f"replace {after}: the same content")

    def to_dict(self) -> dict[str, object]:
        if self.secret:
            content: dict[str, object] = {"secret": True}
        elif self.text is None:
            content = {"base64": base64.b64encode(self.data).decode()}
        else:
            content = {"content": self.text}
        return super().to_dict() | content


@dataclass(frozen=True)
class Place(_OnPath):
    """A file from this machine, known by its SHA-256: binaries, images, archives."""

    source: Path
    sha256: str
    mode: int = 0o755
    owner: str = "root:root"

    name: ClassVar[str] = "place"

    @property
    def diff(self) -> str:
        return f"{super().diff}: sha256 {self.sha256}"

    def to_dict(self) -> dict[str, object]:
        return super().to_dict() | {"source": str(self.source), "sha256": self.sha256}


@dataclass(frozen=True)
class Folder(_OnPath):
    """A folder with this mode and owner, in a folder that is there already."""

    mode: int = 0o755
    owner: str = "root:root"

    name: ClassVar[str] = "folder"


@dataclass(frozen=True)
class Restore(_OnPath):
    """Undo: what was at the path before the step, with owner and mode; nothing where nothing was."""

    name: ClassVar[str] = "restore"


@dataclass(frozen=True)
class Remove(_OnPath):
    """No file and no link at the path. As an undo of a file that the step wrote it is the same as Restore."""

    name: ClassVar[str] = "remove"


@dataclass(frozen=True)
class RemoveFolder(_OnPath):
    """No folder at the path; one that is not empty is refused. As an undo of Folder the same as Restore."""

    name: ClassVar[str] = "remove folder"


Action = Run | Replace | Place | Folder | Restore | Remove | RemoveFolder
CHANGES_A_PATH = (Replace, Place, Folder, Remove, RemoveFolder)


def action_of(raw: Mapping[str, object]) -> Action:
    """The action that `to_dict` wrote. Raises RunbookError where the content was a secret."""
    name, path = raw["action"], str(raw.get("path", ""))
    if name == Run.name:
        also = {int(code): str(reason) for code, reason in raw["also"].items()}  # type: ignore[attr-defined]
        return Run(*raw["words"], limit=float(str(raw["limit"])), also=also)  # type: ignore[misc]
    if name in (Restore.name, Remove.name, RemoveFolder.name):
        return {Restore.name: Restore, Remove.name: Remove, RemoveFolder.name: RemoveFolder}[str(name)](path)
    mode, owner = int(str(raw["mode"]), 8), str(raw["owner"])
    if name == Folder.name:
        return Folder(path, mode, owner)
    if name == Place.name:
        return Place(path, Path(str(raw["source"])), str(raw["sha256"]), mode, owner)
    if name != Replace.name:
        raise RunbookError(f"no action is called {name!r}", next="read it with the version that wrote it")
    if "secret" in raw:
        raise RunbookError(f"replace {path}: its content was a secret and is not in the journal",
                           next="write the file by hand, or run the chapter again")
    if "base64" in raw:
        return Replace(path, base64.b64decode(str(raw["base64"])), mode, owner)
    return Replace(path, str(raw["content"]), mode, owner)
