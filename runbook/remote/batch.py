"""Many questions in one round trip: one script by standard input, and the answers told apart."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from runbook.remote import line
from runbook.remote.command import Command
from runbook.remote.question import Question, Unanswered
from runbook.remote.secret import KNOWN

_WHERE_LIMITED = "if timeout -k 5 5.5 true 2>/dev/null; then limited() { timeout -k 5 \"$@\"; }; " \
                 "else limited() { shift; \"$@\"; }; fi\n"


@dataclass(frozen=True)
class Batch:
    """The script for `sh -s`, and the mark that stands between the answers."""

    questions: tuple[Question, ...]
    script: bytes
    mark: str
    limit: float

    def command(self) -> Command:
        return Command(("sh", "-s"), limit=self.limit, stdin=self.script)


def compose(questions: Sequence[Question], *, sudo: bool) -> Batch:
    """One script for all. `sudo`: whether what wants root has to go through `sudo -n`; once for all of it."""
    mark = secrets.token_hex(16)
    plain = [one for one in questions if not (sudo and one.script.sudo)]
    as_root = [one for one in questions if sudo and one.script.sudo]
    parts = [_WHERE_LIMITED, *(_ask(one, mark) for one in plain)]
    if as_root:
        parts += [f"sudo -n sh -s <<'{mark}'\n", _WHERE_LIMITED]
        parts += [*(_ask(one, mark) for one in as_root), f"{mark}\n"]
    limit = sum(one.script.limit for one in questions) + line.KILL_AFTER * len(questions)
    script = "".join(parts).encode("utf-8", "surrogateescape")
    return Batch((*plain, *as_root), script, mark, limit)


def _ask(question: Question, mark: str) -> str:
    script = question.script
    words = ["limited", line.seconds(script.limit), "sh", "-c", script.text, "sh", *script.args]
    tell = shlex.join(["printf", "\\n%s %d\\n", mark]) + ' "$1"'
    return "; ".join((shlex.join(words) + " </dev/null", "set -- $?", tell, tell + " >&2")) + "\n"


def read(batch: Batch, stdout: bytes, stderr: bytes) -> dict[Question, object]:
    """The facts, in the order of the batch; what was not answered, or cannot be read, is an Unanswered."""
    said, complaints = stdout.split(f"\n{batch.mark} ".encode()), stderr.split(f"\n{batch.mark} ".encode())
    facts: dict[Question, object] = {}
    for index, question in enumerate(batch.questions):
        answer, code = _piece(said, index)
        complaint, _ = _piece(complaints, index)
        if code is None:
            why = "sudo -n is refused" if question.script.sudo else "the host stopped answering before it"
            facts[question] = Unanswered(question.name, f"{why}{_last(complaint, before=': ')}")
        else:
            facts[question] = _fact(question, answer, code, complaint)
    return facts


def _piece(pieces: list[bytes], index: int) -> tuple[bytes, int | None]:
    """The index-th piece and the exit code that stands behind the mark after it."""
    piece = pieces[index] if index < len(pieces) else b""
    if index:
        piece = piece.partition(b"\n")[2]
    if index + 1 >= len(pieces):
        return piece, None
    return piece, int(pieces[index + 1].partition(b"\n")[0])


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
