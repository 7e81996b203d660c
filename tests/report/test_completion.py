"""Completion in a real bash and a real zsh, from what the parser knows; and examples that the parser takes."""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.__main__ import EXAMPLES, main, parser
from runbook.contents import chain
from runbook.report.examples import OF_COMMANDS
from runbook.targets import names

ASK = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
"$(complete -p runbook | sed 's/.*-F \\([^ ]*\\).*/\\1/')"; printf '%s\\n' "${COMPREPLY[@]}" """


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """What `runbook completion bash` prints, beside a folder of two runs."""
    for name in ("20260101-000000-here", "20260102-000000-there"):
        (tmp_path / "reports" / name).mkdir(parents=True)
        (tmp_path / "reports" / name / "journal.jsonl").touch()
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "completion.bash"
    path.write_text(capsys.readouterr().out)
    (tmp_path / "a site.toml").touch()
    return path


def completed(script: Path, *words: str) -> list[str]:
    done = subprocess.run(["bash", "--norc", "-euc", ASK, "bash", str(script), "runbook", *words], text=True,
                          capture_output=True, timeout=20, cwd=script.parent)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [line for line in done.stdout.splitlines() if line]


def commands(whole: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_bash_completes_commands_options_and_what_they_take(script: Path) -> None:
    assert set(completed(script, "")) == {name for name, _ in commands(parser(["testbed"]))}
    assert completed(script, "reh") == ["rehearse"]
    assert {"--check", "--site", "--only", "--resume", "--json"} <= set(completed(script, "run", "--"))
    assert completed(script, "run", "--con") == ["--confirm"]
    assert completed(script, "run", "--from", "0") == [title.name for title in chain()]
    assert completed(script, "run", "--check", "--only", "00_start,01") == ["00_start,01_abi_inspection"]
    assert completed(script, "rehearse", "--target", "") == sorted(names())
    assert completed(script, "run", "--site", "a") == ["a site.toml"]
    assert completed(script, "undo", "2026") == ["20260101-000000-here", "20260102-000000-there"]
    assert completed(script, "verify", "la") == ["latest"]
    assert completed(script, "compare", "latest", "20260102") == ["20260102-000000-there"]
    assert completed(script, "testbed", "") == ["up", "down", "status", "fault", "heal"]
    assert "--light" in completed(script, "testbed", "up", "--")
    assert completed(script, "completion", "") == ["bash", "zsh"]


def test_the_script_is_quiet_and_quick_where_there_are_no_runs(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_REPORTS", "/nonexistent")
    assert completed(script, "undo", "") == ["latest"]
    assert completed(script, "dance", "") == []


@pytest.mark.parametrize("before", ["autoload -U compinit && compinit -u -D", ":"])
def test_zsh_completes_the_same_at_its_prompt(script: Path, capsys: pytest.CaptureFixture[str], before: str) -> None:
    """With its own completion begun or not: what a person sees who types, and presses the tabulator."""
    assert main(["completion", "zsh"]) == 0
    path = script.with_suffix(".zsh")
    path.write_text(capsys.readouterr().out)
    with AtPrompt(script.parent) as prompt:
        assert "not found" not in prompt.said(f"{before}; source {path}; echo rea''dy\n", "ready")
        assert prompt.said("runbook reh\t", "rehearse")
        assert prompt.said("runbook run --con\t", "--confirm")
        assert prompt.said("runbook run --only 00_start,01\t", "00_start,01_abi_inspection")
        assert prompt.said("runbook run --site a\t", "a\\ site.toml")
        assert prompt.said("runbook undo 20260102\t", "20260102-000000-there")
        assert "riscv64" in prompt.said("runbook rehearse --target \t", "sw64")


class AtPrompt:
    """A zsh on a terminal of its own, in a folder that is its home too."""

    def __init__(self, home: Path) -> None:
        zsh = shutil.which("zsh")
        assert zsh, "setup/debian installs it"
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(home)
                os.execve(zsh, ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "HOME": str(home)})
            finally:
                os._exit(127)

    def __enter__(self) -> AtPrompt:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def said(self, typed: str, until: str, seconds: float = 10.0) -> str:
        """What it shows after that until these words; fails where they do not come. The line is emptied again."""
        os.write(self.terminal, typed.encode())
        shown, end = "", time.monotonic() + seconds
        while until not in shown and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.terminal, 1 << 16).decode()
                except OSError:  # EIO: it has ended
                    break
        assert until in shown, shown
        os.write(self.terminal, b"\x15")
        return shown


def test_every_command_has_an_example_that_it_takes_itself() -> None:
    known = dict(commands(parser(["testbed"])))
    assert set(OF_COMMANDS) == set(known)
    for name, lines in OF_COMMANDS.items():
        said = known[name].format_help()
        assert lines and "example" in said
        for line in lines:
            assert line in said
            words = shlex.split(line.partition("   #")[0])
            assert words[:2] == ["runbook", name], line
            given = words[1:]
            assert parser(given).parse_args(given).act is not None


def test_the_examples_of_the_whole_are_taken_too() -> None:
    lines = [line.strip() for line in EXAMPLES.splitlines() if line.startswith("  runbook ")]
    assert len(lines) >= 9
    for line in lines:
        words = shlex.split(line.partition("   ")[0])[1:]
        assert parser(words).parse_args(words).act is not None, line


def test_an_example_that_is_wrong_would_be_found() -> None:
    with pytest.raises(SystemExit):
        parser(["run"]).parse_args(["run", "--sites", json.dumps("x")])
