"""What runs containers on a host: containerd's version, configuration, unit, data directory and plugins."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from runbook.chapters.containers.configuration import DEFAULT_PATH, Maker, made_by
from runbook.chapters.containers.observe import properties
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

UNIT = "containerd.service"
SOCKET = "/run/containerd/containerd.sock"
DATA, STATE = "/var/lib/containerd", "/run/containerd"
"""containerd's defaults (containerd-config.toml(5))."""
STACKED = "overlayfs"  # as stat calls the file system: an overlay's upper layer cannot lie on an overlay


class Snapshotter(StrEnum):
    """How containerd lays out a container's root: layers above each other, or copies where that cannot be."""

    OVERLAY = "overlayfs"
    NATIVE = "native"


@dataclass(frozen=True)
class Runtime:
    """containerd as it is on a host; the version is empty where it is not there."""

    version: str
    client: str  # where containerd's own client is
    runc: bool
    installer: str  # apt-get, dnf, …; empty where none is known
    path: str  # of the configuration that its unit reads
    folder: bool  # whether the folder that it is in is there
    file: str | None  # that configuration's text
    maker: Maker
    effective: Mapping[str, object] = field(hash=False)  # what it understands of it, with its own defaults
    complaint: str  # what it says of a configuration that it cannot read
    unit: str  # systemd's LoadState: loaded, masked, not-found
    active: bool
    enabled: bool
    file_system: str  # of the data directory
    plugins: Mapping[str, str] = field(hash=False)  # `type.id` and its status; empty where it does not run
    containers: Mapping[str, int] = field(hash=False)  # by namespace, likewise; not counted under our configuration

    @property
    def numbers(self) -> tuple[int, int]:
        found = re.match(r"v?(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def root(self) -> str:
        return str(self.effective.get("root") or DATA)

    @property
    def state(self) -> str:
        return str(self.effective.get("state") or STATE)

    @property
    def address(self) -> str:
        """The socket that it listens on, or will."""
        grpc = self.effective.get("grpc")
        return str(isinstance(grpc, dict) and grpc.get("address") or SOCKET)

    @property
    def snapshotter(self) -> Snapshotter:
        """Overlays, unless the data directory is on one or containerd says that it cannot."""
        said = self.plugins.get(f"io.containerd.snapshotter.v1.{Snapshotter.OVERLAY}", "ok")
        return Snapshotter.OVERLAY if self.file_system != STACKED and said == "ok" else Snapshotter.NATIVE

    @property
    def disabled(self) -> frozenset[str]:
        plugins = self.effective.get("disabled_plugins")
        return frozenset(map(str, plugins)) if isinstance(plugins, list) else frozenset()

    def others(self, namespace: str) -> tuple[str, ...]:
        """The namespaces with containers that are not of this deployment."""
        return tuple(name for name, count in self.containers.items() if count and name != namespace)

    def __str__(self) -> str:
        if not self.version:
            return "not installed"
        return f"{'runs' if self.active else 'does not run'}, configuration: {self.maker}"


def parse_runtime(text: str) -> Runtime:
    parts = sections(text)
    state = properties(parts.get("unit", ""))
    encoded = parts.get("file", "").split()
    file = base64.b64decode("".join(encoded)).decode("utf-8", "surrogateescape") if encoded else None
    path = parts.get("path", "").strip() or DEFAULT_PATH
    effective, complaint = _effective(parts.get("dump", ""))
    return Runtime(
        _version(parts.get("containerd", "")),
        parts.get("ctr", "").strip(),
        bool(parts.get("runc", "").strip()),
        parts.get("installer", "").strip(),
        path,
        bool(parts.get("folder", "").strip()),
        file,
        made_by(file, path, packaged=parts.get("packaged", "").strip() == "untouched"),
        effective,
        complaint,
        state.get("LoadState", ""),
        state.get("ActiveState") == "active",
        state.get("UnitFileState") in ("enabled", "static", "indirect"),
        parts.get("file system", "").strip(),
        _plugins(parts.get("plugins", "")),
        {name: int(count) for name, count in (line.split() for line in parts.get("namespaces", "").splitlines())},
    )


def _version(text: str) -> str:
    """The first word that begins like a version, of `containerd github.com/containerd/containerd v1.6.20 …`."""
    found = re.search(r"(?:^|\s)v?(\d+\.\d+[^\s]*)", text)
    return found[1] if found else ""


def _effective(dump: str) -> tuple[Mapping[str, object], str]:
    try:
        return tomllib.loads(dump), ""
    except tomllib.TOMLDecodeError:
        return {}, dump.strip()


def _plugins(text: str) -> dict[str, str]:
    """`ctr plugin ls`: TYPE ID PLATFORMS STATUS, below a heading."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {f"{row[0]}.{row[1]}": row[-1] for row in rows if len(row) >= 4}


WORDS = r"""
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL
configuration() {  # that containerd's unit reads
  path=$(systemctl show -p ExecStart containerd.service 2>/dev/null |
    sed -n 's/.*[ =]\(--config\|-c\)[ =]\([^ ;]*\).*/\2/p')
  echo "${path:-/etc/containerd/config.toml}"
}
socket() {  # that containerd listens on, by its file $1; only one that reads others has to be asked
  if grep -qs '^ *imports' "$1"; then
    containerd -c "$1" config dump 2>/dev/null </dev/null
  elif [ -f "$1" ]; then cat "$1"; fi |
    sed -n "/^ *\[grpc\]/,/^ *\[[^g]/s/^ *address *= *[\"']\(.*\)[\"']/\1/p" | tail -n 1 | grep . ||
    echo /run/containerd/containerd.sock
}
"""

RUNTIME_SCRIPT = WORDS + r"""
path=$(configuration)
ours() { case $(head -n 1 "$path" 2>/dev/null) in '# Written by the runbook'*) return 0;; esac; return 1; }
echo '== containerd'  # its client is of the same package, and starts five times as fast
command -v containerd >/dev/null 2>&1 && { ctr --version || containerd --version; } 2>/dev/null
echo '== ctr'; command -v ctr
echo '== runc'; command -v runc
echo '== installer'
for one in apt-get dnf yum zypper; do command -v $one >/dev/null 2>&1 && { echo $one; break; }; done
echo '== path'; echo "$path"
echo '== folder'; [ -d "${path%/*}" ] && echo there
echo '== file'; [ -f "$path" ] && { base64 <"$path"; echo; }
echo '== packaged'
if ours; then :
elif [ -f "$path" ] && command -v dpkg-query >/dev/null 2>&1; then
  sum=$(md5sum <"$path"); sum=${sum%% *}
  dpkg-query -W -f '${Conffiles}\n' 'containerd*' 2>/dev/null | grep -qF " $path $sum" && echo untouched
elif [ -f "$path" ] && command -v rpm >/dev/null 2>&1; then
  rpm -qf "$path" >/dev/null 2>&1 && ! rpm -Vf "$path" 2>/dev/null | grep -qF " $path" && echo untouched
fi
echo '== unit'; systemctl show -p LoadState -p ActiveState -p UnitFileState containerd.service 2>/dev/null
command -v containerd >/dev/null 2>&1 || exit 0
echo '== dump'  # ours says all that counts, and reads no other file
if ours; then dump=$(cat "$path"); else dump=$(containerd -c "$path" config dump 2>&1 </dev/null); fi
printf '%s\n' "$dump"
root=$(printf '%s\n' "$dump" | sed -n "s/^root = [\"']\(.*\)[\"']/\1/p"); root=${root:-/var/lib/containerd}
while [ ! -d "$root" ]; do root=${root%/*}; root=${root:-/}; done
echo '== file system'; stat -fc %T "$root"
systemctl is-active --quiet containerd.service || exit 0
socket=$(socket "$path")
echo '== plugins'; ctr -a "$socket" plugins ls 2>/dev/null </dev/null
echo '== namespaces'
for one in $(ctr -a "$socket" namespaces ls -q 2>/dev/null </dev/null); do
  ours && { echo "$one 0"; continue; }
  echo "$one $(ctr -a "$socket" -n "$one" containers ls -q 2>/dev/null </dev/null | wc -l)"
done
:
"""

RUNTIME: Question[Runtime] = Question(Script(RUNTIME_SCRIPT, sudo=True), parse_runtime)
