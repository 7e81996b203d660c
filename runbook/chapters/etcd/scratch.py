"""Etcd started aside, on loopback and on ports of the kernel's choice: what its TLS takes, and what not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.etcd.health import HEALTH
from runbook.chapters.etcd.layout import CLIENT_PORT, CTL, PROGRAM
from runbook.chapters.etcd.wanted import GATE, Wanted
from runbook.chapters.sections import sections
from runbook.elf import read
from runbook.remote.command import Script
from runbook.remote.question import Unanswered
from runbook.verdict import Basis

SUITE = "ECDHE-SM2-WITH-SM4-SM3"
"""The cipher suite that the article writes into GRPC_SSL_CIPHER_SUITES."""

START_SECONDS = 30
TRY = Script(Path(__file__).with_name("scratch.sh").read_text("utf-8"), limit=START_SECONDS + 60.0)


@dataclass(frozen=True)
class Start:
    """How a start of etcd ended: it serves, or its exit code and its last words."""

    serves: bool
    exit_code: int | None
    words: str

    def __str__(self) -> str:
        return "serves" if self.serves else f"exit {self.exit_code}: {self.words}"


@dataclass(frozen=True)
class Tried:
    """What was seen of etcd started aside; a start that could not be tried is None."""

    closed: Start | None  # its start gate, without the variable
    open: Start | None  # with it
    p256: Start | None  # P-256 certificates, and the article's variable
    sm2: Start | None  # SM2 certificates; None: openssl makes none
    option: Start | None  # --cipher-suites with the article's suite
    suite_plain: str  # the suite that the member on the same host agrees on
    suite_variable: str  # the same with the article's variable
    stranger: str  # the alert that a client without a certificate gets; empty: none
    own_enters: bool  # a client with a certificate of the authority reads
    stranger_at_peer_port: str  # the alert without --peer-client-cert-auth; empty: let in


@dataclass(frozen=True, repr=False)
class Evidence:
    """What the judges of this chapter decide by, from one host."""

    host: str
    target: str
    goarch: str
    gated: bool  # whether etcd's authors leave this target out
    tried: Tried
    cluster_healthy: bool
    modules: dict[str, str]  # of the program, by Go's own account
    cgo: bool
    basis: Basis

    def __str__(self) -> str:
        return "etcd was started aside, with and without what the article asks for"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class NotTried:
    """Why nothing was started aside; no judge decides by it."""

    why: str

    def __str__(self) -> str:
        return f"nothing was started aside: {self.why}"

    __repr__ = __str__


def parse_tried(text: str) -> Tried:
    parts = sections(text)
    return Tried(
        closed=_start(parts.get("closed")),
        open=_start(parts.get("open")),
        p256=_start(parts.get("p256")),
        sm2=_start(parts.get("sm2")),
        option=_start(parts.get("option")),
        suite_plain=_suite(parts.get("suite plain", "")),
        suite_variable=_suite(parts.get("suite variable", "")),
        stranger=_alert(parts.get("no certificate", "")),
        own_enters=parts.get("own certificate", "").strip() == "exit 0",
        stranger_at_peer_port=_alert(parts.get("no certificate at the peer port", "")),
    )


def _start(part: str | None) -> Start | None:
    if part is None or not part.strip():
        return None
    first, _, rest = part.strip().partition("\n")
    code = re.fullmatch(r"exit (\d+)", first)
    return Start(first == "serves", int(code[1]) if code else None, _words(rest))


def _words(line: str) -> str:
    """What a line of etcd's log says: its error, else its message, else itself."""
    try:
        said = json.loads(line)
        return str(said.get("error") or said.get("msg"))
    except (ValueError, AttributeError):
        return line.strip()


def _suite(text: str) -> str:
    found = re.search(r"^Ciphersuite: (\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _alert(text: str) -> str:
    found = re.search(r"alert ([a-z ]+?)\s*(?::|$)", text, re.MULTILINE)
    return found[1] if found else ""


def gather(chapter: Chapter, wanted: Wanted) -> Evidence | NotTried:
    """Starts etcd aside on the last member's host, as the user who logs in; nothing of it stays."""
    if chapter.check:
        return NotTried("check mode")
    members = chapter.fleet.with_role("etcd")
    if not len(members):
        return NotTried("none of the members' hosts is among those that are worked on")
    host = members.names[-1]
    words = (PROGRAM, CTL, GATE, wanted.target.goarch, SUITE, str(START_SECONDS), str(CLIENT_PORT))
    tried = parse_tried(members[host].run(TRY.command(*words)).text)
    health = members[host].ask(HEALTH)[HEALTH]
    go = read(wanted.programs.etcd.path).go
    return Evidence(
        host=host,
        target=wanted.target.name,
        goarch=wanted.target.goarch,
        gated=not wanted.target.go.etcd_supported,
        tried=tried,
        cluster_healthy=not isinstance(health, Unanswered) and health.healthy,
        modules=dict(go.dependencies) if go else {},
        cgo=bool(go and go.settings.get("CGO_ENABLED") == "1"),
        basis=chapter.basis_for(host),
    )
