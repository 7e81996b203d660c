"""What git calls the sources: the stamp in a binary, the same wherever the same commit is built."""

from __future__ import annotations

import re
from dataclasses import replace

from runbook.chapters.compile.sources import Sources
from runbook.remote.command import Script
from runbook.remote.shell import Shell

ASK = Script(r"""
exec 2>/dev/null
if cd "$1" && test "$(git rev-parse --is-shallow-repository)" = false; then
    TZ=UTC0 git log -1 --no-show-signature --date=format-local:%Y%m%d '--format=revision %cd-%H' -- .
    git status --porcelain --untracked-files=all -- . ':(exclude)*_test.go'
fi
:
""")
"""The last commit that changed the folder, and what was changed since. A shallow clone cannot tell the first."""


def stamped(sources: Sources, shell: Shell) -> Sources:
    """The sources with git's name for them; as they are where there is no git, or no repository around them.

    No time of a build, no name of a branch, no count of commits: those differ between two clones of one commit.
    """
    told = shell.run(ASK.command(str(sources.folder))).text
    return replace(sources, revision=parse_revision(told, sources.sha256))


def parse_revision(text: str, sha256: str) -> str:
    """`20261126-7ea9a54d3f21`, and behind a `+` the sources' own hash where they differ from that commit."""
    found = re.match(r"revision (\d{8}-[0-9a-f]{12})[0-9a-f]*\n", text)
    if found is None:
        return ""
    return found[1] + (f"+{sha256[:12]}" if text[found.end():].strip() else "")
