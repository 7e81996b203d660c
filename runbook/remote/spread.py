"""A fleet that is larger than one machine drives: its hosts by shares over the workers of Dask, one journal."""

from __future__ import annotations

import contextlib
import logging
import pickle
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runbook.errors import RunbookError, UsageError
from runbook.remote.errand import Errand, Message, carry_out
from runbook.remote.ledger import Ledger
from runbook.remote.round import FirstFailure
from runbook.remote.shell import Recorder
from runbook.site import Site

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK = 0.5
"""Seconds after which the coordinator looks by itself at what became of its workers."""

TO_ANSWER = 10.0
"""Seconds in which a scheduler has to answer."""

ALONE = 60.0
"""Seconds without any worker, after which hosts that nobody has begun are given up."""

TO_STOP = 20.0
"""Seconds that workers get to stop what runs on hosts: SIGTERM, five seconds, SIGKILL, and the way there."""

LOCAL = "local:"
CERTIFICATES = ("Dask's configuration names the certificates: ca-file, and cert and key of the client, in "
                "distributed.comm.tls, a file in ~/.config/dask")


class Spread:
    """The workers of one scheduler: at `tls://…`, at `tcp://…` on this machine, or `local:N` processes of its own."""

    def __init__(self, where: str) -> None:
        """Nothing is reached yet. `where` is as a site file has it; for `tls://`, Dask's own configuration has the
        certificates (distributed.comm.tls)."""
        self.where = where
        self._open: tuple[Client, contextlib.ExitStack] | None = None

    def carry(self, site: Site, function: Callable[..., Any], data: Mapping[str, tuple[Any, ...]], *,
              recorder: Recorder, again: bool,
              first_failure: FirstFailure = FirstFailure.GO_ON) -> dict[str, object]:
        """`function(shell, *data[host])` on each host of `data`: what it returned, or its error, in that order.

        `again`: whether a host whose worker died is given to another one; without it, it has a WorkerLost. Raises
        UsageError where something cannot cross, RunbookError for a defect of the function or a scheduler that is not
        there. On an interrupt, what runs on the hosts is stopped.
        """
        client = self._client()
        line = f"runbook-{uuid.uuid4().hex}"
        errands = tuple(Errand(number, site, hosts, function, {host: data[host] for host in hosts}, line)
                        for number, hosts in enumerate(self._shares(client, tuple(data), site.ssh.at_once)))
        packed = [errand.packed() for errand in errands]
        ledger = Ledger(errands, recorder, again=again, first_failure=first_failure)
        from distributed import Queue

        heard = Queue(line, client=client)
        over = threading.Event()
        # A wait with a limit of Dask's own would be an error in its log each time that the limit passes.
        ticking = threading.Thread(target=_tick, args=(heard, over), name="tick", daemon=True)
        ticking.start()
        futures = [client.submit(carry_out, one, pure=False, retries=0) for one in packed]
        try:
            self._listen(client, heard, ledger, futures)
        except BaseException:
            ledger.stop("the run was interrupted")
            with contextlib.suppress(Exception):
                self._listen(client, heard, ledger, futures, until=time.monotonic() + TO_STOP)
            raise
        finally:
            over.set()
            ticking.join()
            client.cancel(futures)
            heard.close()
        return ledger.outcomes()

    def _listen(self, client: Client, heard: Any, ledger: Ledger, futures: Sequence[Future],
                until: float = float("inf")) -> None:
        from distributed import Queue

        alone_since: float | None = None
        while not ledger.complete and time.monotonic() < until:
            said = heard.get()
            if said:
                message: Message = pickle.loads(said)
                answer = pickle.dumps(ledger.take(message))
                Queue(f"{ledger.line}-{message.attempt}", client=client).put(answer)
                alone_since = None
                continue
            for number, future in enumerate(futures):
                if future.status in ("error", "cancelled", "lost"):
                    why = future.exception() if future.status == "error" else future.status
                    ledger.give_up(number, f"{type(why).__name__}: {str(why).partition(chr(10))[0]}"
                                   if isinstance(why, BaseException) else str(why))
                elif future.status == "finished":   # all that it told was taken in before
                    ledger.give_up(number, "it ended without a word")
            if client.scheduler_info(n_workers=-1)["workers"]:
                alone_since = None
            elif alone_since is None:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > ALONE:
                for number in range(len(futures)):
                    ledger.give_up(number, f"{self.where} has had no worker for {ALONE:.0f} s")

    @staticmethod
    def _shares(client: Client, hosts: Sequence[str], at_once: int) -> Iterator[tuple[str, ...]]:
        """As many as there are threads of workers, where each then has no more hosts than it speaks to at once."""
        threads = sum(client.nthreads().values()) or 1
        size = max(1, min(at_once, -(-len(hosts) // threads)))
        return (tuple(hosts[start:start + size]) for start in range(0, len(hosts), size))

    def _client(self) -> Client:
        if self._open is None:
            try:
                from distributed import Client, LocalCluster
            except ImportError as error:
                raise UsageError(f"{self.where}: Dask is not installed: {error}",
                                 next="setup/prepare installs it; elsewhere `pip install runbook[spread]`") from error
            with contextlib.ExitStack() as stack:
                address: object = self.where
                if self.where.startswith(LOCAL):
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="runbook-spread-"))
                    address = stack.enter_context(LocalCluster(
                        n_workers=int(self.where.removeprefix(LOCAL)), threads_per_worker=1, processes=True,
                        host="127.0.0.1", dashboard_address="127.0.0.1:0", worker_dashboard_address="127.0.0.1:0",
                        local_directory=folder, silence_logs=logging.CRITICAL))
                try:
                    client = stack.enter_context(Client(address, timeout=TO_ANSWER))
                except TypeError as error:  # Dask's own of a TLS address without certificates
                    raise UsageError(f"{self.where}: no certificate to show to the scheduler: {error}",
                                     next=CERTIFICATES) from error
                except OSError as error:
                    raise RunbookError(f"{self.where}: no scheduler of Dask answers: {error}",
                                       next="`dask scheduler` starts one, `dask worker` its workers" + (
                                           f"; {CERTIFICATES}" if self.where.startswith("tls:") else "")) from error
                self._open = client, stack.pop_all()
        return self._open[0]

    def close(self) -> None:
        """Ends the client, and the processes where they are its own."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _tick(heard: Any, over: threading.Event) -> None:
    """An empty message now and then, so that who listens looks at its workers too."""
    while not over.wait(LOOK):
        heard.put(b"")
