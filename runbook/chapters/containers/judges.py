"""The article's claims about containers, decided by what a host says."""

from __future__ import annotations

from runbook.chapters.containers.evidence import Evidence
from runbook.claims.judge import Judgement, judges

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
