"""A GOROOT made of the toolchain module: whole, executable, and only with the committed sum."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "setup/unpack_toolchain.py"
VERSION = "v0.0.1-go1.99.1.linux-amd64"
PREFIX = f"golang.org/toolchain@{VERSION}/"
FILES = {"VERSION": "go1.99.1", "bin/go": "", "pkg/tool/linux_amd64/link": "", "src/_go.mod": ""}


class Workshop:
    """A copy of the script with sums of its own, and a stand-in for an old Go with its download."""

    def __init__(self, folder: Path) -> None:
        self.script = Path(shutil.copy(SCRIPT, folder))
        self.go, self.zip, self.goroot = folder / "go", folder / "module.zip", folder / "cache/go1.99.1"
        self.sums = folder / "toolchain.sum"

    def unpack(self, committed: str, served: str = "h1:good", prefix: str = PREFIX) -> str:
        """Run the script; its standard error, empty where all went well."""
        self.sums.write_text(committed)
        with zipfile.ZipFile(self.zip, "w") as archive:
            for name, text in FILES.items():
                archive.writestr(prefix + name, text)
        answer = json.dumps({"Sum": served, "Zip": str(self.zip)})
        self.go.write_text(f"#!/bin/sh\n[ $1 = env ] && echo linux amd64 || echo '{answer}'\n")
        self.go.chmod(0o755)
        command = [sys.executable, self.script, self.go, "1.99.1", self.goroot]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (done.returncode == 0) == (done.stderr == "")
        return done.stderr


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


GOOD = f"golang.org/toolchain {VERSION} h1:good\n"


def test_the_goroot_is_whole_and_its_programs_can_be_run(workshop: Workshop) -> None:
    workshop.goroot.mkdir(parents=True)
    (workshop.goroot / "left-over").touch()
    assert workshop.unpack(GOOD) == ""
    found = {str(p.relative_to(workshop.goroot)): p for p in workshop.goroot.rglob("*") if p.is_file()}
    assert set(found) == {"VERSION", "bin/go", "pkg/tool/linux_amd64/link", "src/go.mod"}
    executable = {name for name, path in found.items() if path.stat().st_mode & 0o111}
    assert executable == {"bin/go", "pkg/tool/linux_amd64/link"}
    assert [p.name for p in workshop.goroot.parent.iterdir()] == ["go1.99.1"]


def test_another_sum_than_the_committed_one_is_refused(workshop: Workshop) -> None:
    assert "has the sum h1:evil" in workshop.unpack(GOOD, served="h1:evil")
    assert not workshop.goroot.exists()


def test_a_version_without_a_committed_sum_is_refused_with_what_to_add(workshop: Workshop) -> None:
    assert f"go mod download -json golang.org/toolchain@{VERSION}" in workshop.unpack("")
    assert not workshop.goroot.exists()


def test_a_file_outside_the_module_is_refused(workshop: Workshop) -> None:
    assert "is outside" in workshop.unpack(GOOD, prefix="elsewhere/")
    assert not workshop.goroot.exists()
