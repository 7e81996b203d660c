"""`runbook testbed up / down / status / fault / heal`: the arguments, and what each prints."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from runbook.site import load_site
from runbook.testbed import bed, harm, light
from runbook.testbed.faults import FAULTS
from runbook.testbed.layout import layout_of
from runbook.testbed.leftovers import leftovers
from runbook.testbed.program import TestbedError

SITE = "sites/testbed.toml"


def add_arguments(parser: ArgumentParser) -> None:
    """The sub-commands of `runbook testbed`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up|down|status|fault|heal")
    for name, help in (("up", "bring the hosts up; says so where they stand already"),
                       ("down", "take the hosts down, whatever state they are in; nothing stays"),
                       ("status", "each host's power, address and sshd"),
                       ("fault", "do a fault to a host, or make it odd, until it is healed"),
                       ("heal", "take every fault of a host back")):
        verb = verbs.add_parser(name, help=help, description=help)
        if name == "fault":
            verb.formatter_class = RawDescriptionHelpFormatter
            verb.epilog = "\n".join(f"{one:<12} {fault.what} {fault.usage()}".rstrip() for one, fault in FAULTS.items())
            verb.add_argument("name", metavar="NAME", help="one of those below")
        if name in ("fault", "heal"):
            verb.add_argument("host", metavar="HOST")
        if name == "fault":
            verb.add_argument("arguments", nargs="*", metavar="ARG", help="of the fault; in brackets its default")
        verb.add_argument("--site", default=SITE, metavar="FILE", help=f"whose hosts (default: {SITE})")
        if name == "up":
            verb.add_argument("--light", type=int, default=0, metavar="N",
                              help="instead, N hosts of a network and an sshd each, for scale; they share this "
                                   "machine's files")
        if name == "down":
            verb.add_argument("--light", action="store_true", help="the light hosts")
        if name == "up":
            verb.add_argument("--target", default="", help="whose programs they run (default: the site's)")


def perform(arguments: Namespace) -> tuple[int, str]:
    """Carry out what was parsed: the exit code and what to print."""
    if arguments.verb == "up" and arguments.light:
        standing = light.up(arguments.light)
        return 0, f"{standing} ({standing.seconds:.1f} s)\ntheir site: {standing.site_file}"
    if arguments.verb == "up":
        standing = bed.up(arguments.site, target=arguments.target)
        return 0, f"{standing} ({standing.seconds:.1f} s)\n{standing.status()}\n{standing.emulation}"
    if arguments.verb == "down":
        layout = light.down() if arguments.light else bed.down(arguments.site)
        if found := leftovers(layout):
            raise TestbedError(f"{layout.name}: still there: {found}", next="`runbook testbed down` again")
        return 0, f"{layout.name}: down, nothing is left but the unreachable route for {layout.prefix}"
    if arguments.verb in ("fault", "heal"):
        return 0, _harmed(arguments)
    seen = bed.status(arguments.site)
    return (0 if seen.ok else 1), str(seen)


def _harmed(arguments: Namespace) -> str:
    bed.require_standing(arguments.site)
    layout = layout_of(load_site(arguments.site))
    if arguments.verb == "fault":
        done = harm.harm(layout, arguments.name, arguments.host, *arguments.arguments)
        return f"{done}; " + (f"`runbook testbed heal {done.host}` takes it back" if done.deed.undo else "done")
    healed = harm.heal(layout, arguments.host)
    return "\n".join(f"{one}: healed" for one in healed) or f"{arguments.host}: has no fault"
