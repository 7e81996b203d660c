"""The site: which hosts there are, what they are for, and how changes to them are allowed."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from runbook import targets
from runbook.checks import between, one_of
from runbook.errors import SiteError, UsageError
from runbook.remote.secret import Reference
from runbook.site_ssh import with_ssh_config
from runbook.site_tables import (
    NAME,
    AcceptedRisk,
    Bmc,
    Build,
    Etcd,
    GoSource,
    Host,
    Load,
    Service,
    Signing,
    SshSettings,
    Toolchain,
)
from runbook.ssh_config import SshConfig
from runbook.table import Reading, columns, entry, read_table, toml_name, unknown
from runbook.toml_lines import lines_of
from runbook.toml_text import toml_text

__all__ = ["ROOT", "AcceptedRisk", "Bmc", "Build", "Etcd", "GoSource", "Host", "Load", "Reference", "Service",
           "Signing", "Site", "SiteError", "SshSettings", "Toolchain", "find_site", "load_site"]

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: notebooks run in notebooks/, their site is named from here."""

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site file as read; paths and `file:` references are absolute, per-host SSH keys are in `Host.ssh`."""

    schema: int = entry("of this file", SCHEMA, check=between(SCHEMA, SCHEMA), example=SCHEMA)
    name: str = entry("how --confirm and the folders of runs call it", check=NAME, example="ward-7")
    target: str = entry("the servers' architecture: a file of runbook/targets/")
    protected: bool = entry("whether changes want --confirm with the site's name", True, example=True)
    drills: bool = entry("whether members may be killed, disks filled, networks cut", False, example=False)
    language: str = entry("of the report: `en` or `zh`", "en", check=one_of("en", "zh"), example="zh")
    ssh: SshSettings = entry("how hosts are reached; keys at a host override these", SshSettings())
    hosts: tuple[Host, ...] = entry("a server; one such table for each", name="host")
    toolchain: Toolchain = entry("what compiles", Toolchain())
    build: Build = entry("where things are compiled", Build())
    service: Service = entry("what is deployed", Service())
    etcd: Etcd = entry("the cluster", Etcd())
    load: Load = entry("the load test", Load())
    signing: Signing = entry("who signs what is built", Signing())
    accepted: tuple[AcceptedRisk, ...] = entry("a risk taken with eyes open; chapters say which they ask for",
                                               (), name="accept")
    file: Path = Path()                   # where it was read from; not a key

    def __str__(self) -> str:
        count = f"{len(self.hosts)} host{'s' * (len(self.hosts) != 1)}"
        return f"{self.name}: {count}, {self.target}{', protected' * self.protected}"

    def host(self, name: str) -> Host:
        """The host of that name; raises SiteError with the nearest known one."""
        for one in self.hosts:
            if one.name == name:
                return one
        known = [one.name for one in self.hosts]
        raise SiteError(f"site {self.name}: host `{name}`: {unknown('host', name, known)}",
                        next=f"the hosts are listed in {self.file}")

    def hosts_with(self, role: str) -> tuple[Host, ...]:
        """The hosts of a role, in the file's order; may be empty."""
        return tuple(one for one in self.hosts if one.has(role))

    def accepts(self, risk: str, on: date) -> AcceptedRisk | None:
        """The acceptance of a risk that holds on that day; a lapsed one does not count."""
        return next((one for one in self.accepted if one.risk == risk and one.holds(on)), None)

    def references(self) -> Iterator[Reference]:
        """Every secret that the site refers to, once each."""
        tables: list[Any] = [self.ssh, *(host.ssh for host in self.hosts)]
        tables += [host.bmc for host in self.hosts if host.bmc]
        found = [getattr(table, one.name) for table in tables
                 for one, hint in columns(type(table)) if Reference in getattr(hint, "__args__", (hint,))]
        yield from dict.fromkeys(reference for reference in found if reference)

    def know_secrets(self) -> None:
        """Has every secret that can be read without asking masked from now on, wherever it turns up.

        One that cannot be read now is said by whoever needs it.
        """
        for one in self.references():
            if not one.asks:
                with contextlib.suppress(UsageError):
                    one.resolve()

    def resolved_toml(self, beside: Path | None = None) -> str:
        """The whole site with its defaults, to be loaded from the folder `beside` (default: where it was).

        References stay references; paths start at that folder or at the home folder where they can.
        """
        return toml_text(_plain(self, beside or self.file.parent))


def find_site(path: str | Path) -> Path:
    """The site file's path: as given from the working folder, else from the project's root.

    Raises SiteError when neither is there.
    """
    given = Path(os.path.expanduser(path))
    for candidate in (given, ROOT / given):
        if os.path.exists(candidate):     # unlike Path.exists, False for names that no system allows
            return candidate
    there = ", ".join(sorted(f"sites/{one.name}" for one in (ROOT / "sites").glob("*.toml")))
    raise SiteError(f"{path}: there is no such site file, neither here nor in the project's root",
                    next=f"`runbook new-site {path}` writes one" + (f"; there are {there}" if there else ""))


def load_site(path: str | Path) -> Site:
    """Read and validate a site file. Raises SiteError that lists every problem with file, line and key."""
    found = find_site(path)
    try:
        text = found.read_bytes().decode("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror}", next="name a file that this user can read") from error
    except UnicodeDecodeError as error:
        line = found.read_bytes()[:error.start].count(b"\n") + 1
        raise SiteError(f"{path}:{line}: not UTF-8", next="save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:  # also integers past Python's limit of digits
        raise SiteError(f"{path}{_place(error)}: not TOML: {error}",
                        next="mend that line; https://toml.io has the grammar") from error
    return site_from(document, text, file=found.absolute(), shown=str(path))


def _place(error: Exception) -> str:
    """`:12` from tomllib's `(at line 12, column 3)`."""
    _, _, rest = str(error).rpartition("(at line ")
    line = rest.partition(",")[0]
    return f":{line}" if line.isdigit() else ""


def site_from(document: dict[str, Any], text: str, file: Path, shown: str) -> Site:
    """The site of a parsed document; `text` is where lines are found, `shown` is how errors name the file."""
    reading = Reading(shown, file.parent, lines_of(text))
    tables = document.get("host", [])
    hostless = {name: [] if name == "host" else value for name, value in document.items()}
    values = read_table(Site, {"ssh": {}} | hostless, reading)
    ssh = values.get("ssh", SshSettings())
    config = SshConfig.read(Path(ssh.config)) if ssh.config else None
    if config:  # what it says is in the hosts from here on: a run's own copy of the site does not ask it again
        ssh = values["ssh"] = replace(ssh, config="")
    hosts: list[Host] = []
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        if host := _read_host(table, reading, index, ssh):
            hosts.append(with_ssh_config(host, config, {*document["ssh"], *table}) if config else host)
    if not isinstance(tables, list) or ("host" in document and not tables):
        reading.refuse(("host",), "expected at least one [[host]]")
    if not reading.problems:
        site = Site(**{**values, "hosts": tuple(hosts), "file": file})
        _check_whole(site, reading)
    if reading.problems:
        raise SiteError("\n".join(reading.in_order()),
                        next=f"mend {shown}; `runbook new-site FILE` writes one with every key explained")
    return site


def _read_host(table: Any, reading: Reading, index: int, ssh: SshSettings) -> Host | None:
    before = len(reading.problems)
    values = read_table(Host, table, reading, ("host", index), inherited=ssh)
    own = {one.name for one in fields(Host)}
    overrides = {name: value for name, value in values.items() if name not in own}
    if len(reading.problems) > before:
        return None
    return Host(**{name: value for name, value in values.items() if name in own},
                ssh=replace(ssh, **overrides))


def _check_whole(site: Site, reading: Reading) -> None:
    """What no single key can tell: duplicates, and references from one table to another."""
    seen: dict[object, str] = {}
    for index, host in enumerate(site.hosts):
        at = ("host", index)
        marks: list[tuple[tuple[str, ...], object]] = [
            (("name",), host.name), (("address",), (host.address, host.ssh.port))]
        if host.bmc:
            marks.append((("bmc", "address"), ("bmc", host.bmc.address, host.bmc.port)))
        for key, mark in marks:
            if mark in seen:
                reading.refuse((*at, *key), f"is already that of host[{seen[mark]}]")
            seen.setdefault(mark, str(index + 1))
        if host.has("bmc") and not host.bmc:
            reading.refuse((*at, "roles"), "the role `bmc` needs a [host.bmc] with its address")
    names = [host.name for host in site.hosts]
    if site.build.on and site.build.on not in names:
        reading.refuse(("build", "on"), unknown("host", site.build.on, names))
    elif site.build.on and not site.host(site.build.on).has("build"):
        reading.refuse(("build", "on"), f"{site.build.on} has not the role `build`")
    if site.target not in targets.names():
        reading.refuse(("target",), unknown("target", site.target, targets.names()))
        return
    source = site.toolchain.go
    if source.kind == "host" and source.host not in names:
        reading.refuse(("toolchain", "go"), unknown("host", source.host, names))
    if source.kind == "version" and not targets.load_target(site.target).go.upstream:
        reading.refuse(("toolchain", "go"), f"no release of upstream Go builds for {site.target}: "
                                            "name a vendor's port by `dir:`, `archive:` or `host:`")


def _plain(table: Any, folder: Path, shared: SshSettings | None = None) -> dict[str, Any]:
    """A table as TOML's own types: paths from `folder`, of a host's SSH keys what differs from `shared`."""
    plain: dict[str, Any] = {}
    for one, _ in columns(type(table)):
        value = getattr(table, one.name)
        if value is None or value == ():
            continue
        if isinstance(value, GoSource):
            value = value.written(lambda path: _shown(path, folder))
        elif isinstance(value, Reference):
            kind, _, rest = value.text.partition(":")
            value = f"file:{_shown(Path(rest), folder)}" if kind == "file" else value.text
        elif is_dataclass(value):
            value = _plain(value, folder)
        elif isinstance(value, tuple) and is_dataclass(value[0]):
            value = [_plain(element, folder, getattr(table, "ssh", None)) for element in value]
        elif isinstance(value, Path):
            value = _shown(value, folder)
        plain[toml_name(one)] = value
    if shared and isinstance(table, Host):
        own, of_all = _plain(table.ssh, folder), _plain(shared, folder)
        plain |= {name: value for name, value in own.items() if value != of_all.get(name)}
    return plain


def _shown(path: Path, folder: Path) -> str:
    """A path from `folder` when below it or both are the project's, else from home, else absolute."""
    folder = folder.absolute()
    if path.is_relative_to(folder) or (path.is_relative_to(ROOT) and folder.is_relative_to(ROOT)):
        return os.path.relpath(path, folder)
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and home != Path("/") else str(path)
