"""The article's claims about containers, decided by what a host says."""

from __future__ import annotations

from runbook.chapters.article import named_in
from runbook.chapters.containers.cpp import ARTICLE, STATIC, WITHOUT, Cpp
from runbook.chapters.containers.evidence import Evidence
from runbook.claims.judge import Judgement, judges

KINDS = ("cgroup", "mnt", "net", "pid", "uts", "user")
NO_CONTAINERD = "there is no containerd on the host"


@judges("4.1-a")
def modules_come_first(seen: Evidence) -> Judgement:
    there = [name for name in KINDS if name in seen.part("namespaces").split()]
    modules, said = seen.part("modules"), seen.part("unshare")
    if len(there) < len(KINDS) or not said.endswith("well") or not seen.part("cgroups"):
        refused = said.splitlines()[-1] if said and not said.endswith("well") else ""
        words = refused or f"{len(there)} of 6 kinds of namespaces"
        return Judgement(None, "", why=f"namespaces or cgroups cannot be used here, whatever the reason: {words}")
    return Judgement(bool(modules), f"{'with' if modules else 'without'} such modules: 6 of 6 kinds of namespaces, "
                     "cgroups there, unshare works")


@judges("4.1-f")
def a_variable_keeps_data_apart(seen: Evidence) -> Judgement:
    without, given = seen.part("dump without"), seen.part("dump with")
    if not (without and given):
        silent = "dump without" in seen.parts
        return Judgement(None, "", why="`containerd config dump` prints nothing here" if silent else NO_CONTAINERD)
    return Judgement(without != given, f"`containerd config dump` is {'another' if without != given else 'the same'} "
                     "with CONTAINERD_ROOT set")


@judges("4.1-g")
def the_override_works_as_written(seen: Evidence) -> Judgement:
    if "override" not in seen.parts:
        return Judgement(None, "", why=seen.part("no override") or NO_CONTAINERD)
    before, said = (_on_start(seen.part(name)) for name in ("as it is", "override"))
    if before:
        return Judgement(None, "", why=f"systemd-analyze complains about the unit without it already: {before[0]}")
    return Judgement(not said, f"systemd-analyze verify: {said[0] if said else 'no complaint'}")


def _on_start(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if "ExecStart" in line]


@judges("4.1-h")
def an_option_ties_containerd_to_cgroups(seen: Evidence) -> Judgement:
    said = seen.part("option")
    if "booted" not in said:
        why = "containerd was not started with it: the site allows no drills" if not said else "it did not boot"
        return Judgement(None, "", why=why if "dump without" in seen.parts else NO_CONTAINERD)
    refused = [line for line in said.splitlines() if "failed to load" in line]
    words = refused[0].partition("error=")[2] if refused else "the plugin loads"
    return Judgement(not refused, f"containerd started with it says: {words}")


@judges("4.2-b")
def half_static_runs_in_an_empty_image(seen: Cpp) -> Judgement:
    article, static = seen.tried.get(ARTICLE), seen.tried.get(STATIC)
    if article is None:
        return _cannot(seen, ARTICLE)
    needs = f"interpreter {article.binary.interpreter or 'none'}, needs {', '.join(article.binary.needed) or 'nothing'}"
    if article.alone is None:
        return Judgement(article.binary.linking.is_static, f"{needs}; an empty root wants root to be tried")
    if static is None:
        return _cannot(seen, STATIC)
    if static.alone != 0:
        return Judgement(None, "", why=f"the control does not run in an empty root either: exit {static.alone}")
    return Judgement(article.alone == 0, f"{needs}: exit {article.alone} in an empty root; with -static exit 0")


@judges("4.2-c")
def the_dynamic_list_keeps_rtti(seen: Cpp) -> Judgement:
    with_it, without = seen.tried.get(ARTICLE), seen.tried.get(WITHOUT)
    if with_it is None or without is None:
        return _cannot(seen, ARTICLE if with_it is None else WITHOUT)
    if with_it.here != 0:
        return Judgement(None, "", why=f"the program with --dynamic-list-data does not run here: exit {with_it.here}")
    return Judgement(without.here != 0, "dynamic_cast tells types apart: exit 0 with --dynamic-list-data, "
                     f"exit {without.here} without")


@judges("4.2-d")
def the_image_has_twelve_megabytes(seen: Cpp) -> Judgement:
    wanted = named_in("4.2-d", r"image of (\d+) MB")
    own = f"the Go service's has {seen.image.size / 1e6:.1f} MB, without a builder" if seen.image else "none is made"
    return Judgement(None, "", why=f"the article's {wanted} MB are of a main.cpp that is not public; here {own}")


def _cannot(seen: Cpp, words: str) -> Judgement:
    """Why a set of flags was not tried: no compiler, or what the compiler said."""
    return Judgement(None, "", why=f"{words}: {seen.refused[words]}" if words in seen.refused else str(seen))
