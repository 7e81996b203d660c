"""Fabric's runner made fast: no polling, no thread for each stream, bytes kept whole, signals told apart."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable

from fabric.runners import Remote
from paramiko import Channel, ChannelException, Message, SSHException, Transport
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_REQUEST,
)

from runbook.remote.exchange import QUIET, UNNAMED_SIGNAL, Feed
from runbook.remote.line import Received, Sink

AT_ONCE = 1 << 20
"""Bytes taken from a channel's buffer in one go; invoke's 1,000 make a loop of 8,000 rounds out of 8 MB."""


CROWDED = 5.0
"""Seconds to wait for a session where sshd says that there are too many."""

FULL = 0.5
"""Seconds of refusals after which it is not only sshd's slowness."""

LOOK = 1.0
"""Seconds after which a waiter looks by itself: a lost connection closes its channels without any message."""

SSH_EXTENDED_DATA_STDERR = 1
"""RFC 4254, section 5.2."""

ENOUGH = 1 << 18
"""Bytes in a channel's buffer that are worth waking its reader; its window is eight times as large."""


class SshExchange:
    """A command on an SSH channel. The waiting thread is woken at the end, or where much has come: not for each
    message, since every hand-over between threads costs more than the message itself."""

    def __init__(self, channel: Channel, received: Received, let_go: Callable[[], None]) -> None:
        self.received = received
        self._channel = channel
        self._let_go = let_go
        self._woken = threading.Event()
        self._since: float | None = None  # when it had exited already and something was still heard of it
        channel.woken = self._woken

    def start(self, line: str, feed: Feed) -> None:
        self.request(self._channel, line)
        if feed is not None:
            threading.Thread(target=self._send, args=(feed,), name="stdin", daemon=True).start()

    @staticmethod
    def request(channel: Channel, line: str) -> None:
        # As Channel.exec_command does, but without waiting for the answer: it saves a round trip, and a wait that
        # knows no limit. Where the answer is no, paramiko closes the channel, which ends the exchange.
        request = Message()
        request.add_byte(cMSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(True)
        request.add_string(line.encode("utf-8", "surrogateescape"))
        channel.transport._send_user_message(request)

    def _send(self, feed: Feed) -> None:
        try:
            for piece in feed or ():
                self._channel.sendall(piece)
            self._channel.shutdown_write()
        except (OSError, EOFError, SSHException):
            return  # the command ended without reading it all; what it thinks of that is in its exit code

    def pump(self, seconds: float) -> bool:
        self._woken.wait(min(seconds, LOOK))
        self._woken.clear()
        heard = self._drain()
        channel = self._channel
        if not channel.status_event.is_set():
            return False
        if channel.eof_received or channel.closed:
            self._drain()
            return True
        return self._quiet(heard)

    def _quiet(self, heard: bool) -> bool:
        """Whether nothing was heard of it for long enough after it had exited."""
        now = time.monotonic()
        if heard or self._since is None:
            self._since = now
        return now - self._since >= QUIET

    def wake(self) -> None:
        self._woken.set()

    def _drain(self) -> bool:
        return self._take(self.received.out, self.received.err)

    def _take(self, out: Sink, err: Sink) -> bool:
        """Takes what is there; whether there was anything."""
        channel, found = self._channel, False
        while channel.recv_ready():
            found = True
            out(channel.recv(AT_ONCE))
        while channel.recv_stderr_ready():
            found = True
            err(channel.recv_stderr(AT_ONCE))
        return found

    @property
    def exit_code(self) -> int | None:
        if self._channel.exit_status >= 0:
            return self._channel.exit_status
        name = getattr(self._channel, "exit_signal", None)
        if name is None:
            return None
        known = signal.Signals.__members__
        return -known[f"SIG{name}"].value if f"SIG{name}" in known else UNNAMED_SIGNAL

    def close(self) -> None:
        with contextlib.suppress(EOFError):  # the line went away meanwhile: what was heard says so better
            self._channel.close()
        self._let_go()


class FastRunner(Remote):
    """What `connection.run` uses, by Fabric's own setting `runners.remote`; it returns a running exchange."""

    crowded: Callable[[], object] = staticmethod(lambda: None)

    def run(self, command: str, *, received: Received, feed: Feed, let_go: Callable[[], None]) -> SshExchange:
        """Sends the line. `let_go` is called when the exchange is closed. Raises ConnectionError."""
        try:
            channel = self.session()
            try:
                exchange = SshExchange(channel, received, let_go)
                exchange.start(command, feed)
            except BaseException:
                channel.close()
                raise
        except ChannelException as error:
            raise ConnectionError("its sshd opens no more sessions on one connection (MaxSessions)") from error
        except (SSHException, EOFError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        return exchange

    def session(self) -> Channel:
        """A channel. sshd counts one that we closed until its process has gone, so a refusal is waited out; where that
        does not help, `crowded` is told: somebody may hold one that he can do without."""
        start = time.monotonic()
        while True:
            try:
                return self.context.create_session()
            except SSHException as error:
                # Where two threads are refused at once, paramiko gives the refusal to one of them only.
                refused = isinstance(error, ChannelException) or self.context.is_connected
                waited = time.monotonic() - start
                if not refused or waited > CROWDED:
                    raise
                if waited > FULL:
                    self.crowded()
                time.sleep(0.02)


def _hear_request(channel: Channel, message: Message) -> None:
    """paramiko knows `exit-status` but not `exit-signal` (RFC 4254, section 6.10)."""
    start = message.packet.tell()
    if message.get_text() == "exit-signal":
        message.get_boolean()
        channel.exit_signal = message.get_text()
        channel.status_event.set()
    message.packet.seek(start)
    Channel._handle_request(channel, message)
    if channel.eof_received or getattr(channel, "listener", None) is not None:
        _wake(channel)


def _hear_data(channel: Channel, message: Message) -> None:
    data = message.get_binary()
    Channel._feed(channel, data)
    if len(channel.in_buffer) >= ENOUGH:
        _wake(channel)
    _tell(channel, data, error=False)


def _hear_error_data(channel: Channel, message: Message) -> None:
    start = message.packet.tell()
    Channel._feed_extended(channel, message)
    if len(channel.in_stderr_buffer) >= ENOUGH:
        _wake(channel)
    message.packet.seek(start)
    if message.get_int() == SSH_EXTENDED_DATA_STDERR:
        _tell(channel, message.get_binary(), error=True)


def _tell(channel: Channel, data: bytes, *, error: bool) -> None:
    """Whoever listens hears of a piece when it can be read."""
    listener = getattr(channel, "listener", None)
    if listener is not None:
        listener(data, error)


def _hear_eof(channel: Channel, message: Message) -> None:
    Channel._handle_eof(channel, message)
    if channel.status_event.is_set():
        _wake(channel)


def _hear_close(channel: Channel, message: Message) -> None:
    Channel._handle_close(channel, message)
    _wake(channel)


def _wake(channel: Channel) -> None:
    woken = getattr(channel, "woken", None)
    if woken is not None:
        woken.set()


class HearingTransport(Transport):
    """A transport that wakes who waits for a command when there is something to do, and keeps the signal."""

    _channel_handler_table = {
        **Transport._channel_handler_table,
        MSG_CHANNEL_REQUEST: _hear_request,
        MSG_CHANNEL_DATA: _hear_data,
        MSG_CHANNEL_EXTENDED_DATA: _hear_error_data,
        MSG_CHANNEL_EOF: _hear_eof,
        MSG_CHANNEL_CLOSE: _hear_close,
    }
