"""The table of contents: which chapters there are, in which order, and what each needs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.errors import ParameterError

TEARDOWN = "90_teardown"
START = "00_start"


@dataclass(frozen=True)
class Title:
    """One chapter: its notebook's name, its title, what it answers, and the chapters that it builds on."""

    name: str
    title: str
    asks: str
    needs: tuple[str, ...] = ()
    parameters: Mapping[str, type] = field(default_factory=dict, hash=False)  # besides the common five
    # Nothing that a later chapter counts on stays on a host: an earlier run's findings can be taken over.
    measures: bool = False
    tries: bool = False  # besides what it deploys: what its drills came to can be told again, see lasting.py
    on_what_is_deployed: bool = False  # what it measures is what the hosts have been made to run

    def __str__(self) -> str:
        return f"{self.name}: {self.title}"


COMMON_PARAMETERS: Mapping[str, type] = {
    "site": str, "run": str, "check": bool, "only_hosts": list, "confirm": str,
}

CONTENTS: tuple[Title, ...] = (
    Title(START, "Start", "Can these servers be worked on, and what will be done to them?"),
    Title("01_abi_inspection", "ABI inspection", "What are these hosts, before anything is changed?",
          (START,), measures=True),
    Title("02_toolchain_build", "Toolchain",
          "Does the site's Go build for the target, and does what it builds work there?", (START,),
          {"packages": list, "stop_after": str, "on": str}, measures=True),
    Title("03_static_compile", "Static compile",
          "Is what we built static, for the right machine, and the same twice?", ("02_toolchain_build",),
          {"on": str}, measures=True),
    Title("04_container_deploy", "Container deployment",
          "Does what we built run on the hosts, and is it what runs?", ("03_static_compile",),
          tries=True, on_what_is_deployed=True),
    Title("05_etcd_mtls", "etcd with mutual TLS", "Do the members make one cluster, closed to strangers?",
          ("03_static_compile",), {"healthy_within": int, "drill": bool}, tries=True, on_what_is_deployed=True),
    Title("08_load_test", "Load test", "How much does the service bear, and how long do its answers take?",
          ("04_container_deploy", "05_etcd_mtls"),
          {"rate": int, "seconds": int, "repeats": int, "connections": int}, measures=True, on_what_is_deployed=True),
    Title(TEARDOWN, "Teardown", "Are the hosts as they were?", parameters={"only_chapter": str}),
)


def title_of(name: str) -> Title:
    """The chapter of that name, its number or its words. Raises ParameterError with the nearest."""
    for title in CONTENTS:
        if name in (title.name, title.name[:2], title.name[3:]):
            return title
    near = difflib.get_close_matches(name, [title.name for title in CONTENTS], 1, 0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ParameterError(f"there is no chapter `{name}`{hint}",
                         next="one of " + ", ".join(title.name for title in CONTENTS))


def chain() -> tuple[Title, ...]:
    """The chapters of an unattended run, in order; teardown is never among them."""
    return tuple(title for title in CONTENTS if title.name != TEARDOWN)
