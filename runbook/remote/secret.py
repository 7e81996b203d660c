"""Secrets: a type that prints `***`, and the mask that keeps secrets out of all that is written."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from runbook.errors import UsageError
from runbook.remote.telltale import HIDDEN as MASK
from runbook.remote.telltale import hush, hush_bytes, hush_encoded

__all__ = ["KNOWN", "MASK", "Masker", "Reference", "Secret", "spellings"]

PERCENT = re.compile("%[0-9A-F]{2}")
SURE = 8  # digits of base64 that are no chance: fewer may stand in any certificate
SHORTEST = 4  # shorter values would mask ordinary words; a secret of three letters protects nothing


class Secret:
    """A value that shows itself as `***` wherever it is printed; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        KNOWN.learn(value)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is resolved where it is used, it is never pickled")


def spellings(value: str) -> Iterator[str]:
    """A secret as it may turn up in an output: raw, by line, base64, hex, URL-encoded, JSON-escaped.

    Base64 also as it comes out in the middle of something longer: less the digits that hold its neighbours' bits.
    """
    raw = value.encode()
    yield value
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    yield from (part for part in _within_base64(raw) if len(part) >= SURE)
    yield raw.hex()
    yield raw.hex().upper()
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield encoded
        yield PERCENT.sub(lambda found: found[0].lower(), encoded)
    yield value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    yield json.dumps(value)[1:-1]
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:  # a PEM key: each of its lines by itself, but not its BEGIN and END
        yield from (line for line in lines if len(line) >= 16 and not line.startswith("-----"))


def _within_base64(raw: bytes) -> Iterator[str]:
    """The digits of `raw` alone where 0, 1 or 2 bytes of a group of three stand before it (RFC 4648, section 4)."""
    for before in range(3):
        digits = slice(-(-before * 8 // 6), (before + len(raw)) * 8 // 6)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * before + raw)[digits].decode()


class Masker:
    """Every secret of this process, and the functions that take them out of a text.

    They also take out what is a secret by its name, and base64 that holds either.
    """

    def __init__(self) -> None:
        self._spellings: tuple[str, ...] = ()

    def learn(self, value: str) -> None:
        if len(value.strip()) < SHORTEST:
            return
        found = {text for text in spellings(value) if len(text) >= SHORTEST}
        found |= {text.rstrip("=") for text in found if len(text.rstrip("=")) >= SHORTEST}
        self._spellings = tuple(sorted(found.union(self._spellings), key=len, reverse=True))

    def mask(self, text: str) -> str:
        return hush(self.without_known(text))

    def without_known(self, text: str) -> str:
        """Less the secrets that this process was told of; what only looks like one stays."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text

    def stands_in(self, data: bytes) -> bool:
        """Whether a secret that this process was told of is in it."""
        return any(spelling.encode() in data for spelling in self._spellings)

    def mask_bytes(self, data: bytes) -> bytes:
        return hush_encoded(self._plain(data), self._plain)

    def _plain(self, data: bytes) -> bytes:
        for spelling in self._spellings:
            data = data.replace(spelling.encode(), MASK.encode())
        return hush_bytes(data)


KNOWN = Masker()


@dataclass(frozen=True)
class Reference:
    """Where a secret is to be found: `env:NAME`, `file:PATH` or `prompt:`; resolved as late as possible."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def asks(self) -> bool:
        """Whether a person is asked for it."""
        return self.text.startswith("prompt:")

    def resolve(self, *, beside: Path | None = None) -> Secret:
        """The secret itself. A relative `file:` path counts from the folder `beside`.

        Raises UsageError where the variable is not set or the file cannot be read.
        """
        kind, _, name = self.text.partition(":")
        if kind == "env":
            if name not in os.environ:
                raise UsageError(f"{self.text}: the variable {name} is not set", next=f"export {name}=…")
            return Secret(os.environ[name])
        if kind == "file":
            path = (beside or Path()) / Path(name).expanduser()
            try:
                return Secret(path.read_text().rstrip("\n"))
            except OSError as error:
                raise UsageError(f"{self.text}: {error.strerror}", next=f"make {path} readable") from error
        if kind == "prompt":
            import getpass

            return Secret(getpass.getpass(f"{name or 'secret'}: "))
        raise UsageError(f"{self.text}: no reference to a secret", next="write env:NAME, file:PATH or prompt:NAME")
