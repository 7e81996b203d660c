"""What of a container's deployment is on a host: images, the slice, the tasks that run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.containers.container import Container
from runbook.chapters.containers.runtime import WORDS
from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question


@dataclass(frozen=True)
class Held:
    """What containerd holds of one service."""

    images: Mapping[str, str] = field(hash=False)  # digest of each by name
    complete: frozenset[str]  # those with all their content, laid out for a container
    task: int  # the process of the service's container; 0 where none runs
    slice: str | None

    def __str__(self) -> str:
        return f"{len(self.images)} images, {'runs' if self.task else 'does not run'}"


def parse_held(text: str) -> Held:
    parts = sections(text)
    # REF TYPE DIGEST STATUS (n/n) SIZE UNPACKED
    rows = [line.split() for line in parts.get("images", "").splitlines()[1:]]
    encoded = parts.get("slice", "").split()
    return Held(
        {row[0]: row[2] for row in rows if len(row) > 3},
        frozenset(row[0] for row in rows if len(row) > 3 and row[3] == "complete" and row[-1] == "true"),
        whole_number(parts.get("task", "")) or 0,
        base64.b64decode("".join(encoded)).decode("utf-8", "surrogateescape") if encoded else None,
    )


TASK = WORDS + r"""
task() {  # the process of container $3 in namespace $2 of the containerd at $1
  ctr -a "$1" -n "$2" tasks ls 2>/dev/null </dev/null | while read -r id pid status; do
    [ "$id" = "$3" ] && [ "$status" = RUNNING ] && echo "$pid"
  done
}
"""

HELD_SCRIPT = TASK + r"""
namespace=$1 service=$2 slice=$3
echo '== slice'; [ -f "$slice" ] && { base64 <"$slice"; echo; }
command -v ctr >/dev/null 2>&1 && systemctl is-active --quiet containerd.service || exit 0
socket=$(socket "$(configuration)")
echo '== images'
for one in overlayfs native; do  # by one of them an image is laid out
  seen=$(ctr -a "$socket" -n "$namespace" images check --snapshotter "$one" 2>/dev/null </dev/null)
  case $seen in *' true'*) break;; esac
done
printf '%s\n' "$seen"
echo '== task'; task "$socket" "$namespace" "$service"
:
"""


def held(wanted: Container) -> Question[Held]:
    """Nothing is held where containerd does not run: then it cannot be asked."""
    args = (wanted.namespace, wanted.service, wanted.slice_path)
    return Question(Script(HELD_SCRIPT, args, sudo=True), parse_held)
