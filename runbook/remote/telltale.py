"""Secrets that nobody told us of: known by the name that stands before them, in what a host or a file says."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterator

HIDDEN = "***"

_JOINED = [f"{first}{between}{last}" for between in ("", "_", "-") for first, last in (
    ("private", "key"), ("api", "key"), ("access", "key"), ("auth", "token"), ("access", "token"), ("bearer", "token"),
    ("refresh", "token"), ("id", "token"))]
MARKS = ("password", "passwd", "passphrase", "secret", "authorization", *_JOINED)
"""Names of secrets, in small letters. To look for them costs next to nothing; the rules read their lines only."""

_NAME = f"(?:{'|'.join(MARKS[:4])}|{'|'.join(_JOINED)})" + r"[\w-]{0,16}"
_QUOTE = r"""(?:\\*["']|&(?:quot|apos|\#34|\#39|\#x22|\#x27);)"""
_NO_SECRET = r"(?!env:|file:|prompt:|\*\*\*|(?:true|false|none|null|yes|no)\b)"
_AMPERSAND = r"&(?!quot|apos|\#)"
_QUOTED, _BARE = rf"(?:[^\"'\\\n&]|{_AMPERSAND})+", rf"(?!{_QUOTE})(?:[^\s\"'\\,;<>&]|{_AMPERSAND})+"
_RULES = (
    # password = "…", "client_secret": "…", --api-key=…; a reference says where the secret is, and is none
    rf"(?P<before>{_NAME}{_QUOTE}?[ \t]{{0,8}}[=:][ \t]{{0,8}}{_QUOTE}){_NO_SECRET}{_QUOTED}",
    rf"(?P<before>{_NAME}{_QUOTE}?[ \t]{{0,8}}=[ \t]{{0,8}}){_NO_SECRET}{_BARE}",
    # password: … as a line of YAML, not of prose
    rf"(?P<before>(?:^|\\n)[ \t+-]{{0,40}}{_QUOTE}?[\w.-]{{0,40}}{_NAME}{_QUOTE}?:[ \t]{{1,8}}){_NO_SECRET}{_BARE}",
    r"(?P<before>authorization:[ \t]{0,8}(?:basic|bearer)[ \t]{1,8})(?!\*\*\*)[^\s\"'\\,;<>]+",
)
_EVERYWHERE = (
    # https://user:…@registry
    (b"://", r"(?P<before>://[^/\s:@\"']{1,64}:)(?!\*\*\*@)[^@\s/\"']{1,256}(?=@)"),
    # a private key's lines, with real or with written line feeds; what a torn output has of it too
    (b" PRIVATE KEY-----", r"(?P<before>-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----)(?:(?!-----)[\sA-Za-z0-9+/=\\,:-])+"),
)
_BY_LINE = tuple(re.compile(rule.encode(), re.IGNORECASE | re.MULTILINE) for rule in _RULES)
_BY_MARK = tuple((mark, re.compile(rule.encode())) for mark, rule in _EVERYWHERE)
_MARKS = tuple(mark.encode() for mark in MARKS)
_HUSHED = rb"\g<before>" + HIDDEN.encode()

_ENCODED = re.compile(
    rb"(?<![A-Za-z0-9+/])(?:(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{2,}={0,2}|[A-Za-z0-9+/]{16,}={0,2})")
"""Base64 as base64(1) writes it, by lines of 76, or of 64 as PEM has them; or all in one line."""


def hush(text: str) -> str:
    """The text with `***` where a value's name says that it is a secret."""
    data = text.encode("utf-8", "surrogatepass")
    hushed = hush_bytes(data)
    return text if hushed == data else hushed.decode("utf-8", "surrogatepass")


def hush_bytes(data: bytes) -> bytes:
    """As `hush`."""
    for mark, rule in _BY_MARK:
        if mark in data:
            data = rule.sub(_HUSHED, data)
    lowered = data.lower()
    lines = sorted({_line_at(data, at) for mark in _MARKS for at in _places(lowered, mark)})
    parts, done = [], 0
    for start, end in lines:
        line = data[start:end]
        for rule in _BY_LINE:
            line = rule.sub(_HUSHED, line)
        parts += [data[done:start], line]
        done = end
    return b"".join([*parts, data[done:]]) if parts else data


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    """One place in each line where the mark stands."""
    at = data.find(mark)
    while at >= 0:
        yield at
        end = data.find(b"\n", at)
        at = data.find(mark, end) if end >= 0 else -1


def _line_at(data: bytes, at: int) -> tuple[int, int]:
    end = data.find(b"\n", at)
    return data.rfind(b"\n", 0, at) + 1, len(data) if end < 0 else end


def hush_encoded(data: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """The same where every piece of base64 or hex is gone whose plain text `mask` finds something in."""

    def judged(found: re.Match[bytes]) -> bytes:
        whole, _, last = found[0].rpartition(b"\n")  # what looks like a last line may be other text already
        for encoded, rest in ((found[0], b""), (whole, b"\n" + last)):
            if any(mask(plain) != plain for plain in _decoded(encoded)):
                return HIDDEN.encode() + rest
        return found[0]

    return _ENCODED.sub(judged, data)


def _decoded(encoded: bytes) -> Iterator[bytes]:
    """What it may stand for: as base64, and as hex, whose digits are digits of base64 too."""
    digits = b"".join(encoded.split())
    with contextlib.suppress(binascii.Error):
        yield base64.b64decode(digits, validate=True)
    with contextlib.suppress(binascii.Error):
        yield binascii.unhexlify(digits)
