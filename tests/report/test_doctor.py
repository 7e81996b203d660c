"""The doctor names what is missing with what mends it, tells no secret, and changes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runbook.__main__ import main
from runbook.report import doctor
from runbook.report.doctor import diagnose
from runbook.site import load_site

SITE = """\
schema = 1
name = "sample"
target = "riscv64"
protected = false

[ssh]
key = "env:DOCTOR_KEY"
connect_seconds = 1

[toolchain]
go = "dir:/nowhere/go"

[[host]]
name = "node1"
address = "127.0.0.1"
roles = ["service"]
  [host.ssh_port]
"""
CANARY = "canary-7f3a"


@pytest.fixture
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose only host refuses: nobody listens at port 1 of this machine."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    path = tmp_path / "sample.toml"
    path.write_text(SITE.replace("  [host.ssh_port]\n", "port = 1\n"))
    return path


def says(path: Path) -> str:
    return str(diagnose(str(path)))


def test_everything_that_is_missing_is_named_with_what_mends_it(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--site", str(site_file)]) == 3
    said = capsys.readouterr().out
    assert "sample: 3 missing, 4 looked at" in said
    assert "the variable DOCTOR_KEY is not set\n      next: export DOCTOR_KEY=…" in said
    assert "/nowhere/go: no Go there" in said and "⊘ node1: reached" in said and "✓ here: reports" in said


def test_a_key_that_others_may_read_is_no_key(site_file: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(CANARY)
    key.chmod(0o644)
    site_file.write_text(site_file.read_text().replace("env:DOCTOR_KEY", f"file:{key}"))
    assert f"next: `chmod 600 {key}`" in says(site_file) and CANARY not in says(site_file)
    key.chmod(0o600)
    assert "chmod" not in says(site_file)


def test_an_empty_secret_is_missing_and_a_prompt_is_only_worth_knowing(
    site_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_KEY", "")
    assert "env:DOCTOR_KEY is empty" in says(site_file)
    site_file.write_text(site_file.read_text().replace("env:DOCTOR_KEY", "prompt:key").replace("node1", "local1")
                         .replace("127.0.0.1", "local"))
    assert "– here: secret: prompt:key is asked for" in says(site_file)


def test_an_acceptance_that_lapsed_is_told(site_file: Path) -> None:
    site_file.write_text(site_file.read_text() + '[[accept]]\nrisk = "a"\nby = "b"\nreason = "c"\nuntil = 2026-01-31\n')
    site = load_site(site_file)
    assert [str(one.what) for one in doctor._risks(site, date(2026, 2, 1))] == ["a"]
    assert list(doctor._risks(site, date(2026, 1, 31))) == []


def test_a_folder_of_reports_without_room_is_named(site_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE", 1 << 60)
    assert "are needed\n      next: `runbook prune --keep 5`" in says(site_file)


def test_a_wrong_site_file_is_refused_as_everywhere(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site_file.write_text(site_file.read_text().replace("service", "servce"))
    assert main(["doctor", "--site", str(site_file)]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_a_host_that_answers_is_judged_as_the_start_judges_it(site_file: Path, tmp_path: Path) -> None:
    """The machine that runs the runbook as a host of its own: asked for real, and nothing is left on it."""
    text = site_file.read_text().replace('key = "env:DOCTOR_KEY"\n', "").replace("127.0.0.1", "local")
    site_file.write_text(text.replace("port = 1\n", ""))
    before = sorted(path.name for path in tmp_path.iterdir())
    said = says(site_file)
    assert "✓ node1: reached" in said and "✓ node1: tools of the runbook" in said and "✓ node1: clock" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_keys_and_a_database_that_the_site_names_are_looked_at(site_file: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    text = site_file.read_text().replace('go = "dir:/nowhere/go"\n', 'go = "dir:/nowhere/go"\nvulnerabilities = "db"\n')
    site_file.write_text(text + '\n[signing]\nkeys = "keys"\n')
    said = says(site_file)
    assert "⊘ here: keys to sign with: " in said and "no key to sign with" in said and "new-keys" in said
    assert "⊘ here: database of vulnerabilities: " in said and "is no database of vulnerabilities" in said
    for name in ("ecdsa.key", "sm2.key"):
        (tmp_path / "keys" / name).write_text("CANARY")
        (tmp_path / "keys" / name).chmod(0o644)
    assert "others may read this private key" in says(site_file) and "CANARY" not in says(site_file)
