"""Secrets that nobody told us of: known by the name that stands before them, in what a host or a file says."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterator

HIDDEN = "***"

MARKS = ("passw", "passphrase", "secret", "private", "apikey", "api_key", "api-key", "accesskey", "access_key",
         "access-key", "token", "authorization", "://")
"""One of these is in every text that a rule may find something in; looking for them costs next to nothing."""

_QUOTE = r"""(?:\\*["']|&(?:quot|apos|\#34|\#39|\#x22|\#x27);)"""
_NAME = r"(?:pass(?:word|wd|phrase)|secret|(?:private|api|access)[_-]?key|(?:auth|access|bearer|refresh|id)[_-]?token)"
_NAMED = rf"{_NAME}[\w-]{{0,16}}{_QUOTE}?[ \t]{{0,8}}[=:][ \t]{{0,8}}"
_NO_REFERENCE = r"(?!env:|file:|prompt:|\*\*\*|(?:true|false|none|null|yes|no)\b)"
_AMPERSAND = r"&(?!quot|apos|\#)"
_RULES = (
    # password = "…", "client_secret": "…", --api-key=…; a reference says where the secret is, and is none
    rf"(?P<before>{_NAMED}{_QUOTE}){_NO_REFERENCE}(?:[^\"'\\\n&]|{_AMPERSAND})+",
    rf"(?P<before>{_NAMED}){_NO_REFERENCE}(?!{_QUOTE})(?:[^\s\"'\\,;<>&]|{_AMPERSAND})+",
    # https://user:…@registry
    r"(?P<before>://[^/\s:@\"']{1,64}:)(?!\*\*\*@)[^@\s/\"']{1,256}(?=@)",
    r"(?P<before>authorization:[ \t]{0,8}(?:basic|bearer)[ \t]{1,8})(?!\*\*\*)[^\s\"'\\,;<>]+",
    # a private key's lines, with real or with written line feeds; what a torn output has of it too
    r"(?P<before>-----begin [a-z ]{0,32}private key-----)(?:(?!-----)[\sa-z0-9+/=\\,:-])+",
)
_OF_TEXT = tuple(re.compile(rule, re.IGNORECASE) for rule in _RULES)
_OF_BYTES = tuple(re.compile(rule.encode(), re.IGNORECASE) for rule in _RULES)
_MARKS = tuple(mark.encode() for mark in MARKS)

_ENCODED = re.compile(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{2,}={0,2}|[A-Za-z0-9+/]{16,}={0,2}")
"""Base64 as base64(1) writes it, by lines of 76, or of 64 as PEM has them; or all in one line."""


def hush(text: str) -> str:
    """The text with `***` where a value's name says that it is a secret."""
    lowered = text.lower()
    if not any(mark in lowered for mark in MARKS):
        return text
    for rule in _OF_TEXT:
        text = rule.sub(rf"\g<before>{HIDDEN}", text)
    return text


def hush_bytes(data: bytes) -> bytes:
    """As `hush`."""
    lowered = data.lower()
    if not any(mark in lowered for mark in _MARKS):
        return data
    for rule in _OF_BYTES:
        data = rule.sub(rb"\g<before>" + HIDDEN.encode(), data)
    return data


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
