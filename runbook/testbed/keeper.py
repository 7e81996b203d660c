"""Processes that outlive `up`: started so that `down` finds them, whatever happens to `up`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runbook.testbed import cgroups
from runbook.testbed.program import TestbedError, search_path

GATE = 'echo $$; read -r go && exec "$@" </dev/null >&2'
"""Says its pid, waits for a word, and ends without one: it does nothing before it is in the bed's group."""


def keep(group: str, words: Sequence[str], log: Path, folder: Path) -> int:
    """Start a process that outlives this one, in the keepers' group; returns its pid.

    It runs `words` in `folder`, and its output goes to `log`. Killed at any point, `up` leaves
    either no process or one that is in the group.
    """
    with log.open("ab") as output, subprocess.Popen(
            ["setsid", "--fork", "/bin/sh", "-c", GATE, "keep", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, cwd=folder,
            env={**os.environ, "PATH": search_path()}) as starter:
        assert starter.stdin and starter.stdout
        said = starter.stdout.readline()
        if not said.strip().isdigit():
            raise TestbedError(f"{words[0]}: did not start", tail=log.read_text(), next=f"see {log}")
        cgroups.join(group, cgroups.KEEPERS, int(said))
        starter.stdin.write(b"go\n")
    return int(said)
