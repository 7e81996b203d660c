"""Searching for a secret in what was left behind: written without the product's own mask, so that it can convict it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

LONGEST_TEXT = 6 << 20  # bytes: a report's page is one, a binary is not


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
        self._names = {form: name for name, secret in secrets.items() for form in forms(secret)}
        assert all(len(form) >= 8 for form in self._names), "too short to be found without chance"

    def held(self, data: bytes) -> set[str]:
        """Also where the lines of an encoding were broken in the middle of it."""
        flat = data.replace(b"\\n", b"").translate(None, b"\r\n")
        return {name for form, name in self._names.items() if form in data or form in flat}

    def in_files(self, *folders: Path, leave_out: Iterable[str] = ()) -> tuple[dict[Path, set[str]], int]:
        """What is held by which file below, names included, and how many files were looked at.

        grep looks through all of them; broken lines are sought in those that are no longer than a text may be.
        """
        left_out, count = set(leave_out), 0
        with tempfile.NamedTemporaryFile() as patterns:
            patterns.write(b"\n".join(form for form in self._names if b"\n" not in form))
            patterns.flush()
            words = ["grep", "-rlaF", "--null", "--devices=skip", "-f", patterns.name, "--", *map(str, folders)]
            said = subprocess.run(words, capture_output=True, timeout=300).stdout
        suspects = {Path(os.fsdecode(name)) for name in said.split(b"\0") if name}
        found: dict[Path, set[str]] = {}
        for path in (path for folder in folders for path in folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or left_out & set(path.parts):
                continue
            count += 1
            text = path.read_bytes() if path in suspects or path.stat().st_size <= LONGEST_TEXT else b""
            if held := self.held(os.fsencode(path) + b"\n" + text):
                found[path] = held
        return found, count
