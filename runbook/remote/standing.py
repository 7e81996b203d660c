"""A shell that stays open on a host: a command costs neither a channel, nor sshd's fork, nor a login shell's start.

Each command runs in a subshell, in the process group that timeout(1) makes of it, exactly the line that a login shell
would have got. Its outputs are FIFOs: two cat(1) that stand as long as the shell bring them over. A cat gets its FIFO's
name many times, in turn with another's, and comes to the next only at the end of the one before, when every process
has closed it. So the shell's word for the end comes behind all that the command and its children said, and what a
process left in the background says later can never be taken for another command's.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from paramiko import Channel, SSHException

from runbook.remote.hearing import END, Hearing, new_tag
from runbook.remote.line import Received
from runbook.remote.runner import LOOK, FastRunner, SshExchange

OPENING = 2.0
"""Seconds that its opening may take, a few ms as a rule; without it a command goes over a channel of its own."""

DOUBLINGS = 9
USES = 2 ** DOUBLINGS
"""Commands until it is opened anew: so often each cat was given its FIFOs' names, 40 bytes each of what a command line
may hold."""

# No variable is set: the environment may have it too. At its end nothing of it is left, whoever ends it: the group is
# its own, since sshd begins a session for each channel, and a command's is another.
_PROGRAM = r"""set -- "$PWD"
at() { cd -- "$1" 2>/dev/null && (umask 077; : >NAME.s && exec mkfifo NAME.o NAME.m NAME.e NAME.n) 2>/dev/null; }
at /dev/shm || at "${TMPDIR:-/tmp}" || exit 73
end() { rm -f NAME.?; kill -s KILL 0; }
hear() { DOUBLED cat "$@"; end; }
told() {
    if [ "$2" -gt 128 ] && [ -s NAME.s ]; then : >NAME.s; set -- "$1" "$2!"; else set -- "$1" "$2;"; fi
    printf '\0%s%s' "$@"
    printf '\0%s.' "$1" >NAME.m
    printf '\0%s.' "$1" >NAME.n
}
trap end EXIT
trap exit HUP INT PIPE TERM
printf 'NAME %s %s/NAME\n' "$$" "$PWD"
printf NAME >&2
hear NAME.o NAME.m </dev/null &
hear NAME.e NAME.n </dev/null >&2 &
exec 2>>NAME.s
""".replace("DOUBLED", 'set -- "$@" "$@"; ' * DOUBLINGS)
"""What it says itself of a command that a signal ended goes to the file NAME.s: dash, bash and busybox say nothing
where it merely exited with such a code. They keep silent on some signals too (INT and PIPE, bash also TERM), whose
exit code is then as a shell shows it, 128 and the signal's number."""

_COMMAND = '(cd -- "$1" || cd /; unset OLDPWD; %s) >%s.o 2>%s.e; told %s $?\n'

LEFT = 'rm -f -- "$2".?; kill -s KILL -- "-$1"'
"""Ends a standing shell of the pid `$1` and takes its FIFOs away, where a process still holds one open."""


class Standing:
    """One such shell on one connection. It runs one command at a time: `send` says no where it is in use."""

    def __init__(self, runner: FastRunner) -> None:
        """Opens it. Raises ConnectionError where the host does not let it stand."""
        self._name = f".runbook.{secrets.token_hex(8)}"
        self._uses = 0
        self._in_use = threading.Lock()
        self._spoiled = False
        self._ending = b""                # what a message has at its end that ends a stream of a command
        self._ends = 0
        self._tails: dict[bool, bytes] = {}
        self.pid, self.path = 0, ""
        self.channel: Channel = runner.session()
        self.channel.woken = threading.Event()
        try:
            SshExchange.request(self.channel, "exec sh -s")
            self.channel.sendall(_PROGRAM.replace("NAME", self._name).encode())
            self._await_word()
        except BaseException:
            self.channel.close()
            raise
        self.channel.listener = self._heard

    @classmethod
    def opened(cls, runner: FastRunner) -> Standing | None:
        """One that stands; None where the host lets none."""
        try:
            return cls(runner)
        except (OSError, EOFError, SSHException):
            return None

    def _await_word(self) -> None:
        """Takes its greeting, and whatever a login shell says before it."""
        out, err, name = b"", b"", self._name.encode()
        until = time.monotonic() + OPENING
        self.channel.settimeout(OPENING)
        while not (name in out and out.endswith(b"\n") and err.endswith(name)):
            self.channel.woken.wait(0.001)
            if self.channel.recv_ready():
                out += self.channel.recv(1 << 16)
            elif self.channel.recv_stderr_ready():
                err += self.channel.recv_stderr(1 << 16)
            elif self.channel.closed or self.channel.eof_received or time.monotonic() > until:
                raise ConnectionError("no shell can stand on it")
        self.channel.settimeout(None)
        _, pid, self.path = out[out.rindex(name + b" "):].decode("utf-8", "surrogateescape").rstrip("\n").split(" ", 2)
        self.pid = int(pid)

    @property
    def open(self) -> bool:
        """Whether it can take another command, now or later."""
        return not (self._spoiled or self.ended or self._uses >= USES)

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.channel.closed or self.channel.eof_received or self.channel.status_event.is_set()

    @property
    def killed(self) -> bool:
        """Whether somebody killed it on the host: what it made there is there still."""
        gone = self.channel.exit_status >= 0 or getattr(self.channel, "exit_signal", None) is not None
        return gone and not self._spoiled

    @property
    def idle(self) -> bool:
        return not self._in_use.locked()

    def send(self, text: str, received: Received, held: Callable[[Standing], object]) -> StandingExchange | None:
        """Sends a line; None where it runs another one, or can run no more. `held` is told of a command that has ended
        while a process still holds its outputs."""
        if not self._in_use.acquire(blocking=False):
            return None
        if not self.open:
            self._in_use.release()
            return None
        tag = new_tag()
        self._uses += 1
        self._ends, self._ending, self._tails = 0, tag + END, {False: b"", True: b""}
        exchange = StandingExchange(self, tag, received, lambda: held(self))
        try:
            line = _COMMAND % (text, self._name, self._name, tag[1:].decode())
            self.channel.sendall(line.encode("utf-8", "surrogateescape"))
        except BaseException as error:
            self.release(whole=False)
            if isinstance(error, OSError):
                raise ConnectionError(str(error) or type(error).__name__) from error
            raise
        return exchange

    def _heard(self, data: bytes, error: bool) -> None:
        """In the transport's thread: who waits is woken when both streams have ended."""
        seen = self._tails.get(error, b"") + data
        if self._ending in seen:
            self._ends += 1
            if self._ends >= 2:
                self.channel.woken.set()
        self._tails[error] = seen[-len(self._ending) + 1:]

    def release(self, *, whole: bool) -> None:
        """After a command; what did not end as it should cannot be told from the next one's."""
        if not whole:
            self._spoiled = True
            self.channel.close()
        self._in_use.release()

    def close(self) -> None:
        """It ends by itself when its input ends, and takes with it what it made on the host."""
        self._spoiled = True
        self.channel.close()


class StandingExchange(SshExchange):
    """A command in a standing shell."""

    def __init__(self, standing: Standing, tag: bytes, received: Received, held: Callable[[], object]) -> None:
        super().__init__(standing.channel, received, lambda: None)
        self._standing = standing
        self._held = held
        self._out, self._err = Hearing(tag, received.out), Hearing(tag, received.err)
        self._closed = False

    def pump(self, seconds: float) -> bool:
        self._woken.wait(min(seconds, LOOK))
        self._woken.clear()
        heard = self._drain()
        if self._whole:
            return True
        if self._standing.ended:
            self._drain()
            self._flush()
            return True
        return self._out.code is not None and self._quiet(heard)

    @property
    def _whole(self) -> bool:
        return self._out.ended and self._err.ended

    def _flush(self) -> None:
        self._out.flush()
        self._err.flush()

    def _drain(self) -> bool:
        return self._take(self._out.feed, self._err.feed)

    @property
    def exit_code(self) -> int | None:
        return self._out.code

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._flush()
        left = not self._whole and (self._out.code is not None or self._standing.killed)
        self._standing.release(whole=self._whole)
        if left:
            self._held()
