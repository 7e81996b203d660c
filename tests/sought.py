"""Searching for a secret in what was left behind: written without the product's own mask, so that it can convict it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms(secret: str) -> Iterator[bytes]:
    """Raw, each line of a key, JSON, hex, URL-encoded, and base64 at each place in a group of three."""
    raw = secret.encode()
    lines = [line for line in secret.splitlines() if len(line) >= 16 and "-----" not in line] if "\n" in secret else []
    for text in (secret, *lines, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield text.encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    for part in (raw, *(line.encode() for line in lines)):
        for before in range(3):
            whole = base64.b64encode(b"-" * before + part)
            kept = whole[-(-before * 8 // 6) : (before + len(part)) * 8 // 6]
            yield from (kept, kept.translate(bytes.maketrans(b"+/", b"-_")))


class Sought:
    """The secrets by a name for each; `held(data)` are the names of those that the data has in any form."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        wanted = {form: name for name, secret in secrets.items() for form in forms(secret)}
        assert all(len(form) >= 8 for form in wanted), "too short to be found without chance"
        self._names = wanted
        self._any = re.compile(b"|".join(map(re.escape, sorted(wanted, key=len, reverse=True))))

    def held(self, data: bytes) -> set[str]:
        """Also where the lines of an encoding were broken in the middle of it."""
        found = {self._names[match[0]] for match in self._any.finditer(data)}
        flat = data.replace(b"\\n", b"").translate(None, b"\r\n")
        return found | {self._names[match[0]] for match in self._any.finditer(flat)}

    def in_files(self, folder: Path, *, leave_out: Iterable[str] = ()) -> tuple[dict[str, set[str]], int]:
        """What is held by which file below, names included, and how many files were looked at."""
        left_out, found, count = set(leave_out), {}, 0
        for path in folder.rglob("*"):
            name = path.relative_to(folder)
            if path.is_symlink() or not path.is_file() or left_out & set(name.parts):
                continue
            count += 1
            if held := self.held(str(name).encode() + b"\n" + path.read_bytes()):
                found[str(name)] = held
        return found, count
