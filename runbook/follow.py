"""The journal while it grows: new whole lines, as they are written by whichever process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path


class Follower:
    """`news()` gives the lines since the last call. They are for showing; what counts is verified later."""

    def __init__(self, path: Path, *, from_end: bool = True) -> None:
        self._path = path
        self._offset = path.stat().st_size if from_end and path.exists() else 0

    def news(self) -> Iterator[Mapping[str, object]]:
        """Whole lines only: half a line is left for the next call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # a damaged line is no news; `runbook verify` names it
            if isinstance(told, dict):
                yield told
