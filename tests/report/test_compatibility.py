"""The compatibility matrix over runs: the newest audit of a module counts, and what was never audited is no failure."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runbook.__main__ import main
from runbook.report.compatibility import matrix


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path))
    return tmp_path


def audited(path: Path, target: str, at: int, **modules: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": 1, "target": target, "go": "1.26.8", "modules": [
        {"module": name, "version": "v1", "builds": builds, "fails": fails, "waits": waits}
        for name, (builds, fails, waits) in modules.items()]}))
    os.utime(path, (at, at))


def test_it_grows_over_runs_and_the_newest_counts(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no run has an audit yet" in str(matrix())
    audited(reports / "one" / "artifacts" / "port-audit-etcd.json", "riscv64", 1, sys=(1, 2, 0), zap=(9, 0, 0))
    audited(reports / "two" / "artifacts" / "port-audit-etcd.json", "riscv64", 2, sys=(3, 0, 0))
    audited(reports / "port-audits" / "runc.json", "loong64", 3, sys=(0, 1, 0), runc=(8, 1, 2))
    (reports / "two" / "artifacts" / "port-audit-cut.json").write_text('{"schema": 1, "tar')
    found = matrix()
    assert [str(column) for column in found.columns] == ["loong64, Go 1.26.8", "riscv64, Go 1.26.8"]
    assert found.modules == ("runc v1", "sys v1", "zap v1"), "what does not build somewhere comes first"
    lines = [line.split("  ") for line in str(found).splitlines()]
    rows = {line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in lines}
    assert rows == {**rows, "sys v1": ["✗ 0/1", "✓ 3/3"], "runc v1": ["◐ 8/11", "·"], "zap v1": ["·", "✓ 9/9"]}
    assert main(["compatibility", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {(cell["module"], cell["target"]): cell["run"] for cell in told["cells"]} == {
        ("runc v1", "loong64"): "", ("sys v1", "loong64"): "",
        ("sys v1", "riscv64"): "two", ("zap v1", "riscv64"): "one"}
