"""A list of hosts, one a line, as an inventory has it: what a new site file starts with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook.errors import UsageError
from runbook.site_tables import ADDRESS, NAME, ROLES

DEFAULT_ROLES = ("service",)


@dataclass(frozen=True)
class Listed:
    """One line: a name, where it answers, and what it is for."""

    name: str
    address: str
    roles: tuple[str, ...] = DEFAULT_ROLES


def read_hosts(path: Path) -> tuple[Listed, ...]:
    """The hosts of a file: `NAME ADDRESS [ROLE,ROLE..]` a line, apart by blanks or semicolons; `#` begins a comment.

    A line with an address alone is named node1, node2 and so on. Raises UsageError that lists every wrong line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not UTF-8"
        raise UsageError(f"{path}: {said}", next="name a text file: `NAME ADDRESS [ROLE,ROLE..]` a line") from error
    found: list[Listed] = []
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace(";", " ").split()
        if not words:
            continue
        one = _listed(words, len(found) + 1)
        why = _wrong(one, found) if len(words) <= 3 else "expected at most three words"
        wrong += [f"{path}:{number}: {why}"] if why else []
        found.append(one)
    if not found:
        wrong.append(f"{path}: it names no host")
    if wrong:
        raise UsageError("\n".join(wrong), next="mend the list: `NAME ADDRESS [ROLE,ROLE..]` a line")
    return tuple(found)


def _listed(words: list[str], place: int) -> Listed:
    name, address = (words[0], words[1]) if len(words) > 1 else (f"node{place}", words[0])
    return Listed(name, address, tuple(words[2].split(",")) if len(words) > 2 else DEFAULT_ROLES)


def _wrong(one: Listed, before: list[Listed]) -> str:
    unknown = [role for role in one.roles if role not in ROLES]
    if why := NAME(one.name):
        return f"name `{one.name}`: {why}"
    if why := ADDRESS(one.address):
        return f"address `{one.address}`: {why}"
    if unknown:
        return f"role `{unknown[0]}`: expected one of {', '.join(ROLES)}"
    if "bmc" in one.roles:
        return "the role `bmc` needs an address of its own: add it in the site file"
    if any(other.name == one.name or other.address == one.address for other in before):
        return f"`{one.name}` or {one.address} is listed twice"
    return ""
