"""The article's claims about the servers, decided by what the hosts say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook.chapters.article import named_architecture, named_functions, named_in
from runbook.chapters.hosts.boot import BOOT, Boot
from runbook.chapters.hosts.kernel import CGROUPS
from runbook.chapters.hosts.memory import NUMA
from runbook.chapters.hosts.observe import basis_of
from runbook.chapters.hosts.processor import CACHES, CPU
from runbook.chapters.hosts.system import OS_RELEASE, UNAME
from runbook.claims.judge import Judgement, judges
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.targets import Target
from runbook.verdict import Basis

KUBERNETES_WANTS = (5, 8)  # the kernel for cgroup v2, Kubernetes' documentation of cgroup v2


@dataclass(frozen=True)
class Inspection:
    """The hosts' answers to HOST_QUESTIONS, and the target that they should be."""

    answers: Answers
    target: Target

    @property
    def own(self) -> tuple[HostAnswers, ...]:
        """The hosts that really are what the article is about; an emulator says nothing of the machine it plays."""
        if self.target.goarch != named_architecture():
            return ()
        reached = [one for one in self.answers if one.error is None and not isinstance(one[UNAME], Unanswered)]
        return tuple(one for one in reached if basis_of(one[UNAME], self.target) is Basis.NATIVE)

    def __str__(self) -> str:
        return f"{len(self.own)} of {len(self.answers)} hosts are what the article is about"


@judges("1-c")
def it_runs_on_the_named_distribution(seen: Inspection) -> Judgement:
    name = named_in("1-c", r"runs on (\w+)").lower()
    return _of_each(
        seen, OS_RELEASE, lambda fact: fact.id.lower().startswith(name), lambda fact: str(fact), any
    )


@judges("1-h")
def cgroup_v2_works_with_kubernetes(seen: Inspection) -> Judgement:
    kernels = {one.host: one[UNAME].version for one in seen.own}
    old = sorted(host for host, version in kernels.items() if version < KUBERNETES_WANTS)
    found = _of_each(seen, CGROUPS, lambda fact: fact.unified, lambda fact: str(fact))
    if found.holds is None:
        return found
    kernel = f"kernel older than 5.8 on {', '.join(old)}" if old else "kernel 5.8 or later"
    return Judgement(bool(found.holds) and not old, f"{found.measured}; {kernel}")


@judges("2.3-a")
def the_servers_are_numa(seen: Inspection) -> Judgement:
    return _of_each(seen, NUMA, lambda fact: len(fact.nodes) > 1, lambda fact: str(fact))


@judges("2.5-a")
def the_kernel_is_the_named_one(seen: Inspection) -> Judgement:
    release = named_in("2.5-a", r"(\d+\.\d+\.\d+-\S+)")
    return _of_each(seen, UNAME, lambda fact: fact.release == release, lambda fact: fact.release, any)


@judges("2.5-b")
def the_firmware_loads_the_named_file(seen: Inspection) -> Judgement:
    path = named_in("2.5-b", r"(/\S+/grub\.cfg)")
    return _of_each(seen, BOOT, lambda fact: path in fact.grub, lambda fact: ", ".join(fact.grub) or "no grub.cfg")


@judges("2.5-c")
def the_firmware_keeps_the_named_addresses(seen: Inspection) -> Judgement:
    first, last = (int(named_in("2.5-c", pattern), 16) for pattern in (r"0x([0-9A-F]+)-", r"-0x([0-9A-F]+)"))
    unreadable = [one.host for one in seen.own if isinstance(one.facts.get(BOOT), Boot) and not one[BOOT].reserved]
    if unreadable:
        return Judgement(None, "", why=f"{', '.join(unreadable)}: /proc/iomem shows its addresses to root only")
    return _of_each(seen, BOOT, lambda fact: any((begin, end) == (first, last) and what != "System RAM"
                                                 for begin, end, what in fact.reserved),
                    lambda fact: _around(fact, first))


def _around(fact: Boot, address: int) -> str:
    found = [f"{begin:#x}-{end:#x} {what}" for begin, end, what in fact.reserved if begin <= address <= end]
    return f"{address:#x} lies in {found[-1]}" if found else f"{address:#x} lies in nothing of /proc/iomem"


@judges("2.5-d")
def the_kernel_has_the_named_functions(seen: Inspection) -> Judgement:
    blind = [one.host for one in seen.own if isinstance(one.facts.get(BOOT), Boot) and not one[BOOT].symbols]
    if blind:
        return Judgement(None, "", why=f"{', '.join(blind)}: no /proc/kallsyms")
    names = named_functions("2.5-d")
    return _of_each(seen, BOOT, lambda fact: set(names) <= fact.functions,
                    lambda fact: f"has {', '.join(sorted(fact.functions)) or 'neither'} of {', '.join(names)}")


@judges("2.5-g")
def it_boots_in_the_named_times(seen: Inspection) -> Judgement:
    """One boot a host, the one that it is in; the claim names no spread, so a tenth more is as said."""
    said = {part: int(named_in("2.5-g", pattern)) / 1000 for part, pattern in
            (("firmware", r"to kernel takes (\d+) ms"), ("kernel", r"to init (\d+) ms"))}
    untimed = [one.host for one in seen.own if isinstance(one.facts.get(BOOT), Boot)
               and not set(said) <= set(one[BOOT].seconds)]
    if untimed:
        return Judgement(None, "", why=f"{', '.join(untimed)}: systemd-analyze does not tell the firmware's part")
    return _of_each(seen, BOOT, lambda fact: all(fact.seconds[part] <= 1.1 * time for part, time in said.items()),
                    lambda fact: ", ".join(f"{part} {fact.seconds[part] * 1000:.0f} ms" for part in said))


@judges("2.5-i")
def the_image_is_a_bzimage(seen: Inspection) -> Judgement:
    unread = [one.host for one in seen.own if isinstance(one.facts.get(BOOT), Boot) and not one[BOOT].image]
    if unread:
        return Judgement(None, "", why=f"{', '.join(unread)}: /boot/vmlinuz of the running kernel cannot be read")
    return _of_each(seen, BOOT, lambda fact: fact.image == named_in("2.5-i", r"a (\w+)$"), lambda fact: fact.image)


@judges("3.1-a")
def the_named_cpu_is_there(seen: Inspection) -> Judgement:
    name = named_in("3.1-a", r"^(\w+)")
    return _of_each(
        seen, CPU, lambda fact: name in fact.model, lambda fact: fact.model or "no model name", any
    )


@judges("3.1-h")
def a_cache_line_has_64_bytes(seen: Inspection) -> Judgement:
    told = [one for one in seen.own if isinstance(one[CACHES], Unanswered) or not one[CACHES].line]
    if told:
        return Judgement(
            None, "", why=f"{told[0].host} does not tell its cache line; a test over strides is needed"
        )
    return _of_each(seen, CACHES, lambda fact: fact.line == 64, lambda fact: f"{fact.line} bytes")


def _of_each(
    seen: Inspection,
    question: Question,
    holds: Callable[..., bool],
    told: Callable[..., str],
    over: Callable = all,
) -> Judgement:
    """Over the hosts that are of the target: `holds` of all of them, or of any; without one nothing is measured."""
    facts = [(one.host, one.facts.get(question)) for one in seen.own]
    known = [(host, fact) for host, fact in facts if fact is not None and not isinstance(fact, Unanswered)]
    if not seen.own:
        return Judgement(
            None, "", why=f"no host here is {named_architecture()}, and an emulator does not tell"
        )
    if not known:
        return Judgement(None, "", why=f"no host answered the question {question.name}")
    measured = "; ".join(f"{host}: {told(fact)}" for host, fact in known)
    return Judgement(bool(over(holds(fact) for _, fact in known)), measured)
