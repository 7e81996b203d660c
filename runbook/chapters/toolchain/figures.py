"""The numbers of a toolchain: its tests on the target, and how quick the first program was built."""

from __future__ import annotations

from runbook.chapters.compile.build import Built
from runbook.chapters.toolchain.std_tests import PackageRun
from runbook.verdict import Figure


def package_figures(run: PackageRun) -> dict[str, Figure]:
    """Figures by dotted name, `toolchain.std.strconv.passed`; seconds are with the way to the host."""
    name = f"toolchain.std.{run.package.replace('/', '_')}"
    return {
        f"{name}.passed": Figure(run.passed, "tests", run.host, run.basis),
        f"{name}.failed": Figure(len(run.failed), "tests", run.host, run.basis),
        f"{name}.skipped": Figure(run.skipped, "tests", run.host, run.basis),
        f"{name}.seconds": Figure(round(run.seconds, 3), "s", run.host, run.basis),
    }


def hello_figures(built: Built) -> dict[str, Figure]:
    """How long the smallest program that prints took to build, when it was built."""
    return {"toolchain.hello.seconds": Figure(built.seconds, "s")}
