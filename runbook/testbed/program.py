"""Running one program of this machine, with a limit, or raising what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from runbook.errors import RunbookError

SECONDS = 20.0
"""Limit for a program that should answer at once; generous, for a loaded machine."""

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian keeps what only root needs; not on everyone's PATH."""


def search_path() -> str:
    """PATH as it is, and the folders of root's programs."""
    return os.environ.get("PATH", os.defpath) + ":" + SBIN


class TestbedError(RunbookError):
    """The machine did not do what a bed needs; `tail` has its own words."""

    __test__ = False  # pytest would take the name for a test


def run(*words: str, stdin: str = "", limit: float = SECONDS, also: Sequence[int] = ()) -> str:
    """The program's standard output.

    Raises TestbedError where it is not there, exits with another code than 0 or those in `also`,
    or runs longer than `limit` seconds.
    """
    shown = " ".join(words)
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=limit, check=False,
                              env={**os.environ, "PATH": search_path(), "LC_ALL": "C.UTF-8"})
    except FileNotFoundError as error:
        raise TestbedError(f"{words[0]}: no such program", next="`setup/prepare` installs it") from error
    except subprocess.TimeoutExpired as error:
        raise TestbedError(f"{shown}: not done after {limit:g} s",
                           next="is the machine overloaded? `runbook testbed down`, then again") from error
    if done.returncode != 0 and done.returncode not in also:
        raise TestbedError(f"{shown}: exit {done.returncode}", tail=done.stderr or done.stdout,
                           next="`runbook testbed down` takes away what stands half-built")
    return done.stdout
