"""Runs that were never run: the journal itself writes their folders, so that a report has all there can be."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from runbook.journal import Journal

SITE = """\
schema = 1
name = "sample"
target = "riscv64"
protected = false

[[host]]
name = "node1"
address = "192.0.2.11"
roles = ["service", "etcd"]

[[host]]
name = "node2"
address = "192.0.2.12"
roles = ["service"]

[[host]]
name = "node3"
address = "192.0.2.13"
roles = ["service"]

[[accept]]
risk = "etcd-unsupported-architecture"
by = "the owner of the sample"
reason = "rehearsed for a month"
until = 2030-06-30
"""
CHROMIUM = shutil.which("chromium")
MOST_BYTES = 4 * 1000 * 1000  # of index.html
HOSTS = ("node1", "node2", "node3")
UNIT = "/etc/systemd/system/users.service"
DIFF = f"""\
--- {UNIT} (not there)
+++ {UNIT}
@@ -0,0 +1,6 @@
+[Service]
+User=users
+ExecStart=/opt/users/users
+MemoryMax=256M
+Restart=always
+RestartSec=1"""


class Sample:
    """Writes a run line by line; each method is something that a chapter does."""

    def __init__(self, folder: Path, *, mode: str = "act") -> None:
        folder.mkdir(parents=True)
        (folder / "site.toml").write_text(SITE)
        self.folder = folder
        self.journal = Journal(folder)
        self.run = self.journal.begin("run", site="sample", target="riscv64", mode=mode, version="0.1.0")

    def chapter(
        self, name: str, work: Callable[[], None], state: str = "pass", reason: str = "", ends: bool = True
    ) -> None:
        self.journal.chapter = name
        begin = self.journal.begin("chapter", parameters={"check": False})
        work()
        if ends:
            self.journal.end(begin, state=state, reason=reason)
        self.journal.chapter = None

    def command(
        self,
        host: str,
        *words: str,
        said: bytes = b"",
        complaint: bytes = b"",
        code: int = 0,
        sudo: bool = False,
        seconds: float = 0.02,
        error: str = "",
    ) -> None:
        begin = self.journal.begin("command", host, words=list(words), sudo=sudo, limit=60)
        ended = {"error": error} if error else {"exit_code": code}
        self.journal.end(begin, seconds=seconds, stdout=said, stderr=complaint, **ended)

    def fact(self, host: str, question: str, fact: dict[str, object], text: str) -> None:
        self.journal.write("note", host, about="fact", question=question, fact=fact, text=text)

    def verdict(self, what: str, state: str, reason: str, host: str | None = None, **figures: object) -> None:
        self.journal.write("verdict", host, what=what, state=state, reason=reason, figures=figures, span=[1, 2])

    def step(
        self,
        host: str,
        why: str,
        diff: str = DIFF,
        state: str = "applied",
        changed: int = 2,
        undoes: int | None = None,
    ) -> int:
        more = {} if undoes is None else {"undoes": undoes}
        begin = self.journal.begin(
            "step",
            host,
            why=why,
            do=[],
            undo=[],
            diff=diff,
            id="0" * 12,
            run=self.folder.name,
            check=state == "pending",
            **more,
        )
        self.command(host, "systemctl", "restart", "users.service", sudo=True, seconds=0.4)
        self.journal.end(begin, state=state, changed=changed, written={UNIT: "0" * 64})
        return begin

    def claim(self, id: str, holds: bool | None, measured: str, basis: str = "native", why: str = "") -> None:
        state = "judged" if holds is not None else "not-measurable"
        self.journal.write(
            "claim", id=id, state=state, article="", measured=measured, holds=holds, why=why, basis=basis
        )

    def close(self, state: str, reason: str = "") -> Path:
        self.journal.end(self.run, state=state, reason=reason)
        self.journal.close()
        return self.folder


def figure(value: float, unit: str, host: str | None = None, basis: str = "native") -> dict[str, object]:
    return {"value": value, "unit": unit, "host": host, "basis": basis}


def start(sample: Sample) -> None:
    for host in HOSTS:
        sample.command(host, "sh", "-c", "uname -m; uname -r\ncat /etc/os-release", "sh", said=b"x86_64\n6.18.5\n")
        sample.fact(host, "uname", {"machine": "x86_64", "release": "6.18.5"}, "x86_64, Linux 6.18.5")
        sample.fact(host, "os_release", {"pretty_name": "Debian GNU/Linux 12 (bookworm)"}, "Debian GNU/Linux 12")
        sample.verdict(
            "answers over SSH",
            "pass",
            "it answers, and sudo is allowed",
            host,
            round_trip=figure(3.4, "ms", host),
        )


def compiled(sample: Sample) -> None:
    sample.command(
        "node1",
        "go",
        "build",
        "-trimpath",
        "-o",
        "users",
        "./cmd/users",
        seconds=2.4,
        said=b"".join(b"compiling package %d\n" % number for number in range(200)),
    )
    sample.verdict("the binary is static", "pass", "no INTERP, no DYNAMIC segment")
    sample.verdict("built twice, equal", "pass", "both builds have one SHA-256", size=figure(14_680_064, "bytes"))
    sample.claim("1-b", True, "no INTERP in the program headers", "emulated")
    sample.claim("1-d", False, "go tool dist list has no such target", why="upstream never had the port")


def deployed(sample: Sample) -> None:
    for host in HOSTS[:2]:
        sample.journal.write("note", host, about="plan", plan=[], diff=DIFF, because="")
        sample.step(host, "the unit users.service is not there")
    sample.journal.write("note", "node3", about="plan", plan=[], diff="", because="it runs as wanted already")
    for host in HOSTS:
        sample.verdict("what runs is what was built", "pass", "one SHA-256 from build to process", host)
        sample.verdict(
            "answers /ping",
            "pass",
            "HTTP 200",
            host,
            latency=figure(4.25, "ms", host, "emulated"),
            memory=figure(52.0, "MB", host, "emulated"),
        )


def passed(folder: Path) -> Path:
    """A run whose chapters all passed, with one verdict that had to be skipped."""
    sample = Sample(folder)
    sample.chapter("00_start", lambda: start(sample))

    def inspected() -> None:
        for host in HOSTS:
            sample.fact(host, "cgroups", {"unified": True}, "cgroup v2, 8 controllers")
            sample.verdict("clocks agree", "pass", "within the limit", host)
        sample.fact("node3", "numa", {"unanswered": "lscpu is not installed"}, "numa: not answered")
        sample.verdict("cache lines", "skipped", "not measurable here: the emulator has none", "node3")

    sample.chapter("01_abi_inspection", inspected)
    sample.chapter("03_static_compile", lambda: compiled(sample))
    sample.chapter("04_container_deploy", lambda: deployed(sample))
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "users").write_bytes(b"\x7fELF")
    sample.journal.write(
        "note",
        about="artifact",
        name="users",
        path="artifacts/users",
        size=4,
        sha256="0f2dfc3ad8c7fd8d7e2b0b6ea3f0b8f3a49df0a7b0e6a3c43b2a4d2cf9d1a6e1",
    )
    return sample.close("passed")


def failed(folder: Path) -> Path:
    """A run where the build failed, so that the deployment was blocked; inspection went on."""
    sample = Sample(folder)
    sample.chapter("00_start", lambda: start(sample))
    sample.chapter("01_abi_inspection", lambda: sample.verdict("clocks agree", "pass", "within the limit", "node1"))

    def broken() -> None:
        sample.command("node1", "go", "build", "./...", code=1, complaint=b'main.go:3: <undefined> & "lost"\n')
        sample.verdict("the binary is static", "fail", "it has an INTERP segment: /lib/ld-linux.so.1", "node1")

    sample.chapter("03_static_compile", broken, "fail", "node1: the binary is static: fail, it has an INTERP segment")
    sample.chapter("04_container_deploy", lambda: None, "blocked", "it builds on 03_static_compile, which failed")
    return sample.close("failed")


@pytest.fixture
def passed_run(tmp_path: Path) -> Path:
    return passed(tmp_path / "20261123-120000-sample")


@pytest.fixture
def failed_run(tmp_path: Path) -> Path:
    return failed(tmp_path / "20261123-130000-sample")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_sample(tmp_path: Path) -> Callable[..., Sample]:
    """Starts a run of one's own: `new_sample(mode="check")`."""
    return lambda **more: Sample(tmp_path / "20261123-140000-sample", **more)


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    path = tmp_path / "sample.toml"
    path.write_text(SITE)
    return path
