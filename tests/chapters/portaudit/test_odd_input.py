"""Odd names and damaged files: an audit takes a name as it is, and writes nowhere but where it was told to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.portaudit.apply import OVERLAY, apply
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.portaudit.cause import Cause
from runbook.chapters.portaudit.door import port_audit
from runbook.chapters.portaudit.remedy import FOLDER, NewFile, Remedy, read_remedy
from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked, RunbookError
from runbook.remote.local import LocalShell
from runbook.targets import Target

ODD = "-a b'c\"d$(touch gone);%s\\ü"
MISSING = {"all.go": "package m\n\nvar X = Name\n", "one_amd64.go": "package m\n\nconst Name = 1\n"}


def test_a_folder_with_odd_characters_is_audited_and_mended_as_any_other(
    module: Callable[..., Path], go: Go, target: Target, local: LocalShell, tmp_path: Path
) -> None:
    folder = module(MISSING).rename(tmp_path / ODD)
    code, said = port_audit(str(folder), target.name, as_json=True)
    (found,) = json.loads(said)["findings"]
    assert (code, found["cause"], json.loads(said)["module"]) == (1, "SYMBOL", ODD)
    seen = audit(folder, go, target, local)
    remedy = Remedy("example.test/m", frozenset((Cause.SYMBOL,)), "a name", "this test", files=(
        NewFile("", "name_{goarch}.go", ("Name",), "package m\n\nconst Name = 2\n"),))
    into = tmp_path / f"port {ODD}"
    ported = apply(replace(seen, remedies={seen.findings[0]: remedy}), go, target, local, into)
    assert ported.after.ok, str(ported)
    (replaced,) = json.loads((into / OVERLAY).read_text())["Replace"].values()
    assert Path(replaced).is_relative_to(into) and not list(tmp_path.rglob("gone"))


@pytest.mark.parametrize(("path", "why"), [
    ("example.test/a b", "usage: module"), ('"example.test/$(id)"', "invalid char"),
    ("example.test/ü", "invalid char"), ("../outside", "invalid path element"), ("", "usage: module"),
])
def test_a_module_path_that_go_does_not_take_is_refused_in_gos_words(
    module: Callable[..., Path], path: str, why: str
) -> None:
    folder = module({"m.go": "package m\n", "go.mod": f"module {path}\n\ngo 1.21\n"})
    with pytest.raises(Blocked) as refused:
        port_audit(str(folder), "riscv64")
    assert why in refused.value.tail and "does not list its packages" in refused.value.what


@pytest.mark.parametrize(("was", "now"), [
    ('package = "internal/common"', 'package = "../../elsewhere"'), ('package = "internal/common"', 'package = "/etc"'),
    ('name = "bolt_{goarch}.go"', 'name = "../bolt_{goarch}.go"'), ('name = "bolt_{goarch}.go"', 'name = ".."'),
    ('name = "bolt_{goarch}.go"', 'name = "deeper/bolt_{goarch}.go"'),
])
def test_a_remedy_that_names_a_file_outside_of_its_module_is_refused(tmp_path: Path, was: str, now: str) -> None:
    path = tmp_path / "damaged.toml"
    path.write_text((FOLDER / "bbolt.toml").read_text().replace(was, now))
    with pytest.raises(RunbookError, match="damaged.toml: a file outside of its package"):
        read_remedy(path)


def test_a_toolchains_folder_outside_of_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.toml"
    path.write_text((FOLDER / "x-sys.toml").read_text().replace('"src/cmd/vendor', '"../src/cmd/vendor'))
    with pytest.raises(RunbookError, match=r"outside of its package: \.\./src/cmd"):
        read_remedy(path)
