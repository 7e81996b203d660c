"""Who brings a folder to a host for the bench brings the same folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench import files
from bench.command import control_path_to, ours_to, ssh_options
from tests.remote.conftest import Sshd, sshd  # noqa: F401


@pytest.mark.long
def test_all_contenders_bring_the_same_files(sshd: Sshd, tmp_path: Path) -> None:  # noqa: F811
    files.make(tmp_path / "folder")
    assert len(list((tmp_path / "folder").rglob("file *"))) == files.FILES
    with ours_to(sshd.host) as shell, control_path_to(sshd.host) as path:
        ssh = ["ssh", *ssh_options(sshd.host), "-S", path]
        copying = files.contenders(shell, tmp_path / "folder", ssh, "root@127.0.0.1")
        for name in set(copying) - {"scp -r"}:  # which wants SFTP, and this sshd has none
            copying[name](str(tmp_path / name))
            subprocess.run(["diff", "-r", tmp_path / "folder", tmp_path / name], check=True)
