"""Who a host knows: the system's accounts, root and the operator, and none of this machine's people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FIRST_PERSON, LAST_PERSON = 1000, 59999
"""Accounts of people (Debian Policy 9.2.2)."""

OPERATOR_ID = 1000


def passwd(machine: str, operator: str) -> str:
    """/etc/passwd of a host, from this machine's."""
    kept = [line for line in machine.splitlines() if not _is_person(line) and _name(line) != operator]
    ids = f"{OPERATOR_ID}:{OPERATOR_ID}"
    return _text([*kept, f"{operator}:x:{ids}:the runbook's operator:/home/{operator}:/bin/bash"])


def group(machine: str, operator: str) -> str:
    """/etc/group of a host, from this machine's. Debian's own group `operator` gets the operator's id."""
    kept = [line for line in machine.splitlines() if not _is_person(line) and _name(line) != operator]
    return _text([*kept, f"{operator}:x:{OPERATOR_ID}:"])


def shadow(accounts: str) -> str:
    """/etc/shadow for an /etc/passwd: nobody has a password.

    `*` and not `!`: sshd without PAM refuses an account with `!` even where its key is right.
    """
    return _text(f"{_name(line)}:*:19700:0:99999:7:::" for line in accounts.splitlines())


def of_machine(name: str) -> str:
    """This machine's file of that name in /etc."""
    return Path("/etc", name).read_text()


def _is_person(line: str) -> bool:
    return FIRST_PERSON <= int(line.split(":")[2]) <= LAST_PERSON


def _name(line: str) -> str:
    return line.partition(":")[0]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
