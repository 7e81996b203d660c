"""What every shell does the same: its verbs, each recorded, and strict about the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runbook.errors import CommandFailed, CommandTimedOut, ConnectionLost, Flooded, RunbookError, TransferFailed
from runbook.remote import batch, landing
from runbook.remote.command import Command, Result
from runbook.remote.delivery import Delivery, Pace
from runbook.remote.excerpt import MOST, Excerpt, Poured, TooLong
from runbook.remote.exchange import Feed
from runbook.remote.folder_delivery import FolderDelivery
from runbook.remote.line import Sink
from runbook.remote.outcome import judge, result_of
from runbook.remote.question import HostAnswers, Question
from runbook.remote.running import Progress, Running
from runbook.remote.secret import KNOWN
from runbook.remote.shell import Recorder, Sent, SentFolder
from runbook.remote.source import Source
from runbook.remote.transfer import Place
from runbook.remote.tree import FOLDER, Tree

STOPPED = (CommandFailed, CommandTimedOut)
"""The errors of a round of questions that one of them may have stopped."""


class StrictShell(Running):
    """`run`, `ask`, `put`, `get` on one host, whatever the transport."""

    lease_units = False  # whether a lease is to be in a unit of the host's systemd

    def __init__(self, name: str, recorder: Recorder, *, user: str, sudo: bool) -> None:
        super().__init__(sudo=sudo and user != "root")
        self.name = name
        self.user = user
        self._recorder = recorder
        self._pace = Pace()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def recorder(self) -> Recorder:
        """Who is told of what this shell does, for another shell beside it."""
        return self._recorder

    def run(self, command: Command) -> Result:
        """Runs it. Raises CommandFailed, CommandTimedOut, Flooded, SudoRefused, ConnectionLost, Unreachable and kin."""
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

    def _recorded(self, command: Command, poured: Poured | None = None, progress: Progress | None = None,
                  tell: Callable[[Result], dict[str, object]] = lambda _: {},
                  **fields: object) -> tuple[Result, RunbookError | None]:
        words = [KNOWN.mask(word) for word in command.words]
        fields = {"words": words, "sudo": command.sudo, "limit": command.limit, **fields}
        begin = self._recorder.begin("command", self.name, **fields)
        with self._noting(begin), self._bounded(command):
            if poured is None:
                ended = self.carry_out(command, progress=progress)
            else:
                complaints = Excerpt()
                ended = self.carry_out(command, sink=poured.take, err_sink=complaints.take)
                ended = replace(ended, stdout=poured.text() or ended.stdout, stderr=complaints.text())
            result = result_of(self.name, command, ended)
            error = judge(result, ended, user=self.user)
        told = tell(result)
        if error is not None and not isinstance(error, CommandFailed):
            told["error"] = error.what
        if poured is not None:
            told |= {"size": poured.size, "sha256": poured.sha256}
        self._recorder.end(begin, exit_code=ended.exit_code, seconds=round(ended.seconds, 3),
                           stdout=ended.stdout, stderr=ended.stderr, **told)
        return result, error

    def ask(self, *questions: Question) -> HostAnswers:
        """All questions in one round trip. What concerns the whole host is in `error`, not raised.

        One that hangs, or ends the shell that asks, harms no other: those behind it are asked in another round.
        """
        facts: dict[Question, object] = {}
        left = questions
        while left:
            asked = batch.compose(left, sudo=self._sudo)
            progress = batch.Progress(asked, sudo=self._sudo)
            try:
                result, error = self._asked(asked, progress)
            except RunbookError as failed:
                return HostAnswers(self.name, {}, failed)
            stopped = batch.stopped_by(asked, result, progress.hung) if isinstance(error, STOPPED) else None
            found = batch.read(asked, result.stdout, result.stderr, to_the_end=stopped is None)
            if stopped is not None:
                found |= stopped
            elif error is not None and not any(found.values()) and not facts:
                return HostAnswers(self.name, {}, error)
            facts |= found
            left = tuple(one for one in left if one not in facts)
        return HostAnswers(self.name, {question: facts[question] for question in questions})

    def _asked(self, asked: batch.Batch, progress: batch.Progress) -> tuple[Result, RunbookError | None]:
        texts = [{"name": one.name, "script": KNOWN.mask(one.script.text),
                  "args": [KNOWN.mask(arg) for arg in one.script.args], "sudo": one.script.sudo}
                 for one in asked.questions]
        return self._recorded(asked.command(), progress=progress, words=["sh", "-c", "…"], questions=texts,
                              tell=lambda result: {"answers": batch.told(asked, result)})

    def put(self, source: Path | bytes | Source, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Sent:
        """Puts a file there, atomically; where its content is there, only mode and owner are mended.

        `owner` is `user` or `user:group`; without it the file is whose who writes it (root's with `sudo`).
        `already` means that nothing at all was changed. A `Source` was hashed before, once for many hosts. What a cut
        left of a large file is gone on with. Raises UsageError, TransferFailed (the old file is intact) and the errors
        of `run`.
        """
        what = Source.readable(source)
        place = Place(target, mode, owner or ("root:root" if sudo else ""), sudo)
        begin = self._recorder.begin(
            "transfer", self.name, source=KNOWN.mask(str(what)), target=KNOWN.mask(target), size=what.size,
            sha256=what.sha256, mode=f"{mode:o}", owner=place.owner, sudo=sudo)
        start = time.monotonic()
        with self._noting(begin):
            done = Delivery(what, place, self._moved, self._pace, self._tell).perform()
        sent = Sent(self.name, target, what.sha256, what.size, done.already, time.monotonic() - start, done.resumed)
        told = {"packing": str(done.packing)} if done.packing else {}
        self._recorder.end(begin, seconds=round(sent.seconds, 3), already=sent.already, resumed=sent.resumed, **told)
        return sent

    def put_folder(self, source: Path | Tree, target: str, *, owner: str | None = None,
                   sudo: bool = False) -> SentFolder:
        """Puts a folder's files, links and folders there, each file atomically; only what differs is sent.

        Permission bits travel; `owner` is as for `put`, of everything in it. What the host has there besides stays. A
        `Tree` was read before, once for many hosts. The host wants tar and an `xargs -0`. Raises UsageError,
        TransferFailed (each file is the old one, or whole) and the errors of `run`.
        """
        tree = Tree.readable(source)
        owner = owner or ("root:root" if sudo else "")
        begin = self._recorder.begin(
            "transfer", self.name, source=KNOWN.mask(str(tree.folder)), target=KNOWN.mask(target), size=tree.size,
            names=len(tree.entries), owner=owner, sudo=sudo)
        start = time.monotonic()
        with self._noting(begin):
            done = FolderDelivery(self.name, tree, target, owner, sudo, self._moved, self._pace, self._tell).perform()
        files = sum(entry.kind != FOLDER for entry in tree.entries)
        sent = SentFolder(self.name, target, files, done.sent, done.size, done.mended, time.monotonic() - start)
        self._recorder.end(begin, seconds=round(sent.seconds, 3), already=sent.already, sent=sent.sent,
                           bytes_sent=sent.size, mended=sent.mended, packing=done.packing)
        return sent

    def _tell(self, text: str) -> None:
        """How far a transfer is, for whoever follows the journal."""
        self._recorder.write("note", self.name, about="transfer", text=KNOWN.mask(text))

    def get(self, source: str, target: Path, *, sudo: bool = False) -> Sent:
        """Fetches a file. Raises TransferFailed (an old target is intact) and the errors of `run`."""
        begin = self._recorder.begin("transfer", self.name, source=KNOWN.mask(source), target=str(target), sudo=sudo)
        start = time.monotonic()
        with self._noting(begin):
            arriving = landing.Landing(self.name, target)
            try:
                self._moved(landing.send(source, sudo), source, sink=arriving.take)
                sha256 = arriving.settle()
            finally:
                arriving.drop()
        sent = Sent(self.name, source, sha256, arriving.size, False, time.monotonic() - start)
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
        if isinstance(error, CommandTimedOut):
            raise CommandTimedOut(
                self.name, f"{path}: not there within {command.limit:.0f} s; what was there is intact",
                next=f"is the way to {self.name} that slow? what came of a large file is gone on with") from error
        if error is not None:
            raise error
        return result

    @contextmanager
    def _bounded(self, command: Command) -> Iterator[None]:
        try:
            yield
        except TooLong:
            raise Flooded(self.name, f"{command}: it said more than {MOST >> 20} MiB, and was stopped",
                          next=f"have it write into a file on {self.name} and fetch that, or ask it for less") from None

    @contextmanager
    def _noting(self, begin: int) -> Iterator[None]:
        """Whatever breaks off here, an interrupt too, is in the journal as this act's end."""
        try:
            yield
        except BaseException as error:
            what = error.what if isinstance(error, RunbookError) else f"{type(error).__name__} {error}"
            self._recorder.end(begin, error=KNOWN.mask(what.strip()))
            raise
