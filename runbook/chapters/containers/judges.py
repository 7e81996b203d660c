"""The article's claims about containers, decided by what a host says."""

from __future__ import annotations

from runbook.chapters.article import named_in
from runbook.chapters.containers.cpp import ARTICLE, STATIC, WITHOUT, Cpp
from runbook.chapters.containers.evidence import Evidence
from runbook.claims.judge import Judgement, judges

TENTH = 0.1
"""The article's sizes are rounded: a tenth more or less is still the same."""

NO_CONTAINERD = "there is no containerd on the host"


@judges("4.1-a")
def modules_come_first(seen: Evidence) -> Judgement:
    there = [name for name in ("cgroup", "mnt", "net", "pid", "uts", "user") if name in seen.part("namespaces").split()]
    works = len(there) == 6 and seen.part("unshare").endswith("well") and bool(seen.part("cgroups"))
    modules = seen.part("modules")
    measured = f"{'with' if modules else 'without'} such modules: {len(there)} of 6 kinds of namespaces, cgroups " \
               f"{'there' if seen.part('cgroups') else 'not there'}, unshare {'works' if works else 'does not work'}"
    return Judgement(bool(modules) or not works, measured)


@judges("4.1-f")
def a_variable_keeps_data_apart(seen: Evidence) -> Judgement:
    without, given = seen.part("dump without"), seen.part("dump with")
    if not without:
        return Judgement(None, "", why=NO_CONTAINERD)
    return Judgement(without != given, f"`containerd config dump` is {'another' if without != given else 'the same'} "
                     "with CONTAINERD_ROOT set")


@judges("4.1-g")
def the_override_works_as_written(seen: Evidence) -> Judgement:
    if not seen.part("dump without"):
        return Judgement(None, "", why=NO_CONTAINERD)
    said = [line for line in seen.part("override").splitlines() if "ExecStart" in line]
    return Judgement(not said, f"systemd-analyze verify: {said[0].strip() if said else 'no complaint'}")


@judges("4.1-h")
def an_option_ties_containerd_to_cgroups(seen: Evidence) -> Judgement:
    said = seen.part("option")
    if "booted" not in said:
        why = "containerd was not started with it: the site allows no drills" if not said else "it did not boot"
        return Judgement(None, "", why=NO_CONTAINERD if not seen.part("dump without") else why)
    refused = [line for line in said.splitlines() if "failed to load" in line]
    words = refused[0].partition("error=")[2] if refused else "the plugin loads"
    return Judgement(not refused, f"containerd started with it says: {words}")


@judges("4.2-b")
def half_static_runs_in_an_empty_image(seen: Cpp) -> Judgement:
    if not seen.tried:
        return Judgement(None, "", why=str(seen))
    article, static = seen.tried[ARTICLE], seen.tried[STATIC]
    needs = f"interpreter {article.binary.interpreter or 'none'}, needs {', '.join(article.binary.needed) or 'nothing'}"
    if article.alone is None:
        return Judgement(article.binary.linking.is_static, f"{needs}; an empty root wants root to be tried")
    alone = f"exit {article.alone} in an empty root; with -static exit {static.alone}"
    return Judgement(article.alone == 0, f"{needs}: {alone}")


@judges("4.2-c")
def the_dynamic_list_keeps_rtti(seen: Cpp) -> Judgement:
    if not seen.tried:
        return Judgement(None, "", why=str(seen))
    with_it, without = seen.tried[ARTICLE].here, seen.tried[WITHOUT].here
    measured = f"dynamic_cast tells types apart: exit {with_it} with --dynamic-list-data, exit {without} without"
    return Judgement(with_it == 0 and without != 0, measured)


@judges("4.2-d")
def the_image_has_twelve_megabytes(seen: Cpp) -> Judgement:
    if seen.image is None:
        return Judgement(None, "", why="the site deploys a plain unit: there is no image")
    wanted, size = float(named_in("4.2-d", r"image of (\d+) MB")), seen.image.size / 1e6
    measured = f"{size:.1f} MB, written without a builder image: the Go service is static, and nothing else is in it"
    return Judgement(abs(size - wanted) <= TENTH * wanted, measured)
