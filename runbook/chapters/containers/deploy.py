"""What is to be done on a host so that the service runs there in its container, and how it is taken back."""

from __future__ import annotations

from runbook.chapters.containers.configuration import Maker, config_text, unfit
from runbook.chapters.containers.container import Container, container_unit, ctr, slice_unit
from runbook.chapters.containers.decide import NEVER_ENABLED, RUNNING, as_it_was, folders, taken_by
from runbook.chapters.containers.held import Held, held
from runbook.chapters.containers.observe import Deployed, deployed
from runbook.chapters.containers.runtime import RUNTIME, UNIT, Runtime
from runbook.chapters.containers.wanted import PRIVILEGED_PORTS
from runbook.diff import unified
from runbook.errors import Blocked
from runbook.plan import Action, Folder, Place, Plan, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.question import HostAnswers, Unanswered

IMPORT_LIMIT = 300.0  # seconds: an archive of some hundred megabytes on a slow disk
GONE = {1: "it is gone already"}
IN_USE = {1: "another service's, or never made"}


def container_on_host(answers: HostAnswers, wanted: Container) -> Plan:
    """The plan for one host.

    Raises Blocked where containerd is missing or cannot be used as it is, the port is taken, or the host was not
    looked at.
    """
    runtime, seen, there = answers[RUNTIME], answers[deployed(wanted)], answers[held(wanted)]
    for fact in (runtime, seen, there):
        if isinstance(fact, Unanswered):
            raise Blocked(f"{answers.host}: {fact}", next=f"look at {answers.host} by hand, then run the chapter again")
    _usable(answers.host, runtime)
    _port(answers.host, seen, there, wanted)
    kept = _configuration_kept(answers.host, runtime, wanted)
    steps = [] if kept else _configured(runtime)
    steps += _started(runtime)
    image = _imported(answers.host, runtime, seen, there, wanted)
    units = _units(answers.host, runtime, seen, there, wanted, replaced=bool(image))
    needed = image or (units and wanted.sealed)  # a start without an import is checked too, beside the archive
    steps += [*(folders(seen, wanted) if needed else []), *image, *units]
    return Plan(*steps, because="" if steps else "the service is there and runs as wanted")


def _usable(host: str, runtime: Runtime) -> None:
    """Raises Blocked with the mending command where a program or the unit is missing."""
    missing = [name for name, there in (("containerd", runtime.version), ("ctr", runtime.client),
                                        ("runc", runtime.runc)) if not there]
    mend = f"{runtime.installer} install" if runtime.installer else "install by the host's package manager:"
    if missing:
        package = "runc" if missing == ["runc"] else "containerd"
        raise Blocked(f"{host}: no {', no '.join(missing)} there", next=f"on {host}: `{mend} {package}`; or "
                      'deploy = "unit" in [service] of the site, which needs no containerd')
    if runtime.unit != "loaded":
        raise Blocked(f"{host}: {UNIT} is {runtime.unit or 'not known'} to systemd",
                      next=f"on {host}: `systemctl unmask containerd`, or `{mend} containerd` for its unit")


def _port(host: str, seen: Deployed, there: Held, wanted: Container) -> None:
    taken_by(host, [one for one in seen.listeners if one.pid not in {seen.pid, there.task} - {0}], wanted.port)
    if wanted.port < PRIVILEGED_PORTS:
        raise Blocked(f"{host}: port {wanted.port} is root's, and nothing in the container is",
                      next=f"a `port` of {PRIVILEGED_PORTS} or above in [service] of the site")


def _configuration_kept(host: str, runtime: Runtime, wanted: Container) -> bool:
    """Whether the configuration that is there stays: it is somebody's, or others' containers run under it.

    Raises Blocked with the difference where the service cannot run under it.
    """
    mine = runtime.maker in (Maker.NOBODY, Maker.RUNBOOK)
    if mine or (runtime.maker is Maker.PACKAGE and not runtime.others(wanted.namespace)):
        return False
    why = unfit(runtime.effective, runtime.complaint, runtime.disabled, runtime.snapshotter)
    if why:
        error = Blocked(f"{host}: {runtime.path} is {runtime.maker}, and the service cannot run under it: {why}",
                        next="mend it by hand, or move it away: then the runbook writes its own")
        error.tail = difference(runtime)  # all of it: it is what the person has to judge
        raise error
    return True


def difference(runtime: Runtime) -> str:
    """What the runbook would have written, against what is there."""
    ours = config_text(runtime.numbers, runtime.root, runtime.state)
    return unified(runtime.file, ours, before=runtime.path, after="what the runbook writes")


def _configured(runtime: Runtime) -> list[Step]:
    text = config_text(runtime.numbers, runtime.root, runtime.state)
    if runtime.file == text:
        return []
    folder, _, _ = runtime.path.rpartition("/")
    again = (Run("systemctl", "restart", UNIT),) if runtime.active else ()
    why = {Maker.NOBODY: "containerd has no configuration"}.get(
        runtime.maker, f"containerd's configuration is {runtime.maker}, and another")
    do: tuple[Action, ...] = (Replace(runtime.path, text, was=runtime.file), *again)
    undo: tuple[Action, ...] = (Restore(runtime.path), *again)
    if not runtime.folder:
        do, undo = (Folder(folder), *do), (Restore(runtime.path), RemoveFolder(folder), *again)
    return [Step(why, do, undo)]


def _started(runtime: Runtime) -> list[Step]:
    do = [Run("systemctl", word, UNIT) for word, needed in
          (("enable", not runtime.enabled), ("start", not runtime.active)) if needed]
    undo = [Run("systemctl", word, UNIT) for word, needed in
            (("stop", not runtime.active), ("disable", not runtime.enabled)) if needed]
    if not do:
        return []
    why = "containerd does not run" if not runtime.active else "containerd does not start with the host"
    return [Step(why, tuple(do), tuple(undo))]


def _imported(host: str, runtime: Runtime, seen: Deployed, there: Held, wanted: Container) -> list[Step]:
    """Known by its digest; the archive is compared with the run's before containerd reads a byte of it."""
    if there.images.get(wanted.image) == wanted.digest and wanted.image in there.complete:
        return []
    bring = ctr(runtime, wanted, "images", "import", "--platform", wanted.platform,
                "--snapshotter", runtime.snapshotter, wanted.path)
    undo: tuple[Action, ...] = (Run(*ctr(runtime, wanted, "images", "rm", "--sync", wanted.image), also=GONE),)
    if wanted.namespace not in runtime.containers:
        below = f"io.containerd.runtime.v2.task/{wanted.namespace}"
        undo += (
            Run(*ctr(runtime, wanted, "namespaces", "rm", wanted.namespace), also=IN_USE),
            # which containerd and runc leave behind
            Run("rmdir", f"{runtime.state}/{below}", f"{runtime.root}/{below}",
                f"{runtime.state}/runc/{wanted.namespace}", also=IN_USE),
        )
    why = "the image is not there yet" if not there.images else "the image is another one"
    do = (*_archive(wanted), *wanted.checked_on(host), Run(*bring, limit=IMPORT_LIMIT))
    return [Step(why, do, (*undo, *wanted.unchecked, Restore(wanted.path)))]


def _archive(wanted: Container) -> tuple[Action, ...]:
    return (Place(wanted.path, wanted.source, wanted.sha256, mode=0o644),)


def _units(
    host: str, runtime: Runtime, seen: Deployed, there: Held, wanted: Container, *, replaced: bool
) -> list[Step]:
    unit, limits = container_unit(wanted, runtime), slice_unit(wanted, seen.systemd)
    running, enabled = seen.active in RUNNING, seen.enabled
    same = seen.unit == unit and there.slice == limits
    if same and running and enabled and not replaced:
        return []
    first: tuple[Action, ...] = ()
    last: tuple[Action, ...] = ()
    if wanted.sealed and not replaced:  # else it was checked when it was imported
        first = (*_archive(wanted), *wanted.checked_on(host))
        last = (*wanted.unchecked, Restore(wanted.path))
    start: tuple[Action, ...] = (
        Run("systemctl", "daemon-reload"),
        Run("systemctl", "enable", wanted.unit),
        Run("systemctl", "restart", wanted.unit),
    )
    if same:
        why = "the service runs what was there before" if running else "the service does not run"
        return [Step(why, (*first, *start), (*as_it_was(wanted, running=running, enabled=enabled), *last))]
    do = (*first, Replace(wanted.slice_path, limits, was=there.slice),
          Replace(wanted.unit_path, unit, was=seen.unit), *start)
    why = "the unit is not there yet" if seen.unit is None else "the unit is another one"
    files = (Restore(wanted.unit_path), Restore(wanted.slice_path), Run("systemctl", "daemon-reload"))
    no_limits = () if there.slice is not None else (
        Run("systemctl", "stop", wanted.slice, also=NEVER_ENABLED),
        # Under cgroup v1 runc makes the slice in controllers too that systemd does not look after.
        Run("find", "/sys/fs/cgroup", "-mindepth", "2", "-maxdepth", "2", "-name", wanted.slice, "-prune",
            "-exec", "rmdir", "{}", "+", also=IN_USE),
    )
    if seen.unit is None:
        return [Step(why, do, (
            Run("systemctl", "disable", "--now", wanted.unit, also=NEVER_ENABLED),
            *no_limits, *files,
            Run("systemctl", "reset-failed", wanted.unit, also={1: "systemd forgot the unit already"}), *last,
        ))]
    return [Step(why, do, (
        Run("systemctl", "stop", wanted.unit), *no_limits, *files,
        *as_it_was(wanted, running=running, enabled=enabled), *last,
    ))]
