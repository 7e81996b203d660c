"""The article's flags for C++ on this machine, and what they decide."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runbook.chapters.containers import judges
from runbook.chapters.containers.cpp import ARTICLE, COMPILER, STATIC, WITHOUT, Cpp, try_flags
from runbook.elf.binary import Linking
from runbook.remote.local import LocalShell


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cpp]:
    from runbook.journal import Journal

    if shutil.which(COMPILER) is None:
        pytest.skip(f"no {COMPILER} on this machine")
    with Journal(tmp_path_factory.mktemp("run")) as journal:
        shell = LocalShell(journal)
        yield try_flags(shell, None)
        shell.close()


def test_half_static_needs_a_library_and_an_interpreter_and_static_none(tried: Cpp) -> None:
    article, static = tried.tried[ARTICLE], tried.tried[STATIC]
    assert article.binary.interpreter and any(name.startswith("libc.so") for name in article.binary.needed)
    assert not any("stdc++" in name or "gcc" in name for name in article.binary.needed)
    assert static.binary.linking in (Linking.STATIC, Linking.STATIC_PIE)
    assert (article.here, static.here) == (0, 0)
    if os.geteuid() == 0:
        assert article.alone != 0 and static.alone == 0


def test_the_claims_come_out_by_what_was_tried_either_way(tried: Cpp) -> None:
    assert judges.half_static_runs_in_an_empty_image(tried).holds is False
    assert judges.the_dynamic_list_keeps_rtti(tried).holds is False
    assert judges.the_image_has_twelve_megabytes(tried).holds is None
    article, without = tried.tried[ARTICLE], tried.tried[WITHOUT]
    other = {**tried.tried, ARTICLE: replace(article, alone=0), WITHOUT: replace(without, here=1)}
    assert judges.half_static_runs_in_an_empty_image(Cpp(other, None)).holds is True
    assert judges.the_dynamic_list_keeps_rtti(Cpp(other, None)).holds is True
    unprivileged = {**tried.tried, ARTICLE: replace(article, alone=None)}
    assert judges.half_static_runs_in_an_empty_image(Cpp(unprivileged, None)).holds is False
    assert judges.half_static_runs_in_an_empty_image(Cpp({}, None)).holds is None


@pytest.mark.parametrize(("size", "holds"), [(12_500_000, True), (18_690_000, False)])
def test_the_images_size_is_held_against_the_articles(size: int, holds: bool) -> None:
    class Sized:
        def __init__(self, size: int) -> None:
            self.size = size

    assert judges.the_image_has_twelve_megabytes(Cpp({}, Sized(size))).holds is holds  # type: ignore[arg-type]
