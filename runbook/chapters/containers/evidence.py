"""What decides the article's claims about containers: what one host says when it is asked what they are about."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.chapters.article import named_in
from runbook.chapters.sections import sections
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet

LIMIT = 30.0  # seconds; another containerd boots in less than one

ARTICLE = r"""
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL
first=$1 second=$2 drills=$3
tmp=$(mktemp -d /run/runbook-evidence.XXXXXXXX) || exit
process=
end() { [ -n "$process" ] && { kill "$process"; wait "$process"; }; rm -rf -- "$tmp"; } 2>/dev/null
trap end EXIT
trap 'exit 130' HUP INT PIPE TERM
echo '== modules'; grep -E "^($first|$second) " /proc/modules 2>/dev/null
echo '== namespaces'; ls /proc/self/ns
echo '== unshare'; unshare -Urn true 2>&1 && echo well
echo '== cgroups'; cat /proc/self/cgroup
command -v containerd >/dev/null 2>&1 || exit 0
dump() { containerd config dump 2>/dev/null </dev/null >"$tmp/dump" && [ -s "$tmp/dump" ] && sha256sum <"$tmp/dump"; }
echo '== dump without'; dump
echo '== dump with'; (CONTAINERD_ROOT="$tmp/elsewhere"; export CONTAINERD_ROOT; dump)
unit=$(systemctl show -p FragmentPath containerd.service); unit=${unit#FragmentPath=}
if ! command -v systemd-analyze >/dev/null 2>&1; then printf '== no override\nthere is no systemd-analyze\n'
elif ! cp -- "${unit:-none}" "$tmp/containerd.service" 2>/dev/null; then
  printf '== no override\ncontainerd has no unit\n'
else
  echo '== as it is'; systemd-analyze verify "$tmp/containerd.service" 2>&1
  mkdir "$tmp/containerd.service.d" || exit
  printf '[Service]\nExecStart= /usr/bin/containerd --config /etc/containerd/other.toml\n' \
    >"$tmp/containerd.service.d/override.conf"
  echo '== override'; systemd-analyze verify "$tmp/containerd.service" 2>&1
fi
[ "$drills" = yes ] || exit 0
cat >"$tmp/config.toml" <<END
version = 2
root = "$tmp/root"
state = "$tmp/state"
[grpc]
address = "$tmp/socket"
[plugins."io.containerd.internal.v1.opt"]
path = "$tmp/opt"
[plugins."io.containerd.grpc.v1.cri"]
systemd_cgroup = true
END
containerd -c "$tmp/config.toml" >"$tmp/log" 2>&1 </dev/null & process=$!
tries=50
until grep -q 'successfully booted' "$tmp/log" || ! kill -0 "$process" 2>/dev/null; do
  tries=$((tries - 1)); [ "$tries" -gt 0 ] || break; sleep 0.1
done
echo '== option'; grep -E 'load plugin .*grpc.v1.cri|booted' "$tmp/log"
:
"""
"""Nothing of the host's own is touched: the other containerd has folders and a socket of its own, and ends here."""


@dataclass(frozen=True)
class Evidence:
    """One host's answers, by what was asked."""

    host: str
    parts: dict[str, str]

    def part(self, name: str) -> str:
        """What was said; empty where it was not asked, or nothing came."""
        return self.parts.get(name, "").strip()

    def __hash__(self) -> int:
        return hash((self.host, tuple(self.parts.items())))

    def __str__(self) -> str:
        return "one host asked what the article's claims are about"

    __repr__ = __str__


def evidence(fleet: Fleet, *, drills: bool) -> Evidence:
    """Asks the first host; another containerd is started beside its own only where the site allows drills.

    Raises Blocked without a host, and what the host raises.
    """
    if not len(fleet):
        raise Blocked("no host to ask", next='give one the role "service"')
    first, second = named_in("4.1-a", r"modprobe (\w+)"), named_in("4.1-a", r"and (\w+) come")
    args = (first, second, "yes" if drills else "no")
    name = fleet.names[0]
    result = fleet[name].run(Script(ARTICLE, args, sudo=True, limit=LIMIT).command())
    return Evidence(name, sections(result.text))
