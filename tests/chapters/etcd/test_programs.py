from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from runbook.chapters.etcd.programs import MODULE, PACKAGES, build_programs, pinned_version
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target


def test_the_three_programs_are_of_one_pinned_version() -> None:
    pinned = (MODULE / "go.mod").read_text()
    versions = {re.search(rf"{re.escape(package)} v(\S+)", pinned)[1] for package in PACKAGES.values()}  # type: ignore[index]
    assert versions == {pinned_version()}


def test_a_host_of_an_unknown_machine_blocks_before_anything_is_built(
    site: Callable[..., Site], local: LocalShell
) -> None:
    with pytest.raises(Blocked, match="a host calls its machine mystery64"):
        build_programs(site(), load_target("riscv64"), ["mystery64"], local)
