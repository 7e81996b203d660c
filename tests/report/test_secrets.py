"""Canaries: secrets of a site, and one that a host tells by itself, are in nothing that a run leaves or prints."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.report.test_chain import cell, chain_process, notebooks, write_notebook
from tests.sought import Sought

__all__ = ["notebooks"]  # fixtures

SITE = """\
schema = 1
name = "sample"
target = "riscv64"
protected = false

[ssh]
key = "file:id"
passphrase = "env:RUNBOOK_PASSPHRASE"

[[host]]
name = "node1"
address = "local"
roles = ["service", "bmc"]
  [host.bmc]
  address = "192.0.2.111"
  password = "file:bmc"

[[host]]
name = "node2"
address = "192.0.2.12"
roles = ["service"]
"""
CHAPTER, GOES_ON = "01_abi_inspection", ("raises-exception",)
SPOKEN = """import base64, os, subprocess, sys, urllib.parse
from IPython.display import HTML, Markdown, display
from runbook import open_chapter
from runbook.remote.command import command
from runbook.run import named
chapter = open_chapter({name!r}, site=site, run=run, only_hosts=["node1"])
mine = open({plain!r}).read().split(chr(10) + "==" + chr(10))
encoded = base64.b64encode(("a" + mine[0]).encode()).decode()
for said in (*mine, encoded, mine[0].encode().hex(), urllib.parse.quote(mine[0])):
    print("out", said)
    print("err", said, file=sys.stderr)
    display(HTML(f"<b>{{said}}</b>"), Markdown(said), {{"text/plain": said}}, repr(said))
subprocess.run(["sh", "-c", "cat $0 >&2; base64 $0", {plain!r}])
chapter.local.run(command("cat", {plain!r}))
chapter.local.run(command("base64", {plain!r}))
chapter.local.run(command("sh", "-c", "cat $0 >&2; od -An -v -tx1 $0 | tr -d ' \\\\n'", {plain!r}))
chapter.note("said", mine[0] + encoded + mine[2])
here = mine[1]
here"""
FAILS = (
    'chapter.local.run(command("sh", "-c", "cat $0 >&2; exit 3", {plain!r}))',
    "from runbook.errors import RunbookError\nraise RunbookError(mine[0], next=mine[1], tail=mine[2])",
    "raise ValueError(mine[0] + mine[2])",
    "def broken(chapter): raise ValueError(mine[0] + encoded)\nchapter.observe(broken)",
)
"""A command that fails, an error of ours, one of Python, and one inside of a verb, which ends the chapter."""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Three of the site (from its environment, a file, a key), and one of which nobody but a host's file knows."""
    found = {name: f"{uuid.uuid4().hex}/+?&" for name in ("bmc", "passphrase", "unknown", "environment")}
    lines = "\n".join(uuid.uuid4().hex for _ in range(5))
    found["key"] = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----"
    for name in ("bmc", "key"):
        path = tmp_path / {"key": "id"}.get(name, name)
        path.write_text(found[name] + "\n")
        path.chmod(0o600)
    monkeypatch.setenv("RUNBOOK_PASSPHRASE", found["passphrase"])
    monkeypatch.setenv("RUNBOOK_CANARY", found["environment"])
    said = [found["bmc"], found["passphrase"], f'registry_password = "{found["unknown"]}"', found["key"]]
    (tmp_path / "plain").write_text("\n==\n".join(said))
    return found


def write_spoken(folder: Path, plain: Path) -> None:
    """A chapter's notebook that says the secrets in every way that a notebook has, and in its errors."""
    write_notebook(folder, CHAPTER)
    path = folder / f"{CHAPTER}.ipynb"
    told = json.loads(path.read_text())
    said = [source.format(name=CHAPTER, plain=str(plain)) for source in (SPOKEN, *FAILS)]
    cells = [cell(f"said{number}", source, *GOES_ON * (source != said[-1])) for number, source in enumerate(said)]
    path.write_text(json.dumps({**told, "cells": [told["cells"][0], *cells]}))


def test_what_a_notebook_says_of_a_secret_is_in_nothing_that_is_left(
    notebooks: Path, tmp_path: Path, secrets: dict[str, str]
) -> None:
    site = tmp_path / "sample.toml"
    site.write_text(SITE)
    write_spoken(notebooks, tmp_path / "plain")
    process = chain_process(notebooks, site, "--only", CHAPTER)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 1, said

    sought = Sought(secrets)
    assert sought.held((tmp_path / "plain").read_bytes()) == set(secrets) - {"environment"}, "the control"
    assert sought.held(said.encode()) == set(), said
    found, count = sought.in_files(tmp_path / "reports")
    assert found == {} and count >= 8, (found, count)
    executed = (tmp_path / "reports" / "latest" / "notebooks" / f"{CHAPTER}.ipynb").read_text()
    assert "out ***" in executed and "err ***" in executed and "***" in said
    assert executed.count('"output_type": "error"') == len(FAILS)
    for verb in ("status", "verify"):
        words = [sys.executable, "-m", "runbook", verb, "latest"]
        again = subprocess.run(words, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert sought.held(again.stdout) == set()
