"""What is wanted of a service in a container: its image, its unit, and the slice that limits it."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.chapters.containers.image import USER
from runbook.chapters.containers.runtime import Runtime
from runbook.chapters.containers.settings import ENVIRONMENT, GATHER, at_rest, runtime_folder, while_it_runs
from runbook.chapters.containers.wanted import UNITS, Deployment, unit_script

MEMORY = 512 << 20  # bytes; some ten times what the service holds, and its emulator
TASKS = 512  # processes and threads
CPU_WEIGHT = 50
"""Half of what others get where the CPUs are short (systemd.resource-control(5)): etcd beside it comes first. A cap
would spoil every load test, and nothing."""
MEMORY_MAX = 231
"""systemd's MemoryMax=; older ones know MemoryLimit= (systemd's NEWS)."""

REMOVE = """
for left in "tasks rm --force" "containers rm" "snapshots --snapshotter $3 rm"; do
  ctr -a "$1" -n "$2" $left "$4";
done >/dev/null 2>&1 </dev/null; :
"""
"""What a container left that was not ended in order; nothing is the rule."""

STOP = """
ctr -a "$1" -n "$2" tasks ls </dev/null | {
  pid=; while read -r id one status; do if [ "$id $status" = "$4 RUNNING" ]; then pid=$one; fi; done;
  [ -n "$pid" ] || { kill -KILL "$5"; exit; };
  while stat=$(cat "/proc/$pid/stat" 2>/dev/null); do
    set -- ${stat##*) }; read -r up rest </proc/uptime; [ $((${up%.*} - ${20} / 100)) -lt 2 ] || break;
    sleep 0.1 || sleep 1;
  done;
}
"""
"""Before SIGTERM. A ctr that gets it while it makes the container never ends (1.6), and has nothing to end in order.

A container's first process loses the signal until it has a handler for it (pid_namespaces(7)), and an emulator then
waits for good: a service of less than two seconds is left to get there, or to fail by itself. Field 22 of the stat
file is when it was started, in hundredths of a second (proc(5)).
"""


@dataclass(frozen=True, repr=False, kw_only=True)
class Container(Deployment):
    """A service as a container on every host of its role; `source` and `sha256` are of the image's archive."""

    image: str  # its name
    digest: str  # of its manifest
    binary_sha256: str
    platform: str

    @property
    def path(self) -> str:
        """Where the archive lies on a host."""
        return str(self.folder / "image.tar")

    @property
    def hashed(self) -> str:
        """None: containerd knows the image by its digest, and the archive has done its work."""
        return ""

    @property
    def inside(self) -> str:
        """Where the binary is in the image."""
        return f"/{self.service}"

    @property
    def namespace(self) -> str:
        """containerd's, of this service alone."""
        return f"runbook-{self.service}"

    @property
    def slice(self) -> str:
        """Without a dash, which would put it below another slice (systemd.slice(5))."""
        return f"runbook_{self.service.replace('-', '_')}.slice"

    @property
    def slice_path(self) -> str:
        return str(UNITS / self.slice)

    def __str__(self) -> str:
        return f"{self.service} in a container, as {self.unit}"

    __repr__ = __str__


def ctr(runtime: Runtime, wanted: Container, *words: str) -> tuple[str, ...]:
    """A command of containerd's own client in the service's namespace."""
    return (runtime.client, "-a", runtime.address, "-n", wanted.namespace, *words)


def container_unit(wanted: Container, runtime: Runtime) -> str:
    """The unit: the service manager owns the container, starts it again, and has its words in the journal.

    Its user is the image's. Every option is known to the ctr of containerd 1.6.
    """
    given = while_it_runs(wanted.service)
    run = ctr(
        runtime, wanted, "run", "--rm", "--snapshotter", runtime.snapshotter, "--platform", wanted.platform,
        "--net-host", "--read-only", "--runc-systemd-cgroup",
        "--cgroup", f"{wanted.slice}:runbook:{wanted.service}",
        "--env-file", f"{given}/{ENVIRONMENT}", "--mount", f"type=bind,src={given},dst={given},options=rbind:ro",
        wanted.image, wanted.service, wanted.inside, "-listen", wanted.address,
    )
    left = (runtime.address, wanted.namespace, str(runtime.snapshotter), wanted.service)
    return "\n".join([
        "[Unit]",
        f"Description=runbook: {wanted.service}, {wanted.digest}",
        "Wants=network-online.target containerd.service",
        "After=network-online.target containerd.service",
        "",
        "[Service]",
        f"RuntimeDirectory={runtime_folder(wanted.service)}",
        "RuntimeDirectoryMode=0755",
        f"ExecStartPre={unit_script(GATHER, given, at_rest(wanted.service), f'{USER}:{USER}')}",
        f"ExecStartPre={_script(REMOVE, *left)}",
        f"ExecStart={' '.join(run)}",
        f"ExecStop={_script(STOP, *left, '$MAINPID')}",
        f"ExecStopPost={_script(REMOVE, *left)}",
        "KillMode=mixed",
        "Restart=always",
        "RestartSec=500ms",
        "TimeoutStopSec=15",
        f"SyslogIdentifier={wanted.service}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ])


def _script(text: str, *words: str) -> str:
    """A command whose failure is no matter."""
    return f"-{unit_script(text, *words)}"


def slice_unit(wanted: Container, systemd: int) -> str:
    """The limits. They are the slice's, since ctr 1.6 has none for tasks; runc puts the container into it."""
    return "\n".join([
        "[Unit]",
        f"Description=runbook: the limits of {wanted.service}",
        "",
        "[Slice]",
        f"{'MemoryMax' if systemd >= MEMORY_MAX else 'MemoryLimit'}={MEMORY}",
        f"TasksMax={TASKS}",
        f"CPUWeight={CPU_WEIGHT}",
        "",
    ])
