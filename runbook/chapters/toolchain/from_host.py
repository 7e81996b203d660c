"""The Go of a host of the site: named by its content there, and fetched once."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.unpack import unpack
from runbook.digest import sha256_of
from runbook.errors import Blocked, CommandFailed, TransferFailed
from runbook.remote.command import Script
from runbook.remote.strict import StrictShell

NOTHING, TOOLS = 66, 69  # EX_NOINPUT, EX_UNAVAILABLE of sysexits.h
FILES = """
for tool in find sort xargs tar sha256sum; do
  command -v "$tool" >/dev/null || { echo "$tool is not there" >&2; exit 69; }
done
cd "$1" 2>/dev/null || { echo "there is no folder $1" >&2; exit 66; }
[ -e bin/go ] || [ -e src/make.bash ] || { echo "$1 has neither bin/go nor src/make.bash" >&2; exit 66; }
files() { find -L . \\( -name .git -o -path ./pkg/obj \\) -prune -o -type f -print0 2>/dev/null | LC_ALL=C sort -z; }
"""
"""Of the folder `$1` every file, links followed: a distribution may have its sources elsewhere. pkg/obj is a cache."""
CONTENT = Script(FILES + "files | xargs -0 sha256sum | sha256sum", limit=600.0)
SEND = Script(FILES + "files | tar -chf - --null --no-recursion -T -", limit=3600.0)


def fetch_go(shell: StrictShell, there: str) -> Path:
    """The folder of this machine with the same files; fetched where they are not there yet.

    Raises Blocked where the host has no Go there, TransferFailed where it changed on the way, and a host's errors.
    """
    try:
        content = shell.run(CONTENT.command(there)).text.split()[0]
    except CommandFailed as error:
        if error.exit_code_seen not in (NOTHING, TOOLS):
            raise
        raise Blocked(f"{shell.name}: no Go is fetched from {there}: {error.tail.strip()}",
                      next="name the folder of a Go, which has bin/go and src, as host:NAME:/PATH in [toolchain] go")\
            from error

    return store.stored(content, lambda folder: fetch_into(shell, there, content, folder))


def fetch_into(shell: StrictShell, there: str, content: str, folder: Path) -> None:
    """Fetches all files of the host's folder into an empty one. Raises TransferFailed where they are not those of
    `content`, and the errors of a host."""
    with tempfile.NamedTemporaryFile(dir=folder.parent, suffix=".tar") as tar:
        shell.pour(SEND.command(there), Path(tar.name))
        unpack(Path(tar.name), folder)
    came = content_of(folder)
    if came != content:
        raise TransferFailed(shell.name, f"{there}: {came} arrived instead of {content}",
                             next="it may have changed while it was read: begin again")


def content_of(folder: Path) -> str:
    """What CONTENT prints of the same files: the SHA-256 of sha256sum's lines in the order of their names."""
    digest = hashlib.sha256()
    names = sorted(b"./" + str(path.relative_to(folder)).encode("utf-8", "surrogateescape")
                   for path in folder.rglob("*") if path.is_file())
    for name in names:
        sum = sha256_of(folder / name.decode("utf-8", "surrogateescape"))
        digest.update(sum.encode() + b"  " + name + b"\n")
    return digest.hexdigest()
