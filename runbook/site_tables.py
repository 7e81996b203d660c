"""The tables of a site file: each key with its meaning, its default and what it must satisfy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from runbook.checks import between, each_of, one_of, shaped
from runbook.remote.secret import Reference
from runbook.table import Absolute, entry

ROLES = {
    "build": "compiles where [build] names it",
    "service": "runs the Go services",
    "etcd": "is a member of the etcd cluster",
    "load": "sends the load",
    "monitor": "runs Prometheus",
    "trace": "collects traces and logs",
    "bmc": "its management controller is asked for sensors, see [host.bmc]",
}
LOCAL = "local"
"""The address of the machine that runs the runbook: no SSH."""

NAME = shaped(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "lower-case letters, digits and `-` (at most 63)")
ADDRESS = shaped(r"[A-Za-z0-9]([A-Za-z0-9._:%-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39}",
                 "an IP address or a host name")
PORT = between(1, 65535)
# What `ssh-keygen -lf` prints: base64 of a SHA-256, 32 bytes, without padding.
HOST_KEY = shaped(r"SHA256:[A-Za-z0-9+/]{43}", "`SHA256:` and 43 characters, as `ssh-keygen -lf` prints it")
FOLDER = shaped(r"/[^\0\n]*[^\0\n/]", "an absolute path, of a folder on the host")
USER = shaped(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", "a user name")
JUMP_FORM = re.compile(r"(?:(?P<user>[A-Za-z_][A-Za-z0-9_.-]{0,31})@)?"
                       r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<address>[A-Za-z0-9][A-Za-z0-9._-]{0,252}))"
                       r"(?::(?P<port>[1-9][0-9]{0,4}))?")
JUMP = shaped(JUMP_FORM.pattern, "`address`, `user@address` or `user@address:port` (IPv6 in brackets)")
SPREAD = shaped(r"local:[1-9][0-9]?|tls://\S+:[0-9]+|tcp://(127\.0\.0\.1|localhost|\[::1\]):[0-9]+",
                "`local:N`, `tls://ADDRESS:PORT`, or `tcp://127.0.0.1:PORT`: whoever reaches a scheduler without TLS "
                "runs code where its workers have the keys of servers")

REFERENCE_FORMS = ("`env:NAME` (an environment variable), `file:PATH` (a file of mode 0600) or `prompt:` "
                   "(asked for), never the secret itself")


def reference(text: str, absolute: Absolute) -> Reference | None:
    """A reference with an absolute path, None when `text` has none of the forms."""
    kind, colon, rest = text.partition(":")
    if kind == "env" and rest.isidentifier() and rest.isascii():
        return Reference(text)
    if kind == "file" and rest:
        return Reference(f"file:{absolute(rest)}")
    return Reference(text) if kind == "prompt" and colon and rest.isprintable() else None


def secret(help: str, example: str | None = None, per_host: bool = False) -> Any:
    """A key whose value says where a secret is to be found."""
    return entry(help, None, example=example, read=reference, forms=REFERENCE_FORMS, per_host=per_host)


@dataclass(frozen=True)
class SshSettings:
    """How a host is reached; `[ssh]`, and the same keys at a `[[host]]`."""

    user: str = entry("who logs in", "operator", check=USER, example="operator", per_host=True)
    port: int = entry("sshd's port", 22, check=PORT, per_host=True)
    sudo: bool = entry("whether changes go through `sudo -n`; not needed where the user is root", True,
                     example=True, per_host=True)
    key: Reference | None = secret("the private key's file; without it, the SSH agent",
                                   "file:~/.ssh/id_ed25519", per_host=True)
    passphrase: Reference | None = secret("of the private key, where it has one", per_host=True)
    known_hosts: Path = entry("host keys as ssh-keyscan prints them; an unknown or changed key is "
                              "refused", Path("known_hosts"), example="known_hosts", per_host=True)
    jump: str = entry("a host to go through, `user@address:port`; its key comes as the host's own does, and its host "
                      "key is looked up in known_hosts", "",
                      check=lambda value: JUMP(value) if value else "", per_host=True)
    host_key: str = entry("the one host key that is accepted, instead of known_hosts: `SHA256:...`", "",
                        check=lambda value: HOST_KEY(value) if value else "", per_host=True)
    connect_seconds: float = entry("limit for reaching a host", 10.0, check=between(0.1, 600, "seconds"),
                                 per_host=True)
    command_seconds: float = entry("limit for a command that names none", 120.0,
                                   check=between(1, 86400, "seconds"), per_host=True)
    leases: str = entry("what a long command is there: a `session`, or a `unit` of systemd, where it has one",
                        "session", check=one_of("session", "unit"), per_host=True)
    config: str = entry(
        "a file as ssh_config(5) has it, such as ~/.ssh/config: what it says of a host's address (HostName, Port, "
        "User, IdentityFile, ProxyJump, UserKnownHostsFile, ConnectTimeout) holds where this file says nothing", "",
        read=lambda text, absolute: str(absolute(text)) if text else "", forms="a path (a string)")
    at_once: int = entry("hosts spoken to side by side", 20, check=between(1, 1000))
    first_failure: str = entry(
        "what a change that fails on a host means for the others: `go-on`; `stop-starting` (what runs is let to its "
        "end, with `at_once = 1` one host after the other); `stop` (what runs is stopped too)", "go-on",
        check=one_of("go-on", "stop-starting", "stop"))
    spread: str = entry(
        "for a fleet larger than one machine drives, the workers of Dask: `tls://ADDRESS:PORT` of their scheduler, "
        "`tcp://127.0.0.1:PORT`, or `local:N` processes here; without it, this process speaks to all hosts", "",
        check=lambda value: SPREAD(value) if value else "")


@dataclass(frozen=True)
class Bmc:
    """A host's management controller; `[host.bmc]`."""

    address: str = entry("where it answers IPMI over LAN", check=ADDRESS, example="192.0.2.111")
    port: int = entry("UDP port", 623, check=PORT)
    user: str = entry("who logs in", "admin", check=USER)
    password: Reference | None = secret("of that user", "env:BMC_PASSWORD")
    # ipmitool's own default asks for suite 17 first, which costs 10 s where the BMC has only suite 3.
    cipher_suite: int = entry("IPMI cipher suite: 3, or 17 where the BMC has it", 3, check=between(0, 17))


@dataclass(frozen=True)
class Host:
    """One server; `[[host]]`. Every key of `[ssh]` but `at_once` may stand here too."""

    name: str = entry("how the runbook calls it", check=NAME, example="node1")
    address: str = entry(f"IP address or name; `{LOCAL}`: the machine that runs the runbook, without SSH",
                       check=ADDRESS, example="192.0.2.11")
    roles: tuple[str, ...] = entry(
        "what it is for: " + "; ".join(f"`{one}` {what}" for one, what in ROLES.items()),
        check=each_of(ROLES), example=("service", "etcd"))
    bmc: Bmc | None = entry("its management controller", None)
    ssh: SshSettings = SshSettings()      # as it holds for this host; not a key of its own
    from_config: tuple[tuple[str, str, str], ...] = ()  # key, value and place of what an ssh_config says; no key either

    @property
    def is_local(self) -> bool:
        return self.address == LOCAL

    @property
    def jump(self) -> Host | None:
        """The host to go through, where the site names one: with this one's key and limits, and reached directly."""
        found = JUMP_FORM.fullmatch(self.ssh.jump)
        if found is None:
            return None
        ssh = replace(self.ssh, user=found["user"] or self.ssh.user, port=int(found["port"] or 22), jump="",
                      host_key="")
        return Host(f"{self.name}'s jump host", found["six"] or found["address"], (), ssh=ssh)

    def has(self, role: str) -> bool:
        return role in self.roles


GO_FORMS = "`dir:PATH`, `archive:PATH#sha256=HEX`, `version:1.26.8` or `host:NAME:/PATH`"
_GO = re.compile(
    r"(?P<kind>dir|archive|version|host):"
    r"(?:(?<=version:)(?P<version>1\.\d+(?:\.\d+)?(?:rc\d+)?)"
    r"|(?<=host:)(?P<host>[a-z0-9-]+):(?P<there>/.+)"
    r"|(?<=archive:)(?P<archive>.+)#sha256=(?P<sha256>[0-9a-f]{64})"
    r"|(?<=dir:)(?P<dir>.+))"
)


@dataclass(frozen=True)
class GoSource:
    """Where Go comes from; `toolchain.go`, taken apart. Its `str` is the form that the file has."""

    kind: str                             # "dir", "archive", "version" or "host"
    where: str                            # an absolute path; for "version" the version
    sha256: str = ""                      # of an archive
    host: str = ""                        # whose Go it is

    @classmethod
    def read(cls, text: str, absolute: Absolute) -> GoSource | None:
        """The parts of `text`, None when it has none of the forms; `absolute` finds relative paths."""
        found = _GO.fullmatch(text)
        if not found:
            return None
        here = found["dir"] or found["archive"]
        where = str(absolute(here)) if here else found["version"] or found["there"]
        return cls(found["kind"], where, found["sha256"] or "", found["host"] or "")

    def written(self, shown: Callable[[Path], str]) -> str:
        """As it stands in a file; `shown` writes a path of this machine."""
        where = shown(Path(self.where)) if self.kind in ("dir", "archive") else self.where
        return (f"{self.kind}:{self.host + ':' if self.host else ''}{where}"
                f"{'#sha256=' + self.sha256 if self.sha256 else ''}")

    def __str__(self) -> str:
        return self.written(str)


@dataclass(frozen=True)
class Toolchain:
    """What compiles; `[toolchain]`."""

    go: GoSource = entry(f"where Go comes from: {GO_FORMS}", GoSource("version", "1.26.8"),
                         read=GoSource.read, forms=GO_FORMS, example="dir:/opt/go-port")
    modules: str = entry("pinned modules: `modern`, `legacy` (Go 1.16 to 1.22), or `auto` by the toolchain's version",
                         "auto", check=one_of("auto", "modern", "legacy"), example="auto")
    vulnerabilities: Path | None = entry("a folder with Go's vulnerability database (a copy of vuln.go.dev); without "
                                         "it, nothing is checked", None)
    c: Path | None = entry("a file that says from which sources a C cross toolchain is built, in stages; without it "
                           "the C compiler for the target that is on the PATH counts", None)


@dataclass(frozen=True)
class Build:
    """Where things are compiled; `[build]`."""

    on: str = entry("the host, of the role `build`, that compiles; empty: the machine that runs the runbook", "",
                    check=lambda value: NAME(value) if value else "")
    go: str = entry("the folder of that host's own Go; empty: the site's is brought there", "",
                    check=lambda value: FOLDER(value) if value else "")


CONTAINER = "container"


@dataclass(frozen=True)
class Service:
    """What is deployed; `[service]`."""

    name: str = entry("of the service, its unit and its user", "users", check=NAME, example="users")
    framework: str = entry("`gin` or `echo`", "gin", check=one_of("gin", "echo"), example="gin")
    port: int = entry("where it listens", 8080, check=PORT, example=8080)
    deploy: str = entry("`container`, or the binary itself as a `unit`", CONTAINER,
                        check=one_of(CONTAINER, "unit"), example=CONTAINER)


@dataclass(frozen=True)
class Etcd:
    """The cluster; `[etcd]`."""

    profile: str = entry("its cryptography: `ecdsa`, or `tlcp` (SM2, SM3, SM4 by gateways)", "ecdsa",
                       check=one_of("ecdsa", "tlcp"), example="ecdsa")


@dataclass(frozen=True)
class Load:
    """The load test; `[load]`."""

    depth: str = entry("`rehearsal` (short) or `full` (figures that can be accepted)", "rehearsal",
                     check=one_of("rehearsal", "full"), example="full")


@dataclass(frozen=True)
class Signing:
    """Who signs what is built, and who asks for it; `[signing]`."""

    keys: Path | None = entry("a folder with the site's own keys, as `runbook new-keys` makes it; without it, each run "
                              "makes its own", None)
    days: int = entry("how long a signature counts", 90, check=between(1, 3650))
    on_hosts: bool = entry("whether a host checks the signature before anything is started", True)


@dataclass(frozen=True)
class AcceptedRisk:
    """A risk taken with eyes open; `[[accept]]`. It counts up to and on its last day."""

    risk: str = entry("which one, as the refusal names it", check=NAME,
                      example="etcd-unsupported-architecture")
    by: str = entry("who accepts it", check=shaped(r"\S(.*\S)?", "a name"), example="name and office")
    reason: str = entry("why", check=shaped(r"\S(.*\S)?", "a sentence"), example="why it is acceptable here")
    until: date = entry("its last day", example=date(2027, 6, 30))

    def holds(self, on: date) -> bool:
        return on <= self.until
