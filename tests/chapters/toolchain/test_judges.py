"""Claims about building a toolchain come out by what Go says and by the compiler's own name."""

from __future__ import annotations

from dataclasses import replace

import runbook.chapters.toolchain.judges  # noqa: F401  registers the judges
from runbook.chapters.toolchain.compiler import Compiler, NoCompiler
from runbook.chapters.toolchain.evidence import Port, evidence
from runbook.chapters.toolchain.observe import find_go
from runbook.claims.hearing import hear
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target


def heard(port: Port) -> dict[str, bool | None]:
    return {claim.id: judgement.holds for claim, judgement in hear("02_toolchain_build", port)}


def test_upstreams_go_refuses_and_asks_the_kernel(site: Site, local: LocalShell) -> None:
    target = load_target("riscv64")
    port = evidence(find_go(site, local), target, NoCompiler("riscv64", "none", "install one"), local)
    assert "unsupported GOOS/GOARCH pair linux/sw64" in port.refusal
    assert port.by_netlink and not port.by_library
    assert heard(port) == {"1-e": False, "2.2-g": False, "2.4-a": None}


def test_a_port_on_its_own_site_is_judged_by_its_compiler(site: Site, local: LocalShell) -> None:
    target = load_target("sw64")
    port = evidence(find_go(site, local), target, Compiler("cc", "sw_64-sunway-linux-gnu", "", "sw64"), local)
    assert heard(port)["2.4-a"] is False
    named = replace(port, compiler=Compiler("cc", "sw64-linux-gnu", "", "sw64"), refusal="", by_library=("x.go",))
    assert heard(named) == {"1-e": None, "2.2-g": True, "2.4-a": True}
