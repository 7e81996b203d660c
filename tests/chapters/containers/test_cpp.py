"""The article's flags for C++ on this machine, and what they decide."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runbook.chapters.containers import judges
from runbook.chapters.containers.cpp import ARTICLE, COMPILER, FLAGS, STATIC, WITHOUT, Cpp, try_flags
from runbook.chapters.containers.evidence import Evidence
from runbook.elf.binary import Linking
from runbook.remote.local import LocalShell

KINDS = " ".join(judges.KINDS)


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


def test_where_the_control_fails_nothing_is_decided(tried: Cpp) -> None:
    article, static = tried.tried[ARTICLE], tried.tried[STATIC]
    if article.alone is not None:
        nowhere = Cpp({**tried.tried, STATIC: replace(static, alone=126)}, None)
        judged = judges.half_static_runs_in_an_empty_image(nowhere)
        assert judged.holds is None and "exit 126" in judged.why
    broken = Cpp({**tried.tried, ARTICLE: replace(article, here=-11)}, None)
    assert judges.the_dynamic_list_keeps_rtti(broken).holds is None


def test_a_machine_without_static_libraries_says_so(local: LocalShell, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(COMPILER) is None:
        pytest.skip(f"no {COMPILER} on this machine")
    monkeypatch.setitem(FLAGS, STATIC, ("-static", "-lthere-is-no-such-library"))
    seen = try_flags(local, None)
    assert STATIC not in seen.tried and ARTICLE in seen.tried
    assert "cannot find -lthere-is-no-such-library" in seen.refused[STATIC]
    if os.geteuid() == 0:
        judged = judges.half_static_runs_in_an_empty_image(seen)
        assert judged.holds is None and "-lthere-is-no-such-library" in judged.why
    assert judges.the_dynamic_list_keeps_rtti(seen).holds is False


def test_the_images_size_is_told_and_not_held_against_another_programs() -> None:
    class Sized:
        size = 18_690_000

    judged = judges.the_image_has_twelve_megabytes(Cpp({}, Sized()))  # type: ignore[arg-type]
    assert judged.holds is None and "12 MB" in judged.why and "18.7 MB" in judged.why


@pytest.mark.parametrize(("parts", "holds", "words"), [
    ({"namespaces": KINDS, "unshare": "well", "cgroups": "0::/"}, False, "without such modules"),
    ({"namespaces": KINDS, "unshare": "well", "cgroups": "0::/", "modules": "a 1"}, True, "with such modules"),
    ({"namespaces": KINDS, "unshare": "unshare: unshare failed: Operation not permitted", "cgroups": "0::/"},
     None, "Operation not permitted"),
    ({"namespaces": "mnt pid", "unshare": "well", "cgroups": "0::/"}, None, "2 of 6 kinds"),
])
def test_namespaces_that_cannot_be_used_decide_nothing(
    parts: dict[str, str], holds: bool | None, words: str
) -> None:
    judged = judges.modules_come_first(Evidence("a", parts))
    assert judged.holds is holds and words in judged.measured + judged.why


@pytest.mark.parametrize(("parts", "holds", "words"), [
    ({}, None, "no containerd"),
    ({"dump without": "a", "no override": "there is no systemd-analyze"}, None, "no systemd-analyze"),
    ({"as it is": "x: ExecStart= is odd", "override": "x: ExecStart= is odd"}, None, "without it already"),
    ({"as it is": "", "override": "x: Service has more than one ExecStart= setting"}, False, "more than one"),
    ({"as it is": "", "override": ""}, True, "no complaint"),
])
def test_the_override_is_judged_only_beside_the_unit_as_it_is(
    parts: dict[str, str], holds: bool | None, words: str
) -> None:
    judged = judges.the_override_works_as_written(Evidence("a", parts))
    assert judged.holds is holds and words in judged.measured + judged.why


def test_a_dump_that_says_nothing_decides_nothing() -> None:
    assert judges.a_variable_keeps_data_apart(Evidence("a", {})).why == judges.NO_CONTAINERD
    silent = judges.a_variable_keeps_data_apart(Evidence("a", {"dump without": "", "dump with": ""}))
    assert silent.holds is None and "prints nothing" in silent.why
