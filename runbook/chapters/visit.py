"""A program's visit to a host: put into a folder of its own, run, and removed, whatever came of it."""

from __future__ import annotations

import hashlib
import io
import re
import signal
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from runbook.remote.command import Script
from runbook.remote.shell import Shell

ARRIVE = """
name=$1 sum=$2 by=$3; shift 3
folder=
trap '[ -z "$folder" ] || rm -rf -- "$folder"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
for parent in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do
  folder=$(mktemp -d -- "$parent/runbook-visit.XXXXXXXX" 2>/dev/null) || { folder=; continue; }
  # A folder of a file system that is mounted noexec is of no use.
  printf '#!/bin/sh\\n' >"$folder/try" && chmod 700 "$folder/try" && "$folder/try" 2>/dev/null && break
  rm -rf -- "$folder"; folder=
done
[ -n "$folder" ] || { echo "no folder to run a program from: tried ${TMPDIR:-/tmp}, /var/tmp, $HOME" >&2; exit 77; }
rm -f -- "$folder/try"
cd "$folder" && umask 077 && cat >"$name" && chmod 700 "$name" || exit 74
came=$(sha256sum <"$name")
[ "${came%% *}" = "$sum" ] || { echo "SHA-256 ${came%% *} arrived instead of $sum" >&2; exit 65; }
"""
"""`$1` the program's name, `$2` its SHA-256, `$3` what runs it (empty: the kernel), which are shifted away; the program
comes by standard input, into a folder that is the current one and is gone when the script ends."""

VISIT = ARRIVE + """
${by:+"$by"} "./$name" "$@" </dev/null
printf '\\n== left with %s\\n' $?
"""
"""What follows are the program's arguments."""

VISIT_AMONG = ARRIVE + """
at=$1 program=$2 variable=$3 value=$4; shift 4
command -v tar >/dev/null || { echo "no tar on this host, and the program needs files beside it" >&2; exit 69; }
tar -xpof "$name" && rm -f -- "$name" && cd "$at" || exit 74
export "$variable=$folder/$value"
${by:+"$by"} "./$program" "$@" </dev/null
printf '\\n== left with %s\\n' $?
"""
"""What came is a tar: `$1` is the folder in it to run in, `$2` the program there, `$3` a variable that names `$4`."""

LEFT = re.compile(rb"\n== left with (\d+)\n\Z")


@dataclass(frozen=True)
class Around:
    """Files that a program wants to find: a tar, the folder in it to run in, a variable that names a place in it."""

    archive: bytes = field(repr=False)
    folder: str
    variable: str
    value: str

    def holding(self, program: Path) -> bytes:
        """The tar with the program in that folder."""
        whole, data = io.BytesIO(self.archive), program.read_bytes()
        with tarfile.open(fileobj=whole, mode="a") as made:
            entry = tarfile.TarInfo(f"{self.folder}/{program.name}")
            entry.size, entry.mode = len(data), 0o700
            made.addfile(entry, io.BytesIO(data))
        return whole.getvalue()


@dataclass(frozen=True)
class Visit:
    """What a program did on a host: exit code, both outputs, and the seconds with the way there."""

    host: str
    exit_code: int
    output: str
    complaint: str
    seconds: float

    @property
    def ended_by(self) -> str:
        """The signal that ended it, by name; empty where it came to its own end."""
        return name_of_signal(self.exit_code - 128) if self.exit_code > 128 else ""

    @property
    def last_words(self) -> str:
        """The last line that it said, for a reason."""
        said = (self.complaint.strip() or self.output.strip()).splitlines()
        return said[-1].strip() if said else "it said nothing"

    def __str__(self) -> str:
        return f"ended by {self.ended_by}" if self.ended_by else f"exit {self.exit_code}"


def visit(shell: Shell, program: Path, *arguments: str, limit: float, by: str = "",
          around: Around | None = None) -> Visit:
    """Runs the program on the host as the user who logs in, and leaves nothing of it there. `by` is an emulator.

    It runs in an empty folder, or among the files that it wants to find `around` it.

    This is a measurement, no change: no plan, no undo, and nothing to undo, since the host itself removes the folder
    when the program ends, is stopped at its `limit` (seconds), or the connection is lost.
    Raises the errors of `Shell.run`; the program's own exit code is in the answer, whatever it is.
    """
    data = around.holding(program) if around else program.read_bytes()
    name = "around.tar" if around else program.name
    where = (around.folder, program.name, around.variable, around.value) if around else ()
    words = Script(VISIT_AMONG if around else VISIT, limit=limit).command(
        name, hashlib.sha256(data).hexdigest(), by, *where, *arguments, stdin=data)
    result = shell.run(words)
    left = LEFT.search(result.stdout)
    output = result.stdout[: left.start()] if left else result.stdout
    return Visit(result.host, int(left[1]) if left else result.exit_code, output.decode("utf-8", "replace"),
                 result.stderr.decode("utf-8", "replace"), result.seconds)


def name_of_signal(number: int) -> str:
    """SIGSEGV for 11; the number where it has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
