"""What every shell does the same: its verbs, each recorded, and strict about the outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runbook.errors import CommandFailed, ConnectionLost, RunbookError, TransferFailed
from runbook.remote import batch, transfer
from runbook.remote.command import Command, Result
from runbook.remote.excerpt import Excerpt, Poured
from runbook.remote.exchange import Feed
from runbook.remote.line import Sink
from runbook.remote.outcome import judge, result_of
from runbook.remote.question import HostAnswers, Question
from runbook.remote.running import Running
from runbook.remote.secret import KNOWN
from runbook.remote.shell import Recorder, Sent


class StrictShell(Running):
    """`run`, `ask`, `put`, `get` on one host, whatever the transport."""

    def __init__(self, name: str, recorder: Recorder, *, user: str, sudo: bool) -> None:
        super().__init__(sudo=sudo and user != "root")
        self.name = name
        self.user = user
        self._recorder = recorder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def recorder(self) -> Recorder:
        """Who is told of what this shell does, for another shell beside it."""
        return self._recorder

    def run(self, command: Command) -> Result:
        """Runs it. Raises CommandFailed, CommandTimedOut, SudoRefused, ConnectionLost, Unreachable and kin."""
        result, error = self._recorded(command)
        if error is not None:
            raise error
        return result

    def pour(self, command: Command, into: Path) -> Result:
        """Runs it, its stdout into a file of this machine, however much it is; the result's outputs are head and tail.

        The file has every byte as it came: secrets in it are not masked.
        Raises UsageError where the file cannot be written, and as `run` does: the file then has what came.
        """
        poured = Poured(into)
        try:
            result, error = self._recorded(command, poured, into=str(into))
        finally:
            poured.close()
        if error is not None:
            raise error
        return result

    def _recorded(self, command: Command, poured: Poured | None = None,
                  **fields: object) -> tuple[Result, RunbookError | None]:
        words = [KNOWN.mask(word) for word in command.words]
        fields = {"words": words, "sudo": command.sudo, "limit": command.limit, **fields}
        begin = self._recorder.begin("command", self.name, **fields)
        with self._noting(begin):
            if poured is None:
                ended = self.carry_out(command)
            else:
                complaints = Excerpt()
                ended = self.carry_out(command, sink=poured.take, err_sink=complaints.take)
                ended = replace(ended, stdout=poured.text() or ended.stdout, stderr=complaints.text())
            result = result_of(self.name, command, ended)
            error = judge(result, ended, user=self.user)
        told: dict[str, object] = {}
        if error is not None and not isinstance(error, CommandFailed):
            told["error"] = error.what
        if poured is not None:
            told |= {"size": poured.size, "sha256": poured.sha256}
        self._recorder.end(begin, exit_code=ended.exit_code, seconds=round(ended.seconds, 3),
                           stdout=ended.stdout, stderr=ended.stderr, **told)
        return result, error

    def ask(self, *questions: Question) -> HostAnswers:
        """All questions in one round trip. What concerns the whole host is in `error`, not raised."""
        if not questions:
            return HostAnswers(self.name, {})
        asked = batch.compose(questions, sudo=self._sudo)
        texts = [{"name": one.name, "script": KNOWN.mask(one.script.text),
                  "args": [KNOWN.mask(arg) for arg in one.script.args], "sudo": one.script.sudo}
                 for one in asked.questions]
        try:
            result, error = self._recorded(asked.command(), questions=texts)
        except RunbookError as failed:
            return HostAnswers(self.name, {}, failed)
        facts = batch.read(asked, result.stdout, result.stderr)
        if error is not None and not any(facts.values()):
            return HostAnswers(self.name, {}, error)
        return HostAnswers(self.name, {question: facts[question] for question in questions})

    def put(self, source: Path | bytes | transfer.Source, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Sent:
        """Puts a file there, atomically; where its content is there, only mode and owner are mended.

        `owner` is `user` or `user:group`; without it the file is whose who writes it (root's with `sudo`).
        `already` means that nothing at all was changed. A `Source` was hashed before, once for many hosts. Raises
        UsageError, TransferFailed (the old file is intact) and the errors of `run`.
        """
        what = transfer.Source.readable(source)
        owner = owner or ("root:root" if sudo else "")
        begin = self._recorder.begin(
            "transfer", self.name, source=KNOWN.mask(str(what)), target=KNOWN.mask(target), size=what.size,
            sha256=what.sha256, mode=f"{mode:o}", owner=owner, sudo=sudo)
        start = time.monotonic()
        with self._noting(begin):
            known = self._moved(transfer.mend(what, target, mode, owner, sudo), target).stdout.strip()
            if known not in (b"same", b"mended"):
                self._moved(transfer.receive(what, target, mode, owner, sudo), target, feed=what.pieces())
        sent = Sent(self.name, target, what.sha256, what.size, known == b"same", time.monotonic() - start)
        self._recorder.end(begin, seconds=round(sent.seconds, 3), already=sent.already)
        return sent

    def get(self, source: str, target: Path, *, sudo: bool = False) -> Sent:
        """Fetches a file. Raises TransferFailed (an old target is intact) and the errors of `run`."""
        begin = self._recorder.begin("transfer", self.name, source=KNOWN.mask(source), target=str(target), sudo=sudo)
        start = time.monotonic()
        with self._noting(begin):
            landing = transfer.Landing(self.name, target)
            try:
                self._moved(transfer.send(source, sudo), source, sink=landing.take)
                sha256 = landing.settle()
            finally:
                landing.drop()
        sent = Sent(self.name, source, sha256, landing.size, False, time.monotonic() - start)
        self._recorder.end(begin, seconds=round(sent.seconds, 3), size=sent.size, sha256=sha256)
        return sent

    def _moved(self, command: Command, path: str, *, feed: Feed = None, sink: Sink | None = None) -> Result:
        """One half of a transfer; an exit code that says no is a TransferFailed."""
        ended = self.carry_out(command, feed=feed, sink=sink)
        result = result_of(self.name, command, replace(ended, stdout=b"") if sink else ended)
        error = judge(result, ended, user=self.user)
        if isinstance(error, CommandFailed):
            raise TransferFailed(
                self.name, f"{path}: {result.tail(1) or error.what}; what was there is intact",
                next=f"check the folder, its space and its owner on {self.name}", tail=result.tail()) from error
        if isinstance(error, ConnectionLost):
            raise ConnectionLost(
                self.name, f"{path}: the connection was lost after {result.seconds:.1f} s, on the way; the file is the "
                           "old one, or whole", next=f"is {self.name} up? then begin again: what is there is not sent "
                                                     "twice") from error
        if error is not None:
            raise error
        return result

    @contextmanager
    def _noting(self, begin: int) -> Iterator[None]:
        """Whatever breaks off here, an interrupt too, is in the journal as this act's end."""
        try:
            yield
        except BaseException as error:
            what = error.what if isinstance(error, RunbookError) else f"{type(error).__name__} {error}"
            self._recorder.end(begin, error=KNOWN.mask(what.strip()))
            raise
