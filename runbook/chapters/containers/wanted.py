"""What is wanted on a host: which binary, where, as which unit, on which port."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runbook.action import Action
from runbook.chapters.containers.settings import ENVIRONMENT, GATHER, at_rest, runtime_folder, while_it_runs
from runbook.chapters.signing.on_host import Sealed

ADD_ONS = PurePosixPath("/opt")
"""Where add-on software belongs (FHS 3.0, 3.13)."""
UNITS = PurePosixPath("/etc/systemd/system")
DYNAMIC_USER = 235
"""systemd's DynamicUser= with what it implies; 232 had it without ProtectSystem=strict (systemd's NEWS)."""
PRIVILEGED_PORTS = 1024


def unit_of(service: str) -> str:
    """The unit that a service runs as, however it is deployed."""
    return f"runbook-{service}.service"


@dataclass(frozen=True, repr=False)
class Deployment:
    """One service as it is wanted on every host of its role; `source` is the artefact on this machine."""

    service: str
    port: int
    source: Path
    sha256: str
    listen: str = ""  # an address other than every one of the host's
    sealed: Sealed | None = None  # by whom it is signed; None: the site does not ask for it

    @property
    def address(self) -> str:
        """What the service is told to listen on."""
        return self.listen or f":{self.port}"

    @property
    def folder(self) -> PurePosixPath:
        """Named by content: another build lies beside it, and going back is one line of the unit."""
        return self._home / self.sha256[:12]

    @property
    def _home(self) -> PurePosixPath:
        """No folder is shared with another service: whichever is taken back first leaves the other alone."""
        return ADD_ONS / f"runbook-{self.service}"

    @property
    def path(self) -> str:
        return str(self.folder / self.service)

    @property
    def hashed(self) -> str:
        """The file whose hash tells whether it is there; empty where something else tells."""
        return self.path

    @property
    def folders(self) -> tuple[str, ...]:
        """Every folder down to the binary, outermost first."""
        return tuple(str(one) for one in (ADD_ONS, self._home, self.folder))

    def checked_on(self, host: str) -> tuple[Action, ...]:
        """What the host does with the artefact before anything else; nothing where the site does not ask for it."""
        return self.sealed.before_the_start(host, self.path, self.folder) if self.sealed else ()

    @property
    def unchecked(self) -> tuple[Action, ...]:
        """What takes that back."""
        return self.sealed.back(self.folder) if self.sealed else ()

    @property
    def unit(self) -> str:
        return unit_of(self.service)

    @property
    def unit_path(self) -> str:
        return str(UNITS / self.unit)

    @property
    def user(self) -> str:
        """The system user where systemd cannot make one for the time that the service runs."""
        return f"svc-{self.service}"

    def __str__(self) -> str:
        return f"{self.service} as {self.unit}"

    __repr__ = __str__


def unit_text(wanted: Deployment, systemd: int) -> str:
    """The unit file. Everything in it is known to systemd 219 but for DynamicUser=, which needs 235.

    A setting that an old systemd does not know is skipped with a warning: skipping DynamicUser= would run the
    service as root, so older ones get a user by name. MemoryDenyWriteExecute= is left out on purpose: an emulator
    translates code into memory, and could not run the target's program in a rehearsal.
    """
    dynamic, given = systemd >= DYNAMIC_USER, while_it_runs(wanted.service)
    lines = [
        "[Unit]",
        f"Description=runbook: {wanted.service}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        f"RuntimeDirectory={runtime_folder(wanted.service)}",
        "RuntimeDirectoryMode=0755",
        f"ExecStartPre={as_root(GATHER, given, at_rest(wanted.service), dynamic=dynamic)}",
        f"EnvironmentFile=-{given}/{ENVIRONMENT}",
        f"ExecStart={wanted.path} -listen {wanted.address}",
        "DynamicUser=yes" if dynamic else f"PermissionsStartOnly=yes\nUser={wanted.user}",
        "Restart=on-failure",
        "RestartSec=1",
        "TimeoutStopSec=15",
        f"SyslogIdentifier={wanted.service}",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectHome=yes",
        f"ProtectSystem={'strict' if dynamic else 'full'}",
    ]
    if wanted.port < PRIVILEGED_PORTS:
        lines += ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "AmbientCapabilities=CAP_NET_BIND_SERVICE"]
    else:
        lines += ["CapabilityBoundingSet="]
    return "\n".join([*lines, "", "[Install]", "WantedBy=multi-user.target", ""])


def unit_script(text: str, *words: str) -> str:
    """A shell's command on one line of a unit; `$` and `%` are written twice there."""
    line = " ".join(text.split()).replace("$", "$$").replace("%", "%%")
    return f"/bin/sh -c '{line}' sh {' '.join(words)}"


def as_root(text: str, *words: str, dynamic: bool) -> str:
    """Where the unit has a user: by systemd's `+` (231), which older ones have as PermissionsStartOnly=."""
    return ("+" if dynamic else "") + unit_script(text, *words)
