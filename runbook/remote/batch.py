"""Many questions in one round trip: one shell asks them in turn, and the answers are told apart."""

from __future__ import annotations

import hashlib
import re
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runbook.remote import line
from runbook.remote.command import Command, Result
from runbook.remote.question import Question, Unanswered
from runbook.remote.secret import KNOWN

# Its variables have names of their own: the environment may have any other.
_TOLD = r"""runbook_clock() { read -r runbook_now runbook_rest </proc/uptime || runbook_now=0; } 2>/dev/null
runbook_told() {
    runbook_clock
    printf '\nMARK %d %s %s\n' "$1" "$runbook_then" "$runbook_now"
    printf '\nMARK %d\n' "$1" >&2
    runbook_then=$runbook_now
}
runbook_clock
runbook_then=$runbook_now
"""
_TURN = _TOLD + """for runbook_asked; do
    case $runbook_asked in
    " "*) eval "$runbook_asked" </dev/null ;;
    *) (eval "$runbook_asked") </dev/null ;;
    esac
    runbook_told $?
done
"""
"""Each question has a subshell, which costs a tenth of what a process does, or none where it begins with a space. Its
limit is held from our side, all of them together by the timeout(1) of the whole."""

HARMLESS = re.compile(r"""(echo|printf|cat|date|df|getconf|hostname|id|ls|nproc|readlink|stat|uname)"""
                      r"""( [\w./:@%+,$" -]*)?( 2>/dev/null)?( \|\| :)?""", re.ASCII)
"""One simple command that leaves the shell that runs it as it was: it needs no subshell of its own."""

_TURN_AS_ROOT = _TOLD + """if timeout -k 5 5.5 true 2>/dev/null; then runbook_limited() { timeout -k 5 "$@"; }
else runbook_limited() { shift; "$@"; }; fi
while [ $# -gt 0 ]; do
    runbook_limited "$1" sh -c "$2" sh </dev/null
    runbook_told $?
    shift 2
done
"""
"""A limit and a text in turn: nobody but root can stop what hangs there, so each limit is held there."""

BY_STDIN = line.LONGEST // 4
"""Bytes of a script that is no longer given as a word: each of its quotes becomes five."""

BY_SIGNAL = 128
"""A shell's `$?` of a process that a signal ended is larger (POSIX, Shell Command Language, 2.8.2)."""

TICKS = 4
"""How often within a question's limit our side looks how far they are."""


@dataclass(frozen=True)
class Round(Command):
    """The command that asks; people see what it asks."""

    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"asks {', '.join(self.names)}"


@dataclass(frozen=True)
class Batch:
    """The shell's words, or its script by standard input; and the mark that stands behind each answer."""

    questions: tuple[Question, ...]
    script: str
    mark: str
    limit: float

    def command(self) -> Round:
        names = tuple(question.name for question in self.questions)
        if len(self.script) <= BY_STDIN:
            return Round(("sh", "-c", self.script, "sh"), limit=self.limit, names=names)
        return Round(("sh", "-s"), limit=self.limit, names=names,
                     stdin=self.script.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Answered:
    """How one question went: exit code, seconds by the host's clock (a hundredth is its step), both outputs."""

    exit_code: int
    seconds: float
    stdout: bytes
    stderr: bytes


def compose(questions: Sequence[Question], *, sudo: bool) -> Batch:
    """One script for all. `sudo`: whether what wants root has to go through `sudo -n`; once for all of it."""
    mark = secrets.token_hex(16)
    plain = [one for one in questions if not (sudo and one.script.sudo)]
    as_root = [one for one in questions if sudo and one.script.sudo]
    script = shlex.join(["set", "--", *map(_text, plain)]) + "\n" + _TURN.replace("MARK", mark)
    if as_root:
        given = [word for one in as_root for word in (line.seconds(one.script.limit), _text(one))]
        words = ["sudo", "-n", "sh", "-c", _TURN_AS_ROOT.replace("MARK", mark), "sh", *given]
        script += shlex.join(words) + " </dev/null\n"
    limit = sum(one.script.limit for one in questions) + line.KILL_AFTER * len(questions)
    return Batch((*plain, *as_root), script + "exit 0\n", mark, limit)


def _text(question: Question) -> str:
    text = question.script.text
    here = " " if HARMLESS.fullmatch(text) and text.count('"') % 2 == 0 else ""
    return f"{here}{shlex.join(['set', '--', *question.script.args])}\n{text}"


class Progress:
    """How far a batch is, as its stdout tells; and which question has not answered within its limit."""

    def __init__(self, batch: Batch, *, sudo: bool) -> None:
        self._batch = batch
        self._mark = f"\n{batch.mark} ".encode()
        self._tail = b""
        self._sudo = sudo
        self._at, self._since = 0, 0.0
        self.hung: Question | None = None
        self.tick = min((one.script.limit for one in batch.questions), default=1.0) / TICKS

    def take(self, data: bytes) -> None:
        seen = self._tail + data
        if answered := seen.count(self._mark):
            self._at, self._since = self._at + answered, time.monotonic()
        self._tail = seen[-len(self._mark) + 1:]

    def overdue(self, begun: float) -> bool:
        """Whether the question that is asked now has had its time. `begun` is the monotonic time of the first."""
        if self._at >= len(self._batch.questions):
            return False
        asked = self._batch.questions[self._at]
        if self._sudo and asked.script.sudo:
            return False
        if time.monotonic() - max(begun, self._since) < asked.script.limit:
            return False
        self.hung = asked
        return True


def answers(batch: Batch, stdout: bytes, stderr: bytes) -> list[Answered]:
    """How those went that were answered, in the order of the batch."""
    mark = f"\n{batch.mark} ".encode()
    said, complaints = stdout.split(mark), stderr.split(mark)
    found = []
    for index, told in enumerate(said[1:]):
        code, then, now = told.partition(b"\n")[0].split(b" ")
        found.append(Answered(int(code), round(float(now) - float(then), 2), _piece(said, index),
                              _piece(complaints, index)))
    return found


def told(batch: Batch, result: Result) -> list[dict[str, object]]:
    """For the journal: of each question that was answered its exit code, seconds, and its answer's hash and length."""
    return [{"name": question.name, "exit_code": one.exit_code, "seconds": one.seconds,
             "sha256": hashlib.sha256(one.stdout).hexdigest(), "size": len(one.stdout)}
            for question, one in zip(batch.questions, answers(batch, result.stdout, result.stderr), strict=False)]


def _piece(pieces: list[bytes], index: int) -> bytes:
    piece = pieces[index] if index < len(pieces) else b""
    return piece.partition(b"\n")[2] if index else piece


def stopped_by(batch: Batch, result: Result, hung: Question | None) -> dict[Question, Unanswered] | None:
    """Where one question stopped the others: what is said of it. None where none did."""
    at = len(answers(batch, result.stdout, result.stderr))
    killed = result.exit_code < 0 or result.exit_code > BY_SIGNAL
    if at == len(batch.questions) or hung is None and not killed:
        return None
    one = batch.questions[at]
    why = f"no answer within {hung.script.limit:g} s" if hung is not None else "it ended the shell that asked it"
    return {one: Unanswered(one.name, why)}


def read(batch: Batch, stdout: bytes, stderr: bytes, *, to_the_end: bool = True) -> dict[Question, object]:
    """The facts, in the order of the batch; what cannot be read is an Unanswered, as is what was not answered where
    nothing more of the batch is to come."""
    answered = answers(batch, stdout, stderr)
    complaints = stderr.split(f"\n{batch.mark} ".encode())
    facts: dict[Question, object] = {}
    for index, question in enumerate(batch.questions):
        if index < len(answered):
            one = answered[index]
            facts[question] = _fact(question, one.stdout, one.exit_code, one.stderr)
        elif to_the_end:
            why = "sudo -n is refused" if question.script.sudo else "the host stopped answering before it"
            facts[question] = Unanswered(question.name, f"{why}{_last(_piece(complaints, index), before=': ')}")
    return facts


def _fact(question: Question, answer: bytes, code: int, complaint: bytes) -> object:
    if code != 0 and code not in question.script.also:
        if code == 124:
            return Unanswered(question.name, f"no answer within {question.script.limit:g} s")
        return Unanswered(question.name, _last(complaint) or _last(answer) or f"exit {code}")
    return parsed(question, answer.decode("utf-8", "surrogateescape"))


def parsed(question: Question, text: str) -> object:
    """The fact that a question's answer tells; an Unanswered where it cannot be read."""
    try:
        return question.parse(text)
    except (ValueError, KeyError, IndexError) as error:
        return Unanswered(question.name, f"the answer cannot be read: {type(error).__name__}: {error}")


def _last(text: bytes, before: str = "") -> str:
    lines = [one for one in text.decode("utf-8", "replace").splitlines() if one.strip()]
    return KNOWN.mask(before + lines[-1].strip()) if lines else ""
