"""Opening a chapter: its parameters validated, its run found, what it builds on checked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from runbook import run as runs
from runbook.chapter import Chapter
from runbook.contents import COMMON_PARAMETERS, START, TEARDOWN, Title, title_of
from runbook.errors import Blocked, ParameterError
from runbook.remote.fleet import Fleet
from runbook.run import Run, who
from runbook.show.spoken import mask_what_is_said
from runbook.showing import explain_missing_names
from runbook.site import Site, load_site


def open_chapter(name: str, *, site: str, run: str = "", check: bool = False, only_hosts: Sequence[str] = (),
                 confirm: str = "", **own: object) -> Chapter:
    """The chapter `name` of a run of `site`; 00_start opens a run where there is none.

    Raises ParameterError for an unknown name or a value of another type, SiteError for the site, Blocked
    where no run is open or a chapter that this one needs has not passed in it.
    """
    mask_what_is_said()
    title = title_of(name)
    _check_parameters(title, own)
    loaded = load_site(site)
    _check_hosts(loaded, only_hosts)
    found = find_run(title, loaded, run, check=check)
    _check_needs(title, found, check=check)
    fleet = Fleet.open(found.site, hosts=tuple(only_hosts), recorder=found.journal)
    explain_missing_names(title)
    return Chapter(title, found, fleet, check=check, confirm=confirm, options=own)


def find_run(title: Title, site: Site, name: str, *, check: bool) -> Run:
    """The run that a chapter belongs to; see `runbook.run.join`. Only 00_start may open one."""
    found = runs.join(site, name)
    if found is None and title.name == TEARDOWN:
        found = runs.changed(site)
    if found is None and title.name == START:
        return Run.start(site, check=check, by=who())
    if found is None:
        raise Blocked(f"{title.name}: no run of {site.name} is open",
                      next=f"run 00_start first: it opens one; or `runbook run --site {site.file.name}`")
    if found.site.name != site.name:
        raise ParameterError(f"run {found.name} is of the site {found.site.name}, not of {site.name}",
                             next=f"name a run of {site.name}, or leave `run` empty")
    return found


def _check_parameters(title: Title, own: dict[str, object]) -> None:
    for name, value in own.items():
        wanted = title.parameters.get(name)
        if wanted is None:
            known = [*COMMON_PARAMETERS, *title.parameters]
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ParameterError(f"{title.name} has no parameter `{name}`{hint}",
                                 next="its parameters are " + ", ".join(known))
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            found = f"{name} = {value!r} is a {type(value).__name__}, not a {wanted.__name__}"
            raise ParameterError(f"{title.name}: {found}",
                                 next="give a value of that type in the parameters cell or with -p")


def _check_hosts(site: Site, only_hosts: Sequence[str]) -> None:
    if isinstance(only_hosts, str):
        raise ParameterError(f"only_hosts = {only_hosts!r} is a str, not a list",
                             next=f'write ["{only_hosts}"]')
    for host in only_hosts:
        site.host(host)


def _check_needs(title: Title, run: Run, *, check: bool) -> None:
    """A needed chapter must have passed; in check mode one that only had changes to announce is enough."""
    states = run.states()
    enough = ("pass", "skipped") if check else ("pass",)
    for needed in title.needs:
        if states.get(needed) not in enough:
            seen = f"ended as {states[needed]}" if needed in states else "has not been run"
            raise Blocked(f"{title.name} builds on {needed}, which {seen} in {run.name}",
                          next=f"run notebooks/{needed}.ipynb first")
