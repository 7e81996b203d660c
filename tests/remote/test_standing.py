"""A shell that stays open on a host keeps all that a channel for each command promised, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runbook.errors import CommandFailed, CommandTimedOut, ConnectionLost
from runbook.remote import standing
from runbook.remote.command import Command, Script, command
from runbook.remote.question import Question, Unanswered
from runbook.remote.secret import Secret
from runbook.remote.ssh import SshShell
from runbook.site import load_site
from runbook.site_tables import Host
from tests.remote.conftest import Notes, Sshd, gone, running, serving

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SAYS = ("sh", "-c", 'printf "$1"; printf "$2" >&2; exit "$3"', "sh")
Left = Callable[..., set[str]]
PLACES = ("/dev/shm", "/tmp")
ONCE = pytest.mark.parametrize("stands", ["loopback", pytest.param("bed", marks=pytest.mark.long)], indirect=True)
"""For a test that waits long: on the bed it is one of `make test-long`."""


def standing_on(host: Host) -> SshShell:
    """A shell to a host, of which one stands there already."""
    shell = SshShell(host, Notes())
    for _ in range(3):
        shell.run(command("true"))
    assert shell._standing is not None and shell._standing.open
    return shell


@pytest.fixture(scope="module", params=["loopback", "bed"])
def stands(request: pytest.FixtureRequest) -> Iterator[SshShell]:
    """On this machine's own sshd as root, and on a host of the testbed as its operator."""
    if request.param == "bed":
        host = load_site(request.getfixturevalue("bed").site_file).hosts[0]
    else:
        host = request.getfixturevalue("sshd").host
    shell = standing_on(host)
    yield shell
    shell.close()


def served(shell: SshShell) -> int:
    """How many commands its standing shell has run."""
    return shell._standing._uses if shell._standing else 0


def made() -> set[str]:
    """What standing shells have on this machine's own disks, and the processes that read it."""
    found = [str(path) for place in PLACES for path in Path(place).glob(".runbook.*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"cat" and len(words) > standing.USES:
            found.append(str(path))
    return set(found)


@pytest.fixture
def left() -> Left:
    """What is left, within some seconds, of those that were opened in the test."""
    before = made()

    def look(within: float = 3.0) -> set[str]:
        until = time.monotonic() + within
        while (found := made() - before) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    return look


def printed(raw: bytes) -> str:
    """For printf(1): any bytes, a NUL too."""
    return "".join(f"\\{byte:03o}" for byte in raw)


LIKE_FRAMES = st.sampled_from([b"\0", b"\n", b".runbook.", b"\0" + b"0" * 32 + b".", b"0;", b"\xff\xfe", b"\0" * 70])
BYTES = st.lists(st.binary(max_size=20) | LIKE_FRAMES, max_size=5).map(b"".join)


@FUZZ
@given(BYTES, BYTES, st.integers(0, 255))
@example(b"no line feed at the end", b"", 0)
@example(b"\0", b"\0\0", 137)
def test_both_outputs_and_the_exit_code_are_what_they_were(stands: SshShell, out: bytes, err: bytes, code: int) -> None:
    result = stands.run(command(*SAYS, printed(out), printed(err), str(code), also={code: "it was asked for"}))
    assert (result.stdout, result.stderr, result.exit_code) == (out, err, code)
    assert served(stands), "a shell that stands did it"


@pytest.mark.parametrize("text", [
    "cd /; pwd", "umask 000", "set -e; false || true", "trap 'echo trapped' EXIT", "exec sh -c :", "exit 0",
    "ulimit -n 64", "export LC_ALL=x PATH=/nowhere", "kill -9 $$"])
def test_a_command_changes_nothing_for_the_next(stands: SshShell, text: str) -> None:
    look = command("sh", "-c", "pwd; umask; ulimit -n; echo $LC_ALL $PATH; trap; echo $OLDPWD; env | grep -c . || :")
    before, uses = stands.run(look).stdout, served(stands)
    stands.run(command("sh", "-c", text, also={137: "killed", -9: "killed"}))
    assert stands.run(look).stdout == before
    assert served(stands) == uses + 2, "by the same shell"


def test_the_environment_is_the_one_of_a_channel_of_its_own(stands: SshShell) -> None:
    def seen(**given: bytes) -> set[str]:
        result = stands.run(command("sh", "-c", "env; pwd; umask", **given))
        return {line for line in result.text.splitlines() if not line.startswith(("_=", "SHLVL="))}

    uses = served(stands)
    assert seen() == seen(stdin=b"")
    assert served(stands) == uses + 1


def test_its_input_is_empty(stands: SshShell) -> None:
    assert stands.run(command("sh", "-c", "cat; readlink /proc/self/fd/0")).text == "/dev/null\n"
    assert stands.run(command("sh", "-c", "ls /proc/self/fd | tr '\\n' ' '")).text == "0 1 2 3 ", "3 is ls's own"


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM", "SYS", "ABRT"])
def test_a_death_by_a_signal_is_told_from_such_an_exit_code(stands: SshShell, name: str) -> None:
    number = getattr(signal, f"SIG{name}").value
    for text, code in ((f"kill -{name} $$", -number), (f"exit {128 + number}", 128 + number)):
        with pytest.raises(CommandFailed) as caught:
            stands.run(command("sh", "-c", text))
        assert caught.value.exit_code_seen == code


def test_it_goes_on_after_a_time_out(stands: SshShell) -> None:
    first = stands._standing
    with pytest.raises(CommandTimedOut, match="it was stopped") as caught:
        stands.run(command("sh", "-c", "echo so far; sleep 77", limit=0.3))
    assert "so far" in caught.value.tail
    assert stands.run(command("echo", "next")).text == "next\n" and stands._standing is first


@ONCE
def test_what_a_process_in_the_background_says_later_is_nobody_elses(stands: SshShell) -> None:
    late = 'sh -c "sleep 7; echo late; echo late >&2" & echo begun'
    start = time.monotonic()
    assert stands.run(command("sh", "-c", late, limit=30)).text == "begun\n"
    assert time.monotonic() - start < 6
    for _ in range(50):
        result = stands.run(command("sh", "-c", "echo mine; echo mine >&2"))
        assert (result.stdout, result.stderr) == (b"mine\n", b"mine\n")
        time.sleep(0.1)
    assert stands._standing is not None and stands._standing.open, "another one stands"


@ONCE
def test_one_that_left_its_group_and_goes_on_talking_is_nobody_elses_either(stands: SshShell) -> None:
    talks = "setsid sh -c 'i=0; while [ $i -lt 60 ] && echo talk; do sleep 0.1; i=$((i + 1)); done' & echo begun"
    result = stands.run(command("sh", "-c", talks, limit=30))
    assert set(result.text.split()) <= {"begun", "talk"}
    for _ in range(20):
        assert stands.run(command("echo", "mine")).text == "mine\n"


def test_what_wants_root_gets_it_and_is_stopped_at_its_limit_too(stands: SshShell, mark: str) -> None:
    uses = served(stands)
    assert stands.run(command("id", "-u", sudo=True)).text == "0\n"
    with pytest.raises(CommandFailed) as caught:
        stands.run(command("sh", "-c", "kill -SEGV $$", sudo=True))
    assert caught.value.exit_code_seen == -signal.SIGSEGV
    with pytest.raises(CommandTimedOut, match="it was stopped"):
        stands.run(command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", mark, sudo=True, limit=0.4))
    assert gone(mark), running(mark)
    assert stands.run(command("id", "-u", sudo=True)).text == "0\n" and served(stands) >= min(uses + 4, 2)
    asked = [Question(Script("id -u", sudo=sudo), int, f"root: {sudo}") for sudo in (True, False, True)]
    answers = stands.ask(*asked)
    assert answers[asked[0]] == answers[asked[2]] == 0
    assert answers[asked[1]] == int(stands.run(command("id", "-u")).text)


def test_megabytes_come_whole(stands: SshShell) -> None:
    count = 15_000_000  # of each: what is kept of a command's words has a bound
    result = stands.run(command("sh", "-c", f"head -c {count} /dev/zero & head -c {count} /dev/zero >&2; wait"))
    assert (len(result.stdout), len(result.stderr)) == (count, count) and not result.stdout.strip(b"\0")


def test_a_secret_never_goes_through_it(stands: SshShell) -> None:
    uses = served(stands)
    assert stands.run(command("wc", "-c", stdin=Secret("correct-horse-battery"))).text == "21\n"
    assert served(stands) == uses


def test_it_is_opened_anew_before_its_names_run_out(sshd: Sshd) -> None:
    shell = standing_on(sshd.host)
    first = shell._standing
    for number in range(standing.USES + 5):
        assert shell.run(command("echo", str(number))).text == f"{number}\n"
    assert shell._standing is not first and shell._standing.open
    shell.close()


def killed_by(shell: SshShell, text: str) -> None:
    with pytest.raises(ConnectionLost, match="what became of the command is not known"):
        shell.run(command("sh", "-c", text))


def test_a_command_that_kills_the_shell_that_stands_harms_the_next_in_nothing(sshd: Sshd, left: Left) -> None:
    shell = standing_on(sshd.host)
    killed_by(shell, 'kill -9 "$(cut -d" " -f4 /proc/$PPID/stat)"; sleep 1')
    assert shell.run(command("echo", "again")).text == "again\n"
    killed_by_term = 'kill "$(cut -d" " -f4 /proc/$PPID/stat)"; sleep 0.3; echo here'
    for _ in range(2):
        shell.run(command("true"))
    try:
        assert shell.run(command("sh", "-c", killed_by_term)).text == "here\n", "it ends when the command has"
    except ConnectionLost:
        pass  # or bash as sh(1), which does not wait
    assert shell.run(command("echo", "again")).text == "again\n"
    shell.close()
    assert not left()


def test_a_shell_that_was_killed_while_it_stood_idle_is_replaced(sshd: Sshd, left: Left) -> None:
    shell = standing_on(sshd.host)
    os.kill(shell._standing.pid, 9)
    time.sleep(0.3)
    assert [shell.run(command("echo", str(number))).text for number in range(3)] == ["0\n", "1\n", "2\n"]
    assert shell._standing is not None and shell._standing.open
    shell.close()
    assert not left()


def test_nothing_is_left_when_the_connection_is_closed_or_cut(sshd: Sshd, mark: str, left: Left) -> None:
    shell = standing_on(sshd.host)
    assert left(0)
    shell.close()
    assert not left()
    shell = standing_on(sshd.host)
    shell._connection.transport.sock.close()
    assert not left(5)
    assert shell.run(command("echo", "again")).text == "again\n"
    with pytest.raises(ConnectionLost):
        _cut_while(shell, command("sh", "-c", f"echo begun; exec sleep {mark}", limit=2))
    assert gone(mark, 9), "the host holds its limit"
    shell.close()
    assert not left(9)


def _cut_while(shell: SshShell, what: Command) -> None:
    timer = threading.Timer(0.8, lambda: shell._connection.transport.sock.close())
    timer.start()
    try:
        shell.run(what)
    finally:
        timer.join()


def test_where_none_can_stand_each_command_has_its_own_channel(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_PROGRAM", "exit 73\n")
    shell = SshShell(sshd.host, Notes())
    assert [shell.run(command("echo", str(number))).text for number in range(4)] == ["0\n", "1\n", "2\n", "3\n"]
    assert shell._standing is None
    shell.close()


def test_it_gives_way_where_sshd_opens_only_one_session(tmp_path: Path) -> None:
    with serving(tmp_path, "MaxSessions 1") as one:
        shell = SshShell(one.host, Notes())
        for number in range(4):
            assert shell.run(command("echo", str(number))).text == f"{number}\n"
        assert shell.run(command("cat", stdin=b"by a channel")).text == "by a channel"
        assert shell.run(command("echo", "after")).text == "after\n"
        shell.close()


@pytest.mark.parametrize("name", ["bash", "busybox"])
def test_it_stands_under_other_shells_as_well(tmp_path: Path, left: Left, name: str) -> None:
    """Under busybox all that it calls is busybox's too: cat, mkfifo, rm, timeout."""
    program = shutil.which(name)
    assert program, "setup/debian installs it"
    applets = subprocess.run([program, "--list"], capture_output=True, text=True).stdout.split()
    for applet in ["sh"] if name == "bash" else applets:
        (tmp_path / applet).symlink_to(program)
    folder = tmp_path / "sshd"
    folder.mkdir()
    with serving(folder, env=f"PATH={tmp_path}{':/usr/bin:/bin' if name == 'bash' else ''}") as one:
        shell = standing_on(one.host)
        for _ in range(20):
            result = shell.run(command("sh", "-c", "echo it\\'s; echo err >&2; exit 3", also={3: "it says so"}))
            assert (result.stdout, result.stderr, result.exit_code) == (b"it's\n", b"err\n", 3)
        with pytest.raises(CommandFailed) as caught:
            shell.run(command("sh", "-c", "kill -SEGV $$"))
        assert caught.value.exit_code_seen == -11
        text = 'echo "${BASH_VERSION:-$(readlink -f "$(command -v cat)")} $1"'
        asked = Question(Script(text, args=("x",)), str.split, name)
        seen, given = shell.ask(asked)[asked]
        assert given == "x" and ("busybox" in seen) == (name == "busybox")
        shell.close()
    assert not left()


def test_a_question_that_kills_the_shell_that_asks_harms_no_other(stands: SshShell) -> None:
    one = Question(Script("echo one"), str.strip, "one")
    kills = Question(Script("kill -9 $$"), str.strip, "kills")
    two = Question(Script("echo two >&2; echo two"), str.strip, "two")
    hangs = Question(Script("sleep 77", limit=0.3), str.strip, "hangs")
    last = Question(Script("echo last"), str.strip, "last")
    notes, stands._recorder = stands._recorder, Notes()
    answers = stands.ask(one, kills, two, hangs, last)
    assert [answers[which] for which in (one, two, last)] == ["one", "two", "last"]
    assert answers[kills] == Unanswered("kills", "it ended the shell that asked it")
    assert answers[hangs] == Unanswered("hangs", "no answer within 0.3 s")
    told = [[entry["name"] for entry in fields["answers"]] for fields in stands._recorder.ended.values()]
    assert told == [["one"], ["two"], ["last"]]
    stands._recorder = notes


def test_questions_do_not_see_each_other(stands: SshShell) -> None:
    marks = [Question(Script(text), str.strip, f"number {number}") for number, text in enumerate((
        "cd /proc; export LC_ALL=x; umask 0; set -e; trap 'echo no' EXIT; x=1", "pwd; echo $LC_ALL$x; umask; trap",
        "exec echo y", "exit 0", "echo \"$1\" $#", "printf '\\0'"))]
    home = stands.run(command("sh", "-c", "pwd; echo C; umask")).text.strip()
    answers = stands.ask(*marks)
    assert [answers[one] for one in marks[1:]] == [home, "y", "", "0", "\0"]


def test_the_journal_has_of_each_question_its_exit_code_and_its_answers_hash(stands: SshShell) -> None:
    notes, stands._recorder = stands._recorder, Notes()
    stands.ask(Question(Script("printf a"), str, "first"), Question(Script("sleep 0.2; exit 4"), str, "second"))
    (fields,) = stands._recorder.ended.values()
    first, second = fields["answers"]
    assert (first["name"], first["exit_code"], first["size"]) == ("first", 0, 1)
    assert first["sha256"] == hashlib.sha256(b"a").hexdigest() and first["seconds"] < 0.15
    assert (second["name"], second["exit_code"]) == ("second", 4) and 0.15 < second["seconds"] < 5
    stands._recorder = notes
