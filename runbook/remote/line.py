"""The line that a host's shell gets: quoted words, a limit by timeout(1), and a header that tells the pid."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook.errors import UsageError
from runbook.remote.excerpt import Kept, Room

KILL_AFTER = 5.0
"""Seconds between SIGTERM and SIGKILL, where the limit has passed or the run is interrupted."""

LONGEST = 128 * 1024 - 256
"""Bytes of one argument: MAX_ARG_STRLEN of Linux's binfmts.h, 32 pages of 4 KiB, less the shell's own words."""

# $1 is the header's mark, $2 the limit, then the words. No variable is set: the environment may have it too.
# timeout(1) leads a process group of its own, under the pid that the header tells.
_WATCHED = """printf '%s %s watched\\n' "$1" "$$"; shift; exec timeout -k 5 "$@" """
# In a subshell `$$` is its parent: what the kernel says of who reads is its own pid.
_NESTED = """read -r runbook_pid runbook_rest </proc/self/stat; printf '%s %s watched\\n' "$1" "$runbook_pid"; """ \
          """unset runbook_pid runbook_rest; shift; exec timeout -k 5 "$@" """
_ALONE = """printf '%s %s alone\\n' "$1" "$$"; shift 2; exec "$@" """
# busybox has had a timeout without -k, or one without fractions: that is no help, and is passed by.
_FIRST = "if timeout -k 5 5.5 true 2>/dev/null; then " + _WATCHED + "; else " + _ALONE + "; fi"

Sink = Callable[[bytes], object]

_LOCALE = "LC_ALL=C; export LC_ALL; "

STOP = """
if read -r stat <"/proc/$1/stat"; then set -- "$1" ${stat##*) }; else set -- "$1" - - "$1"; fi 2>/dev/null
[ "$4" -gt 1 ] || exit 1
kill -s TERM -- "-$4" 2>/dev/null
kill -s CONT -- "-$4" 2>/dev/null
i=0
while kill -s 0 -- "-$4" 2>/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done
kill -s KILL -- "-$4" 2>/dev/null
exit 0
"""
"""Ends the process group of the pid `$1`: SIGTERM, five seconds, SIGKILL. Field 5 of /proc/PID/stat is the group
(`man 5 proc`); where the leader is gone, the group has its number."""

SWEEP = 'kill -s KILL -- "-$1" 2>/dev/null; exit 0'
"""Ends what is left of a group whose leader, timeout(1), has left already."""



@dataclass(frozen=True)
class Line:
    """A line for the login shell, and the mark with which its header begins; `nested` is the same for a subshell,
    empty where the host has no timeout(1) that makes a process group of it."""

    text: str
    mark: bytes
    nested: str


def seconds(limit: float) -> str:
    """A limit as timeout(1) reads it: 60, 0.5."""
    return f"{max(limit, 0.001):.3f}".rstrip("0").rstrip(".")


def compose(words: Sequence[str], *, limit: float, sudo: bool, stdin: bool, watched: bool | None) -> Line:
    """The line for one process. `watched`: whether the host has a timeout(1) of use; None: not known yet.

    Raises UsageError where the words are longer than one argument may be.
    """
    mark = secrets.token_hex(8)
    script = _FIRST if watched is None else _WATCHED if watched else _ALONE
    given = [mark, seconds(limit), *words]
    if sudo:
        text = nested = _LOCALE + shlex.join(["exec", "sudo", "-n", "sh", "-c", _LOCALE + script, "sh", *given])
    else:
        begin = _LOCALE + shlex.join(["set", "--", *given]) + "; "
        text, nested = begin + script, begin + _NESTED
    if not stdin:
        text, nested = "exec </dev/null; " + text, "exec </dev/null; " + nested
    if len(text.encode("utf-8", "surrogateescape")) > LONGEST:
        raise UsageError(f"{words[0]}: the command's words are longer than {LONGEST} bytes",
                         next="bring the long part by standard input, or as a file")
    return Line(text, mark.encode(), nested if watched else "")


class Received:
    """What a command said so far. The header is taken off stdout, and a login shell's greeting before it too.

    With a `sink`, stdout goes there piece by piece and is not kept; with an `err_sink`, stderr likewise. A `tap` sees
    what is kept of stdout too.
    """

    def __init__(self, mark: bytes, sink: Sink | None = None, err_sink: Sink | None = None,
                 tap: Sink | None = None) -> None:
        self._mark = mark
        self._head: bytearray | None = bytearray()
        room = Room()
        self._out: list[bytes] = Kept(room)
        self._err: list[bytes] = Kept(room)
        self._take: Sink = sink or (self._out.append if tap is None else self._kept_and_told)
        self._tap = tap
        self.kept = sink is None
        self.err: Sink = err_sink or self._err.append
        self.pid: int | None = None
        self.watched = False

    @property
    def begun(self) -> bool:
        """Whether the command itself was reached, past the login shell and sudo."""
        return self.pid is not None

    @property
    def stdout(self) -> bytes:
        return bytes(self._head) if self._head is not None else b"".join(self._out)

    @property
    def stderr(self) -> bytes:
        return b"".join(self._err)

    def _kept_and_told(self, data: bytes) -> None:
        self._out.append(data)
        self._tap(data)  # type: ignore[misc]

    def out(self, data: bytes) -> None:
        if self._head is None:
            self._take(data)
            return
        self._head += data
        start = self._head.find(self._mark)
        end = self._head.find(b"\n", start)
        if start < 0 or end < 0:
            return
        _, pid, kind = bytes(self._head[start:end]).split()
        self.pid, self.watched = int(pid), kind == b"watched"
        rest, self._head = bytes(self._head[end + 1:]), None
        if rest:
            self._take(rest)
