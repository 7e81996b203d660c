"""What a worker does for a coordinator: one function on each of some hosts, over connections and secrets of its own."""

from __future__ import annotations

import itertools
import pickle
import queue
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runbook.errors import Interrupted, RunbookError, UsageError
from runbook.remote.batch import parsed
from runbook.remote.command import Command, Result
from runbook.remote.question import HostAnswers, Question
from runbook.remote.secret import KNOWN
from runbook.remote.strict import StrictShell
from runbook.site import Site

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 60.0
"""Seconds that a worker waits for the coordinator's word. One that says nothing for so long is gone, or cut off."""

BEAT = 1.0
"""Seconds between two messages of a worker that has nothing to tell."""

START, DONE, BEGIN, END, WRITE = "start", "done", "begin", "end", "write"


@dataclass(frozen=True)
class Errand:
    """All that crosses to a worker: data, and functions by their names. The site has references to secrets only."""

    number: int
    site: Site
    hosts: tuple[str, ...]
    function: Callable[..., Any]
    data: Mapping[str, tuple[Any, ...]]   # by host: what the function gets after the shell
    line: str                             # the name of the coordinator's queue

    def packed(self) -> bytes:
        """Raises UsageError where a secret would cross, or what has no name or form to cross by."""
        try:
            whole = pickle.dumps(self)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise UsageError(f"this cannot cross to a worker: {KNOWN.mask(str(error))}",
                             next="name functions at the top of a module, and have each worker read its secrets "
                                  "itself: a reference in the site file") from error
        if KNOWN.stands_in(whole):
            raise UsageError("a secret would cross to a worker", next="have each worker read its secrets itself: "
                                                                      "a reference in the site file")
        return whole


@dataclass(frozen=True)
class Message:
    """What a worker tells: `attempt` is its own mark, new for each time that an errand is begun."""

    errand: int
    attempt: str
    worker: str
    said: tuple[tuple[str, Any], ...]     # kind and content, in order


def carry_out(packed: bytes) -> None:
    """A worker's task. What came of each host goes to the coordinator as soon as it is there."""
    from distributed import get_client, get_worker

    from runbook.remote.fleet import Fleet

    errand: Errand = pickle.loads(packed)
    relay = Relay(errand, get_client(), get_worker().address)
    try:
        with Fleet.open(errand.site, hosts=errand.hosts, recorder=relay, here=True) as fleet:
            relay.when_stopped = fleet.interrupt
            fleet.each(lambda shell: _on(shell, errand, relay))
    finally:
        relay.close()


def _on(shell: StrictShell, errand: Errand, relay: Relay) -> None:
    if not relay.tell(START, shell.name):
        return                            # it is done, or may not be done twice
    value: object
    try:
        value = errand.function(shell, *errand.data[shell.name])
    except RunbookError as error:
        value = error
    except Exception as error:            # a defect: it is raised where the call was made
        value = Defect(f"{type(error).__name__}: {error}")
    relay.tell(DONE, (shell.name, value))


@dataclass(frozen=True)
class Defect:
    """A worker's error that is none of the runbook's."""

    what: str


def run_there(shell: StrictShell, command: Command) -> Result:
    """Of what it said, no secret that this process knows leaves it."""
    done = shell.run(command)
    return replace(done, stdout=KNOWN.mask_bytes(done.stdout), stderr=KNOWN.mask_bytes(done.stderr))


def as_said(question: Question) -> Question[str]:
    """The question as it crosses: its answer is read by whoever asked, with functions of any kind."""
    return replace(question, parse=str)


def ask_there(shell: StrictShell, *questions: Question[str]) -> HostAnswers:
    """The answers as they were said, less what this process knows as secrets."""
    asked = shell.ask(*questions)
    return replace(asked, facts={question: KNOWN.without_known(said) if isinstance(said, str) else said
                                 for question, said in asked.facts.items()})


def answers_of(host: str, told: HostAnswers | RunbookError, questions: Sequence[Question]) -> HostAnswers:
    """What a worker told, read."""
    if isinstance(told, RunbookError):
        return HostAnswers(host, {}, told)
    facts = {question: told.facts[question] for question in questions} if told.facts else {}
    return replace(told, facts={question: parsed(question, said) if isinstance(said, str) else said
                                for question, said in facts.items()})


class Relay:
    """The recorder of a worker's shells: all they tell goes to the coordinator, who alone writes the journal.

    Each call returns when it is written there, so a begin is in the journal before the act. What threads tell at the
    same time goes as one message.
    """

    def __init__(self, errand: Errand, client: Client, worker: str) -> None:
        from distributed import Queue

        self._errand, self._worker = errand, worker
        self._attempt = uuid.uuid4().hex
        self._to, self._back = Queue(errand.line, client=client), Queue(f"{errand.line}-{self._attempt}", client=client)
        self._waiting: queue.Queue[tuple[str, Any, Future[Any]] | None] = queue.Queue()
        self.when_stopped: Callable[[], None] = lambda: None
        self._stopped = ""
        self._sender = threading.Thread(target=self._send, name="relay", daemon=True)
        self._sender.start()

    def tell(self, kind: str, content: object) -> Any:
        """The coordinator's answer. Raises Interrupted where it wants no more, or is gone."""
        future: Future[Any] = Future()
        if self._stopped and kind not in (START, DONE):
            raise Interrupted(self._stopped, next="run it again")
        self._waiting.put((kind, content, future))
        return future.result()

    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        return self.tell(BEGIN, (kind, host, _hushed(fields)))

    def end(self, begin: int, **fields: object) -> int:
        return self.tell(END, (begin, _hushed(fields)))

    def write(self, kind: str, host: str | None = None, **fields: object) -> int:
        return self.tell(WRITE, (kind, host, _hushed(fields)))

    def close(self) -> None:
        self._waiting.put(None)
        self._sender.join(PATIENCE)
        self._back.close()

    def _send(self) -> None:
        while True:
            try:
                batch = [self._waiting.get(timeout=BEAT)]
            except queue.Empty:           # the coordinator hears that we live, and we whether to stop
                batch = []
            if batch == [None]:
                return
            while not self._waiting.empty() and len(batch) < 100:
                more = self._waiting.get()
                if more is None:
                    self._waiting.put(None)
                    break
                batch.append(more)
            try:
                said = tuple((kind, content) for kind, content, _ in batch)
                message = Message(self._errand.number, self._attempt, self._worker, said)
                self._to.put(pickle.dumps(message), timeout=PATIENCE)
                answers, stop = pickle.loads(self._back.get(timeout=PATIENCE))
            except Exception as error:    # whatever the way there has: nobody is told any more
                self._stop(f"the coordinator does not answer: {error or type(error).__name__}")
                answers, stop = itertools.repeat(None), ""
            if stop:
                self._stop(stop)
            for (kind, _, future), answer in zip(batch, answers, strict=False):
                if answer is None and kind != DONE:
                    future.set_exception(Interrupted(self._stopped or "the run was interrupted", next="run it again"))
                else:
                    future.set_result(answer)

    def _stop(self, why: str) -> None:
        if not self._stopped:
            self._stopped = why
            threading.Thread(target=self.when_stopped, name="stop", daemon=True).start()


def _hushed(value: Any) -> Any:
    """Less all secrets, the worker's own ones too: the coordinator may know others than this process."""
    if isinstance(value, str):
        return KNOWN.mask(value)
    if isinstance(value, bytes):
        return KNOWN.mask_bytes(value)
    if isinstance(value, Mapping):
        return {name: _hushed(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_hushed, value))
    return value
