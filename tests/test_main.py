"""The command line: quick to help, strict about words, and every refusal says what to do next."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from runbook.__main__ import main
from runbook.report.as_lines import FIELDS
from runbook.site import ROOT

SITE = """\
schema = 1
name = "sample"
target = "riscv64"
protected = false

[[host]]
name = "node1"
address = "192.0.2.11"
roles = ["service"]
"""


@pytest.fixture
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose hosts nobody reaches, with a reports folder of its own."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    path = tmp_path / "sample.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command that is refused; returns its exit code and what it says."""

    def run(*words: str) -> tuple[int, str]:
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(str(ended.code))
        return code, capsys.readouterr().err

    return run


def test_help_is_quick_and_shows_examples() -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        said = subprocess.run([sys.executable, "-m", "runbook", "--help"], capture_output=True, text=True, timeout=20)
        times.append(time.perf_counter() - began)
        assert said.returncode == 0 and "examples:" in said.stdout and "exit codes:" in said.stdout
    assert min(times) < 0.5  # 0.06 s on an idle machine; what this catches is an import of a second


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from runbook.__main__ import parser; parser(); "
        "sys.exit(bool({'fabric', 'papermill', 'plotly', 'rich', 'jinja2', 'nbformat'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=20).returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--only", "02_compile"), "there is no chapter `02_compile`"),
        (("--only", "03_static_compil"), "did you mean 03_static_compile?"),
        (("--from", "nowhere"), "there is no chapter `nowhere`"),
        (("--only", "00_start", "--from", "00_start"), "--only and --from are both given"),
        (("--only", "90_teardown"), "never part of a chain"),
        (("-p", "00_start.sizes=3"), "00_start has no parameter `sizes`"),
        (("-p", "00_start.only_host=node1"), "did you mean only_hosts?"),
        (("-p", "00_start.check=true"), "say --check"),
        (("--resume", "gone"), "there is no run `gone`"),
    ],
)
def test_a_wrong_word_ends_with_2_before_anything_starts(
    site_file: Path, refused: Callable[..., tuple[int, str]], words: tuple[str, ...], says: str
) -> None:
    code, said = refused("run", "--site", str(site_file), *words)
    assert code == 2 and says in said and "next:" in said
    assert not (site_file.parent / "reports").exists()


@pytest.mark.parametrize(
    "words", [("undo", "gone"), ("status", "gone"), ("verify", "gone"), ("verify", "latest"), ("verify", "")]
)
def test_a_run_that_does_not_exist_is_said_with_those_that_do(
    site_file: Path, refused: Callable[..., tuple[int, str]], words: tuple[str, ...]
) -> None:
    code, said = refused(*words)
    assert code == 2 and f"there is no run `{words[1]}`" in said and "next:" in said


def test_a_site_that_is_no_toml_ends_with_2(site_file: Path, refused: Callable[..., tuple[int, str]]) -> None:
    site_file.write_text("schema = [")
    code, said = refused("run", "--site", str(site_file))
    assert code == 2 and "sample.toml" in said


def test_reports_that_cannot_be_written_end_with_2_and_say_which(
    site_file: Path, refused: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = site_file.parent / "a_file"
    blocker.write_text("")
    monkeypatch.setenv("RUNBOOK_REPORTS", str(blocker / "reports"))
    code, said = refused("run", "--site", str(site_file))
    assert code == 2 and str(blocker) in said and "next:" in said


def test_an_unknown_command_ends_with_2(refused: Callable[..., tuple[int, str]]) -> None:
    code, said = refused("dance")
    assert code == 2 and "invalid choice" in said


def test_no_runs_is_no_error(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "no runs in" in capsys.readouterr().out


@pytest.fixture
def unreachable(site_file: Path) -> Path:
    """A run of real notebooks on a host that nobody is: 00_start is blocked, so is all that needs it."""
    site_file.write_text(SITE.replace("192.0.2.11", "127.0.0.1").replace("protected", "ssh.port = 1\nprotected"))
    return site_file


def test_a_host_that_refuses_blocks_the_chain_and_the_report_says_so(
    unreachable: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "--site", str(unreachable), "--json"])
    seen = capsys.readouterr()
    *events, last = [json.loads(line) for line in seen.out.splitlines()]
    summary = last["summary"]
    assert code == last["exit_code"] == 3 and seen.err == ""
    for told in (*events, last):
        fields = FIELDS[told.pop("event")]
        assert datetime.fromisoformat(told.pop("time")) and told.keys() == fields.keys()
        assert all(isinstance(told[name], kind) for name, kind in fields.items()), told
    assert all(f'"event": "{event}"' in seen.out for event in ("plan", "chapter-begin", "chapter-end", "verb"))
    states = {chapter["name"]: chapter["state"] for chapter in summary["chapters"]}
    assert states["00_start"] == "blocked" and states["04_container_deploy"] == "blocked"
    assert "node1" in summary["reason"] and summary["ok"] is False
    folder = (unreachable.parent / "reports" / "latest").resolve()
    assert "Blocked" in (folder / "index.html").read_text()

    assert main(["verify", "latest"]) == 0
    assert "the chain holds" in capsys.readouterr().out
    assert main(["status", "latest"]) == 0
    said = capsys.readouterr().out
    assert "⊘ 00_start" in said and "nothing of it stands on a host" in said
    assert main(["status"]) == 0
    assert folder.name in capsys.readouterr().out

    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    assert main(["verify", "latest"]) == 1
    assert "journal.jsonl:2" in capsys.readouterr().err
    assert main(["status"]) == 0
    assert "damaged" in capsys.readouterr().out


def test_every_event_of_the_lines_for_machines_is_documented_with_its_fields() -> None:
    rows = [line.split("|") for line in (ROOT / "docs" / "progress-lines.md").read_text().splitlines() if "| `" in line]
    told = {row[1].strip(" `"): set(re.findall("`([a-z_]+)`", row[3])) for row in rows}
    assert told == {event: set(fields) for event, fields in FIELDS.items()}


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).parent / "runbook"
    if not script.exists():
        pytest.skip("the package is not installed with its script here")
    said = subprocess.run(
        [script, "status", "gone"],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "RUNBOOK_REPORTS": "/nonexistent"},
    )
    assert said.returncode == 2 and "there is no run" in said.stderr
