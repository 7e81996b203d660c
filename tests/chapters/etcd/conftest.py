"""A site of three members, what a bare and a converged host answer, and programs that need no build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook.chapters.etcd.credentials import Credentials, credentials_question
from runbook.chapters.etcd.data import DATA_DIRECTORY, DataDirectory
from runbook.chapters.etcd.enter import Entered, entered_question, environment_text
from runbook.chapters.etcd.observe import FILES, GROUND, UNIT_STATE, Files, Ground, Unit
from runbook.chapters.etcd.ports import PORTS, Ports
from runbook.chapters.etcd.wanted import Wanted, cluster_of
from runbook.chapters.hosts.system import UNAME, Uname
from runbook.remote.question import HostAnswers, Question
from runbook.site import Site, load_site
from runbook.targets import load_target

RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "testbed-etcd"

HOST = """
[[host]]
name = "node{0}"
address = "198.18.5.1{0}"
roles = ["service", "etcd"]
"""
ACCEPTED = """
[[accept]]
risk = "etcd-unsupported-architecture"
by = "the test"
reason = "it is a test"
until = {until}
"""


@pytest.fixture
def recorded() -> Callable[[str], str]:
    return lambda name: (RECORDED / name).read_text("utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """The site on which the recordings were made; `until` is the last day of its acceptance, empty for none."""

    def made(target: str = "riscv64", until: str = "2027-12-31", more: str = "") -> Site:
        file = tmp_path / "site.toml"
        hosts = "".join(HOST.format(number) for number in (1, 2, 3))
        accepted = ACCEPTED.format(until=until) if until else ""
        file.write_text(f'schema = 1\nname = "etcdbed"\ntarget = "{target}"\n{more}{hosts}{accepted}')
        return load_site(file)

    return made


@pytest.fixture
def wanted(site: Callable[..., Site]) -> Callable[..., Wanted]:
    def made(at: datetime | None = None, **of_site: str) -> Wanted:
        loaded = site(**of_site)
        moment = at or datetime(2026, 11, 23, 23, 50, tzinfo=UTC)
        return Wanted(loaded, load_target(loaded.target), cluster_of(loaded), programs(), moment)  # type: ignore[arg-type]

    return made


def programs() -> SimpleNamespace:
    """Programs whose hashes are those of the recorded files."""
    sha256 = dict(line.split("  ")[::-1] for line in _part("files", "sha256"))

    def one(name: str) -> SimpleNamespace:
        return SimpleNamespace(path=Path("/builds") / name, sha256=sha256[f"/usr/local/bin/{name}"])

    return SimpleNamespace(
        version="3.7.3", etcd=one("etcd"), etcdutl=one("etcdutl"), etcdctl={"x86_64": one("etcdctl")}
    )


def _part(name: str, part: str) -> list[str]:
    lines = (RECORDED / name).read_text("utf-8").splitlines()
    start = lines.index(f"== {part}") + 1
    end = next((at for at in range(start, len(lines)) if lines[at].startswith("== ")), len(lines))
    return lines[start:end]


@pytest.fixture
def bare() -> Callable[..., HostAnswers]:
    """What a host without anything of etcd answers; what is given replaces an answer."""

    def made(host: str = "node1", **instead: object) -> HostAnswers:
        facts: dict[Question, object] = {
            UNAME: Uname("x86_64", "6.18.0", "node1"),
            GROUND: Ground((), "OpenSSL 3.0", ""),
            PORTS: Ports(),
            FILES: Files(),
            UNIT_STATE: Unit(False, "inactive", "dead", False, 0, 0, None, None),
            DATA_DIRECTORY: DataDirectory(False, (), None),
            credentials_question("users"): Credentials(),
            entered_question("users"): Entered(None, state="inactive", stale=False),
        }
        return HostAnswers(host, {question: instead.get(question.name, fact) for question, fact in facts.items()})

    return made


@pytest.fixture
def converged(recorded: Callable[[str], str], site: Callable[..., Site]) -> Callable[..., HostAnswers]:
    """What the first member of a standing cluster answered, with the service in it."""

    def made(**instead: object) -> HostAnswers:
        questions = {
            GROUND: "ground",
            PORTS: "ports",
            FILES: "files",
            UNIT_STATE: "unit",
            DATA_DIRECTORY: "data",
            credentials_question("users"): "credentials",
        }
        return HostAnswers(
            "node1",
            {
                UNAME: Uname("x86_64", "6.18.0", "node1"),
                entered_question("users"): instead.get(
                    "etcd_entered", Entered(environment_text(cluster_of(site()), "users"), state="active", stale=False)
                ),
            }
            | {
                question: instead.get(question.name, question.parse(recorded(file)))
                for question, file in questions.items()
            },
        )

    return made


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_REPORTS", str(folder))
        yield folder
