"""What an ssh_config(5) says of a host: read as ssh reads it, and refused where that cannot be told."""

from __future__ import annotations

import fnmatch
import getpass
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.errors import SiteError

DEEPEST = 16  # inclusions; READCONF_MAX_DEPTH of OpenSSH's readconf.c

READ = ("hostname", "port", "user", "identityfile", "proxyjump", "userknownhostsfile", "connecttimeout")
"""The keywords whose values a site takes over, in lower case."""


@dataclass(frozen=True)
class Setting:
    """One value, and the file and line that it stands in."""

    value: str
    where: str


@dataclass(frozen=True)
class Line:
    """A keyword in lower case with its words, and where it stands."""

    keyword: str
    words: tuple[str, ...]
    where: str
    included: tuple[Line, ...] = ()

    def refused(self, why: str, next: str) -> SiteError:
        return SiteError(f"{self.where}: {why}", next=next)


@dataclass(frozen=True)
class SshConfig:
    """The lines of a file, and below each Include those of the files that it names."""

    lines: tuple[Line, ...]

    @classmethod
    def read(cls, path: Path) -> SshConfig:
        """Raises SiteError where it cannot be read, or includes itself."""
        return cls(tuple(_lines(path, 0)))

    def of(self, name: str) -> dict[str, Setting]:
        """The settings of READ for the host that ssh would be given as `name`; the first value counts.

        Raises SiteError for a `Match` whose criteria need more than names, and for a ProxyCommand.
        """
        found: dict[str, Setting] = {}
        keys: list[Setting] = []
        self._take(self.lines, True, name, found, keys)
        return self._expanded(name, found, keys)

    def _take(self, lines: tuple[Line, ...], outer: bool, name: str, found: dict[str, Setting],
              keys: list[Setting]) -> None:
        """Blocks of an included file hold within the block of its Include, and end with it."""
        holds = outer
        for line in lines:
            if line.keyword == "host":
                holds = outer and _matches(line.words, name)
            elif line.keyword == "match":
                holds = outer and _match_holds(line, name, found)
            elif line.keyword == "include":
                self._take(line.included, holds, name, found, keys)
            elif not holds or not line.words:
                continue
            elif line.keyword == "proxycommand" and "proxyjump" not in found and line.words != ("none",):
                raise line.refused(f"a ProxyCommand for {name}", "write a ProxyJump there, or `jump` in the site file")
            elif line.keyword == "identityfile":
                keys.append(Setting(line.words[0], line.where))
            elif line.keyword in READ:
                found.setdefault(line.keyword, Setting(",".join(line.words) if line.keyword == "proxyjump"
                                                       else line.words[0], line.where))

    def _expanded(self, name: str, found: dict[str, Setting], keys: list[Setting]) -> dict[str, Setting]:
        """Percent signs replaced (TOKENS of `man 5 ssh_config`), and of the key files the first that is there."""
        host = found["hostname"].value.replace("%h", name).replace("%%", "%") if "hostname" in found else name
        if "hostname" in found:
            found["hostname"] = Setting(host, found["hostname"].where)
        tokens = {"d": str(Path.home()), "h": host, "n": name, "u": getpass.getuser(), "%": "%",
                  "r": found["user"].value if "user" in found else getpass.getuser(),
                  "p": found["port"].value if "port" in found else "22"}
        paths = [Setting(str(_path(_replaced(key.value, tokens))), key.where) for key in keys]
        if paths:
            found["identityfile"] = next((key for key in paths if Path(key.value).exists()), paths[0])
        if hosts := found.get("userknownhostsfile"):
            found["userknownhostsfile"] = Setting(str(_path(_replaced(hosts.value, tokens))), hosts.where)
        return found


def _lines(path: Path, depth: int) -> Iterator[Line]:
    if depth > DEEPEST:
        raise SiteError(f"{path}: included by itself", next="take that Include out")
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror}", next="mend `config` in [ssh] of the site file") from error
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        keyword, rest = _split(stripped)
        try:
            words = tuple(shlex.split(rest, comments=True))
        except ValueError as error:
            raise SiteError(f"{path}:{number}: {error}", next="mend that line") from error
        line = Line(keyword.lower(), words, f"{path}:{number}")
        if line.keyword == "include":
            line = replace(line, included=tuple(
                one for pattern in words for file in _files(pattern) for one in _lines(file, depth + 1)))
        yield line


def _split(line: str) -> tuple[str, str]:
    """The keyword, and what comes after white space or one `=`."""
    end = next((index for index, letter in enumerate(line) if letter.isspace() or letter == "="), len(line))
    rest = line[end:].lstrip()
    return line[:end], rest.removeprefix("=").lstrip()


def _files(pattern: str) -> list[Path]:
    """The files that an Include names, in lexical order."""
    path = Path(pattern).expanduser()
    if not path.is_absolute():
        path = Path.home() / ".ssh" / path
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of the patterns matches and none with `!` does (PATTERNS of `man 5 ssh_config`)."""
    plain = [pattern.replace("[", "[[]") for pattern in patterns]
    if any(pattern.startswith("!") and fnmatch.fnmatchcase(name, pattern[1:]) for pattern in plain):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in plain if not pattern.startswith("!"))


def _match_holds(line: Line, name: str, found: dict[str, Setting]) -> bool:
    if line.words == ("all",):
        return True
    words = list(line.words)
    holds = bool(words)
    while words:
        criterion = words.pop(0).lower()
        if criterion not in ("host", "originalhost") or not words:
            raise line.refused(f"Match {criterion} is not looked into",
                               "only all, host and originalhost are: write a Host block, or say it in the site file")
        host = found["hostname"].value.replace("%h", name) if criterion == "host" and "hostname" in found else name
        holds = _matches(tuple(words.pop(0).split(",")), host) and holds
    return holds


def _replaced(text: str, tokens: dict[str, str]) -> str:
    out, letters = "", iter(text)
    for letter in letters:
        if letter != "%":
            out += letter
            continue
        token = next(letters, "")
        out += tokens.get(token, f"%{token}")
    return out


def _path(text: str) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else Path.home() / path
