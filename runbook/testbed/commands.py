"""`runbook testbed up / down / status`: the arguments, and what each prints."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from runbook.testbed import bed
from runbook.testbed.leftovers import leftovers
from runbook.testbed.program import TestbedError

SITE = "sites/testbed.toml"


def add_arguments(parser: ArgumentParser) -> None:
    """The sub-commands of `runbook testbed`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up|down|status")
    for name, help in (("up", "bring the hosts up; says so where they stand already"),
                       ("down", "take the hosts down, whatever state they are in; nothing stays"),
                       ("status", "each host's power, address and sshd")):
        verb = verbs.add_parser(name, help=help, description=help)
        verb.add_argument("--site", default=SITE, metavar="FILE", help=f"whose hosts (default: {SITE})")
        if name == "up":
            verb.add_argument("--target", default="", help="whose programs they run (default: the site's)")


def perform(arguments: Namespace) -> tuple[int, str]:
    """Carry out what was parsed: the exit code and what to print."""
    if arguments.verb == "up":
        standing = bed.up(arguments.site, target=arguments.target)
        return 0, f"{standing} ({standing.seconds:.1f} s)\n{standing.status()}\n{standing.emulation}"
    if arguments.verb == "down":
        layout = bed.down(arguments.site)
        if found := leftovers(layout):
            raise TestbedError(f"{layout.name}: still there: {found}", next="`runbook testbed down` again")
        return 0, f"{layout.name}: down, nothing is left but the unreachable route for {layout.prefix}"
    seen = bed.status(arguments.site)
    return (0 if seen.ok else 1), str(seen)
