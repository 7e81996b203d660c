"""The lock on a host: one run at a time changes it, until that run lets go or its time has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from runbook.errors import LockHeld
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.remote.shell import Shell

LOCK_FILE = "/var/lib/runbook/lock"

HELD = 75  # EX_TEMPFAIL of sysexits.h
CHANGING = 76  # its neighbour

# Whoever looks and then writes does both under `$1.changing`, made by ln(1), which fails where it is there already.
# It says when and by which process: one whose process was killed within these milliseconds counts no more, nor does one
# that is a minute old, whose process id may be another's by now (the host was started again). It is moved away before
# it is removed, and put back where it is not the one that was looked at: two may find it dead at once.
# PIPE: who would hear the answer may be gone, and a shell that dies by a signal runs no trap of EXIT.
_GUARDED = r"""
umask 077
new=$1.$$
now=$(date +%s)
trap 'rm -f -- "$new"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM
tries=0
until mkdir -p -- "${1%/*}" && printf '%s %s\n' "$now" $$ >"$new"; do # who lets go removes the folder
    tries=$((tries + 1))
    [ $tries -lt 5 ] || exit 73
done
tries=0
until ln -- "$new" "$1.changing" 2>/dev/null; do
    since= by=
    read -r since by <"$1.changing"
    if [ -n "$by" ] && { [ "$since" -le $((now - 60)) ] || ! kill -0 "$by"; }; then
        again= also=
        mv -f -- "$1.changing" "$new.dead" && read -r again also <"$new.dead"
        [ "$again $also" = "$since $by" ] || ln -- "$new.dead" "$1.changing"
        rm -f -- "$new.dead"
    fi
    tries=$((tries + 1))
    [ $tries -lt 50 ] || exit 76
    sleep 0.1
done 2>/dev/null
trap 'rm -f -- "$new" "$1.changing"' EXIT
rm -f -- "$new"
run= owner= until=0
[ ! -f "$1" ] || { read -r run; read -r owner; read -r until; } <"$1"
"""

TAKE = Script(_GUARDED + r"""
if [ -n "$run" ] && [ "$run" != "$2" ] && [ "$until" -gt "$now" ]; then
    printf '%s\n%s\n%s\n%s\n' "$run" "$owner" "$until" "$now"
    exit 75
fi
printf '%s\n%s\n%s\n' "$2" "$3" "$((now + $4))" >"$new" && mv -f -- "$new" "$1" || exit
[ "$run" = "$2" ] && echo renewed && exit
[ -z "$run" ] && echo taken && exit
printf 'taken over\n%s\n%s\n%s\n%s\n' "$run" "$owner" "$until" "$now"
""", sudo=True, also={HELD: "another run holds it", CHANGING: "another process is about to write it"})

RELEASE = Script(r"""[ -d "${1%/*}" ] || exit 0
""" + _GUARDED + r"""
[ "$run" != "$2" ] || rm -f -- "$1"
rm -f -- "$1.changing"
rmdir -- "${1%/*}" 2>/dev/null
exit 0
""", sudo=True)


@dataclass(frozen=True)
class Lock:
    """Who may change a host, until when by the host's own clock (seconds since 1970)."""

    run: str
    owner: str
    until: int
    expired: bool

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.run} of {self.owner}, {'expired' if self.expired else 'until'} {when}"


@dataclass(frozen=True)
class Taken:
    """How a lock was come by: `taken`, `renewed`, or `taken over` from `before`, whose time had passed."""

    host: str
    how: str
    before: Lock | None = None

    def __str__(self) -> str:
        return f"{self.host}: lock {self.how}{f' from {self.before}' if self.before else ''}"


def parse_lock(text: str) -> Lock | None:
    """Four lines: run, owner, its end and now, both in seconds since 1970; nothing where there is no lock."""
    if not text.strip():
        return None
    run, owner, until, now = text.splitlines()[:4]
    return Lock(run, owner, int(until), int(until) <= int(now))


def lock_in(file: str) -> Question[Lock | None]:
    """Who holds the lock of that file; None where nobody does."""
    return Question(Script('if [ -f "$1" ]; then cat -- "$1"; date +%s; fi', args=(file,), sudo=True), parse_lock)


LOCK = lock_in(LOCK_FILE)


def take(shell: Shell, run: str, owner: str, seconds: int, *, file: str = LOCK_FILE) -> Taken:
    """Takes the host's lock for so many seconds, or renews the run's own; one whose time has passed is taken over.

    Raises LockHeld where another run holds it, and the errors of `run`.
    """
    for word in (run, owner):
        if not word.strip() or "\n" in word:
            raise ValueError(f"a lock's run and owner are one line each, not {word!r}")
    result = shell.run(TAKE.command(file, run, owner, str(seconds)))
    if result.exit_code == CHANGING:
        raise LockHeld(f"{shell.name}: another process has been changing the host's lock for five seconds",
                       next=f"try again in a minute; then look at {file}.changing on {shell.name}")
    if result.exit_code == HELD:
        held = parse_lock(result.text)
        raise LockHeld(
            f"{shell.name}: another run changes this host: {held}",
            next=f"wait for it, or, when you know that it is dead: `sudo rm {file}` on {shell.name}")
    how, _, before = result.text.partition("\n")
    return Taken(shell.name, how, parse_lock(before))


def release(shell: Shell, run: str, *, file: str = LOCK_FILE) -> None:
    """Lets go of the host where the lock is the run's own; anybody else's stays. Raises the errors of `run`."""
    shell.run(RELEASE.command(file, run))
