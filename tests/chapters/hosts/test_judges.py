"""Claims about the servers are decided by real Sunway hosts only, and then either way."""

from __future__ import annotations

from pathlib import Path

import runbook.chapters.hosts.judges
from runbook.chapters.article import named_functions
from runbook.chapters.hosts.boot import BOOT, Boot
from runbook.chapters.hosts.judges import Inspection
from runbook.chapters.hosts.kernel import CGROUPS, Cgroups
from runbook.chapters.hosts.memory import NUMA, Node, Numa
from runbook.chapters.hosts.processor import CACHES, CPU, Caches, Cpu, cpu_from
from runbook.chapters.hosts.system import OS_RELEASE, UNAME, OsRelease, Uname, parse_uname
from runbook.claims.hearing import hear
from runbook.remote.question import Answers, HostAnswers
from runbook.targets import load_target

RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "kylin-v10-sw_64"
KERNEL = ((0x0, 0x7FFFFFFF, "System RAM"), (0x80000000, 0x9FFFFFFF, "System RAM"))
ONE, TWO = Node(0, "0-31", None, (10, 20)), Node(1, "32-63", None, (20, 10))
SUNWAY = {
    OS_RELEASE: OsRelease("kylin", "V10", "Kylin V10"),
    UNAME: parse_uname((RECORDED / "uname").read_text()),
    CPU: cpu_from("", (RECORDED / "lscpu-zh").read_text()),
    NUMA: Numa((ONE, TWO)),
    CACHES: Caches((), 128),
    CGROUPS: Cgroups(False, frozenset()),
    BOOT: Boot({"firmware": 9.1, "kernel": 3.2}, ("/boot/efi/EFI/openEuler/grub.cfg",), "compressed by gzip", KERNEL,
               frozenset(), True),
}
AS_SAID = {
    OS_RELEASE: OsRelease("loongnix", "20", "Loongnix"),
    UNAME: Uname("sw_64", "4.19.90-24.5.ky10.sw64", "node1"),
    CPU: Cpu("SM9", "sunway", 64, 2, frozenset()),
    NUMA: Numa((ONE, TWO)),
    CACHES: Caches((), 64),
    CGROUPS: Cgroups(True, frozenset()),
    BOOT: Boot({"firmware": 0.218, "kernel": 0.342}, ("/boot/efi/EFI/kylin/grub.cfg",), "bzImage",
               ((0x80000000, 0x80FFFFFF, "Reserved"),), frozenset(named_functions("2.5-d")), True),
}
BOOTED = ("2.5-b", "2.5-c", "2.5-d", "2.5-g", "2.5-i")


def heard(facts: dict, target: str = "sw64") -> dict[str, bool | None]:
    what = Inspection(Answers((HostAnswers("node1", facts),)), load_target(target))
    return {claim.id: judgement.holds for claim, judgement in hear("01_abi_inspection", what)}


def test_the_recorded_sunway_host_decides_each_claim() -> None:
    assert heard(SUNWAY) == {"1-c": False, "2.3-a": True, "2.5-a": False, "3.1-a": False, "3.1-h": False} | \
        dict.fromkeys(BOOTED, False)


def test_a_host_as_the_article_says_would_be_believed() -> None:
    assert set(heard(AS_SAID).values()) == {True}
    assert heard(AS_SAID | {NUMA: Numa((ONE,))})["2.3-a"] is False


def test_neither_an_emulator_nor_another_architecture_decides_anything() -> None:
    assert set(heard(SUNWAY | {UNAME: Uname("x86_64", "6.1", "node1")}).values()) == {None}
    riscv = {UNAME: Uname("riscv64", "6.6", "node1"), CACHES: Caches((), 64)}
    assert set(heard(SUNWAY | riscv, "riscv64").values()) == {None}


def test_a_host_without_a_cache_line_leaves_it_open() -> None:
    assert heard(SUNWAY | {CACHES: Caches((), None)})["3.1-h"] is None


def test_a_host_that_does_not_tell_how_it_came_up_leaves_each_statement_open() -> None:
    told = heard(SUNWAY | {BOOT: Boot({}, (), "", (), frozenset(), False)})
    assert {id: told[id] for id in BOOTED} == {**dict.fromkeys(BOOTED), "2.5-b": False}


def test_cgroup_v2_wants_the_kernel_too() -> None:
    judge = runbook.chapters.hosts.judges.cgroup_v2_works_with_kubernetes
    target = load_target("sw64")

    def holds(facts: dict) -> bool | None:
        return judge(Inspection(Answers((HostAnswers("node1", facts),)), target)).holds

    assert holds(AS_SAID) is False and holds(AS_SAID | {UNAME: Uname("sw_64", "6.6.0", "node1")}) is True
    assert holds(SUNWAY) is False
