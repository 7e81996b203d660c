"""What is to be done on a host so that the service runs there as wanted, and how each step is taken back."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.chapters.containers.observe import Deployed, Listener, deployed
from runbook.chapters.containers.wanted import DYNAMIC_USER, Deployment, unit_text
from runbook.errors import Blocked
from runbook.plan import Action, Folder, Place, Plan, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.question import HostAnswers, Unanswered

RUNNING = ("active", "activating", "reloading")
NEVER_ENABLED = {1: "the unit was not enabled yet", 5: "the unit was not loaded yet"}


def service_on_host(answers: HostAnswers, wanted: Deployment) -> Plan:
    """The plan for one host. Raises Blocked where its port is taken, or it was not looked at."""
    seen = answers[deployed(wanted)]
    if isinstance(seen, Unanswered):
        raise Blocked(
            f"{answers.host}: {seen}", next=f"look at {answers.host} by hand, then run the chapter again"
        )
    taken_by(answers.host, [one for one in seen.listeners if one.pid != seen.pid or not seen.pid], wanted.port)
    steps = [*folders(seen, wanted), *_binary(answers.host, seen, wanted), *_user(answers.host, seen, wanted)]
    steps += _unit(answers.host, seen, wanted, replaced=bool(steps))
    return Plan(*steps, because="" if steps else "the service is there and runs as wanted")


def taken_by(host: str, others: Sequence[Listener], port: int) -> None:
    """Raises Blocked, and names them, where there are other listeners on the service's port than itself."""
    if others:
        raise Blocked(
            f"{host}: port {port} is taken by {', '.join(map(str, others))}",
            next=f"stop it on {host}, or choose another `port` in [service] of the site",
        )


def folders(seen: Deployed, wanted: Deployment) -> list[Step]:
    """Those that are missing, outermost first."""
    missing = [folder for folder in wanted.folders if folder not in seen.folders]
    if not missing:
        return []
    back = tuple(RemoveFolder(folder) for folder in reversed(missing))
    return [Step("the service's folders are not there yet", tuple(map(Folder, missing)), back)]


def _binary(host: str, seen: Deployed, wanted: Deployment) -> list[Step]:
    if seen.sha256 == wanted.sha256:
        return []
    why = "the binary is another one" if seen.sha256 else "the binary is not there yet"
    place = Place(wanted.path, wanted.source, wanted.sha256)
    return [Step(why, (place, *wanted.checked_on(host)), (*wanted.unchecked, Restore(wanted.path)))]


def _user(host: str, seen: Deployed, wanted: Deployment) -> list[Step]:
    """Only where systemd is too old to make a user for as long as the service runs."""
    if seen.systemd >= DYNAMIC_USER or seen.user:
        return []
    if not seen.can_add_users:
        raise Blocked(
            f"{host}: systemd {seen.systemd} cannot make the service's user, and there is no useradd",
            next=f"make a system user {wanted.user} on {host} by hand",
        )
    make = Run(
        "useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/sbin/nologin", wanted.user
    )
    take_away = Run("userdel", wanted.user, also={6: "the user is gone already"})
    return [Step("the service's user is not there yet", (make,), (take_away,))]


def _unit(host: str, seen: Deployed, wanted: Deployment, *, replaced: bool) -> list[Step]:
    text = unit_text(wanted, seen.systemd)
    running, enabled = seen.active in RUNNING, seen.enabled
    if seen.unit == text and running and enabled and not replaced:
        return []
    here = seen.sha256 == wanted.sha256  # else it was checked when it was placed
    first, back_first = (wanted.checked_on(host), wanted.unchecked) if here else ((), ())
    restart: tuple[Action, ...] = (
        Run("systemctl", "daemon-reload"),
        Run("systemctl", "enable", wanted.unit),
        Run("systemctl", "restart", wanted.unit),
    )
    if seen.unit == text:
        why = "the service runs what was there before" if running else "the service does not run"
        back = (*as_it_was(wanted, running=running, enabled=enabled), *back_first)
        return [Step(why, (*first, *restart), back)]
    why = "the unit is not there yet" if seen.unit is None else "the unit is another one"
    do = (*first, Replace(wanted.unit_path, text, was=seen.unit), *restart)
    if seen.unit is None:
        return [Step(why, do, (*_gone(wanted), *back_first))]
    back = (Restore(wanted.unit_path), Run("systemctl", "daemon-reload"))
    return [Step(why, do, (*back, *as_it_was(wanted, running=running, enabled=enabled), *back_first))]


def _gone(wanted: Deployment) -> tuple[Action, ...]:
    """Stopped, not enabled, no file, and no memory of a failure."""
    return (
        Run("systemctl", "disable", "--now", wanted.unit, also=NEVER_ENABLED),
        Restore(wanted.unit_path),
        Run("systemctl", "daemon-reload"),
        Run("systemctl", "reset-failed", wanted.unit, also={1: "systemd forgot the unit already"}),
    )


def as_it_was(wanted: Deployment, *, running: bool, enabled: bool) -> tuple[Action, ...]:
    """Enabled or not, running or not, as it was before the step."""
    first = () if enabled else (Run("systemctl", "disable", wanted.unit),)
    if not running:
        return (*first, Run("systemctl", "stop", wanted.unit))
    # A version that failed may have used up the starts that systemd allows within some seconds.
    forgotten = Run("systemctl", "reset-failed", wanted.unit, also={1: "systemd forgot the unit already"})
    return (*first, forgotten, Run("systemctl", "restart", wanted.unit))
