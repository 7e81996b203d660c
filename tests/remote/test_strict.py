"""What holds for every shell, over SSH and on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runbook.errors import CommandFailed, CommandTimedOut, UsageError
from runbook.remote.command import Script, command
from runbook.remote.local import LocalShell
from runbook.remote.question import Question, Unanswered
from runbook.remote.secret import Secret
from runbook.remote.strict import StrictShell
from tests.remote.conftest import Notes, gone, running

PRINT_EACH = ("sh", "-c", 'for word in "$@"; do printf "%s\\0" "$word"; done', "sh")

ARGUMENTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), max_size=4)


def test_both_outputs_arrive_whole_and_apart(shell: StrictShell) -> None:
    result = shell.run(command("sh", "-c", "echo out; echo err >&2"))
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARGUMENTS)
@example(["", "-n", "--", "it's", '"', "$HOME `id` $(id)", "a\nb\n", "\\", "!", "*", "~", "#", "=x", "\t", "é€𐍈"])
def test_what_arrives_is_what_was_given(shell: StrictShell, words: list[str]) -> None:
    result = shell.run(command(*PRINT_EACH, *words))
    assert result.text.split("\0")[:-1] == words


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b"")), max_size=4))
def test_words_of_any_bytes_arrive_too(shell: StrictShell, words: list[bytes]) -> None:
    result = shell.run(command(*PRINT_EACH, *(word.decode("utf-8", "surrogateescape") for word in words)))
    assert result.stdout.split(b"\0")[:-1] == words


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=60).filter(lambda raw: not {0, 47} & set(raw) and raw not in (b".", b"..")))
@example(b"-n")
@example(b"a b'\"$(id)\n`*\\")
def test_a_file_may_have_any_name(shell: StrictShell, raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as folder:
        assert not shell.put(raw, f"{folder}/{name}").already and shell.put(raw, f"{folder}/{name}").already
        assert os.listdir(os.fsencode(folder)) == [raw]
        shell.get(f"{folder}/{name}", Path(folder) / "back")
        assert (Path(folder) / "back").read_bytes() == raw


def test_bytes_that_are_no_utf8_arrive_as_they_are(shell: StrictShell) -> None:
    word = b"\xff\xfe".decode("utf-8", "surrogateescape")
    assert shell.run(command("printf", "%s", word)).stdout == b"\xff\xfe"


def test_eight_megabytes_take_less_than_a_second_and_a_half(shell: StrictShell) -> None:
    start = time.monotonic()
    result = shell.run(command("head", "-c", "8000000", "/dev/zero"))
    assert len(result.stdout) == 8_000_000
    assert time.monotonic() - start < 1.5


def test_characters_survive_the_seams_between_chunks(shell: StrictShell) -> None:
    text = "€𐍈é" * 100_000
    assert shell.run(command("cat", stdin=text.encode())).text == text


def test_standard_input_arrives_whole_and_is_empty_where_none_is_given(shell: StrictShell) -> None:
    data = bytes(range(256)) * 20_000
    assert shell.run(command("cat", stdin=data)).stdout == data
    assert shell.run(command("cat", limit=5)).stdout == b""


def test_a_command_may_leave_its_input_unread(shell: StrictShell) -> None:
    assert shell.run(command("true", stdin=b"x" * 3_000_000)).ok


def test_the_locale_is_the_same_everywhere(shell: StrictShell) -> None:
    assert shell.run(command("sh", "-c", "echo $LC_ALL")).text == "C\n"


def test_an_unexpected_exit_code_says_where_what_and_its_last_lines(shell: StrictShell) -> None:
    with pytest.raises(CommandFailed) as caught:
        shell.run(command("sh", "-c", "seq 1 30 >&2; exit 4"))
    said = str(caught.value)
    assert caught.value.exit_code_seen == 4
    assert said.startswith(f"{shell.name}: sh -c ") and "exit 4 after" in said and "(expected 0)" in said
    assert "    30\n" in said and "    21\n" in said and "    20\n" not in said
    assert "next: " in said


def test_an_expected_exit_code_is_no_failure(shell: StrictShell) -> None:
    assert shell.run(command("sh", "-c", "exit 4", also={4: "nothing to do"})).exit_code == 4


def test_a_death_by_a_signal_is_told_from_an_exit_code(shell: StrictShell) -> None:
    with pytest.raises(CommandFailed, match=r"killed by signal 11 \(SIGSEGV\)") as caught:
        shell.run(command("sh", "-c", "kill -SEGV $$"))
    assert caught.value.exit_code_seen == -signal.SIGSEGV
    with pytest.raises(CommandFailed, match="exit 139"):
        shell.run(command("sh", "-c", "exit 139"))


def test_a_command_that_is_not_there_is_named(shell: StrictShell) -> None:
    with pytest.raises(CommandFailed, match="is no-such-program installed"):
        shell.run(command("no-such-program"))


def test_a_command_that_hangs_is_stopped_with_its_children(shell: StrictShell, mark: str) -> None:
    start = time.monotonic()
    with pytest.raises(CommandTimedOut, match="no end within 0.5 s; it was stopped") as caught:
        shell.run(command("sh", "-c", 'echo waiting; sleep "$1" & sleep "$1"', "sh", mark, limit=0.5))
    assert "waiting" in caught.value.tail
    assert time.monotonic() - start < 4
    assert gone(mark), running(mark)


def test_a_child_that_ignores_the_signal_is_stopped_too(shell: StrictShell, mark: str) -> None:
    stubborn = """(trap "" TERM; while :; do sleep 0.1; : "$1"; done) >/dev/null 2>&1 & exec sleep "$1" """
    with pytest.raises(CommandTimedOut):
        shell.run(command("sh", "-c", stubborn, "sh", mark, limit=0.5))
    assert gone(mark), running(mark)


def test_an_own_exit_code_124_is_no_time_out(shell: StrictShell) -> None:
    with pytest.raises(CommandFailed, match="exit 124"):
        shell.run(command("sh", "-c", "exit 124"))


def test_a_process_left_in_the_background_does_not_hold_the_command(shell: StrictShell, mark: str) -> None:
    start = time.monotonic()
    result = shell.run(command("sh", "-c", 'sleep "$1" & echo $!', "sh", mark, limit=30))
    assert time.monotonic() - start < 6
    shell.run(command("kill", result.text.strip()))
    assert gone(mark)


def test_eight_threads_share_one_shell(shell: StrictShell) -> None:
    said: dict[int, str] = {}

    def ask(number: int) -> None:
        for _ in range(5):
            said[number] = shell.run(command("sh", "-c", "echo $1; sleep 0.01", "sh", str(number))).text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == {number: f"{number}\n" for number in range(12)}


def test_words_too_long_for_the_host_are_refused_before_they_are_sent(shell: StrictShell) -> None:
    with pytest.raises(UsageError, match="longer than"):
        shell.run(command("echo", "x" * 140_000))
    assert shell.run(command("printf", "%s", "x" * 120_000)).stdout == b"x" * 120_000


def test_a_secret_comes_by_standard_input_and_stands_nowhere_else(shell: StrictShell) -> None:
    notes, shell._recorder = shell._recorder, Notes()
    try:
        secret = Secret("hunter2-correct-horse")
        look = ('read -r got; for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <"$f"; done 2>/dev/null; '
                '[ ${#got} = 21 ] || exit 3')
        result = shell.run(command("sh", "-c", look, stdin=secret))
        assert secret.reveal() not in result.text
        with pytest.raises(CommandFailed) as caught:
            shell.run(command("sh", "-c", "cat >&2; exit 1", stdin=secret))
        assert secret.reveal() not in str(caught.value) and "***" in str(caught.value)
        assert secret.reveal() not in repr(shell._recorder.begun)
    finally:
        shell._recorder = notes


def test_the_recorder_is_told_before_and_after(sshd, notes: Notes) -> None:
    shell = LocalShell(notes)
    shell.run(command("sh", "-c", "echo out; echo err >&2; exit 3", also={3: "fine"}, limit=7))
    (kind, host, fields), = notes.begun
    assert (kind, host, fields["sudo"], fields["limit"]) == ("command", "local", False, 7)
    assert fields["words"] == ["sh", "-c", "echo out; echo err >&2; exit 3"]
    assert notes.ended[0].items() >= {"exit_code": 3, "stdout": b"out\n", "stderr": b"err\n"}.items()


def test_the_recorder_hears_of_every_end(notes: Notes, mark: str) -> None:
    shell = LocalShell(notes, cwd=None)
    with pytest.raises(CommandTimedOut):
        shell.run(command("sleep", mark, limit=0.2))
    with pytest.raises(UsageError):
        shell.run(command("echo", "x" * 140_000))
    assert len(notes.begun) == len(notes.ended) == 2
    assert "no end within 0.2 s" in notes.ended[0]["error"] and "longer than" in notes.ended[1]["error"]


@pytest.fixture
def without_timeout(tmp_path: Path) -> dict[str, str]:
    """An environment as on a host that has no timeout(1)."""
    for name in ("sh", "sleep", "true", "echo", "cat"):
        (tmp_path / name).symlink_to(shutil.which(name))
    return {"PATH": str(tmp_path)}


def test_where_the_host_has_no_timeout_our_side_keeps_the_limit(without_timeout: dict[str, str], mark: str) -> None:
    shell = LocalShell(Notes(), env=without_timeout)
    assert shell.run(command("echo", "x")).text == "x\n"
    with pytest.raises(CommandTimedOut, match="it was stopped"):
        shell.run(command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", mark, limit=0.5))
    assert gone(mark), running(mark)
    facts = shell.ask(Question(Script("echo here"), str.strip, "where")).facts
    assert list(facts.values()) == ["here"]


def _words(text: str) -> list[str]:
    return text.split()


def _number(text: str) -> int:
    return int(text)


def test_questions_are_answered_in_one_round_trip_and_apart(shell: StrictShell) -> None:
    notes, shell._recorder = shell._recorder, Notes()
    plain = Question(Script("echo a b; echo noise >&2"), _words, "plain")
    given_ = Question(Script('printf "%s\\n" "$@"', args=("x y", "-n")), str.splitlines, "given")
    rooted = Question(Script("id -u", sudo=True), _number, "rooted")
    answers = shell.ask(plain, rooted, given_)
    assert list(answers.facts) == [plain, rooted, given_]
    assert answers[plain] == ["a", "b"] and answers[given_] == ["x y", "-n"] and answers[rooted] == 0
    assert len(shell._recorder.begun) == 1
    shell._recorder = notes


def test_a_question_without_an_answer_hides_no_other(shell: StrictShell, mark: str) -> None:
    fails = Question(Script("echo why >&2; exit 9"), str, "fails")
    expected = Question(Script("echo x; exit 1", also={1: "none found"}), str.strip, "expected")
    damaged = Question(Script("if then"), str, "damaged")
    unreadable = Question(Script("echo many"), _number, "unreadable")
    hangs = Question(Script('echo so far; sleep "$1"', args=(mark,), limit=0.3), str, "hangs")
    reads = Question(Script("cat; echo end"), str.strip, "reads")
    leaves = Question(Script("exit 0"), str, "leaves")
    answers = shell.ask(fails, expected, damaged, unreadable, hangs, reads, leaves)
    assert answers[expected] == "x" and answers[reads] == "end" and answers[leaves] == ""
    assert answers[fails] == Unanswered("fails", "why")
    assert "yntax error" in answers[damaged].why
    assert "cannot be read: ValueError" in answers[unreadable].why
    assert answers[hangs] == Unanswered("hangs", "no answer within 0.3 s")
    assert not answers.ok and answers.error is None
    assert gone(mark)


def test_an_answer_that_holds_a_great_deal_is_whole(shell: StrictShell) -> None:
    much = Question(Script("head -c 3000000 /dev/zero; printf '\\n\\nend'"), len, "much")
    after = Question(Script("echo after"), str.strip, "after")
    answers = shell.ask(much, after)
    assert answers[much] == 3_000_005 and answers[after] == "after"
