"""The command line: arguments in, one function called, an exit code out."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.report.examples import epilog

if TYPE_CHECKING:
    from runbook.report.selection import Asked

EXAMPLES = """\
examples:
  runbook new-site sites/ward-7.toml --hosts list.txt
  runbook doctor --site sites/ward-7.toml        what is missing, and what mends it
  runbook rehearse                               everything, on hosts of this machine
  runbook rehearse --keep                        the same, and leave it standing
  runbook run --site sites/ward-7.toml --check   what would change on real servers
  runbook run --site sites/ward-7.toml --confirm ward-7
  runbook run --site sites/ward-7.toml --resume latest --from 03_static_compile
  runbook undo latest                            take back what the last run changed
  runbook verify latest                          is the journal still what was written?
  runbook compare RUN latest --html compared.html
  runbook port-audit services --target T         what of a Go module does not build for an architecture

exit codes: 0 passed · 1 failed · 2 wrong usage, site or parameter · 3 blocked · 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code. Errors go to standard error, each with what to do next."""
    if argv is None:  # as a program: a plain `kill` lets everything be taken back, as Ctrl-C does
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    given = sys.argv[1:] if argv is None else argv
    arguments = parser(given).parse_args(given)
    from runbook.errors import RunbookError
    from runbook.remote.secret import KNOWN

    act: Callable[[argparse.Namespace], int] = arguments.act
    try:
        return act(arguments)
    except RunbookError as error:
        print(KNOWN.mask(f"{type(error).__name__}: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """All commands; what a command needs is imported when it runs, so that `--help` is quick."""
    from runbook.report.commands import add_commands

    whole = argparse.ArgumentParser(
        prog="runbook",
        description="From bare servers to Go microservices beside an etcd cluster, with evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = whole.add_subparsers(metavar="COMMAND", required=True)

    one = _verb(verbs, "rehearse", rehearse, "every chapter on the testbed, then everything taken back")
    one.add_argument("--target", default="", metavar="T", help="architecture to build for (default: the site's)")
    one.add_argument("--keep", action="store_true", help="leave the deployment and the testbed standing")
    _chain(one)

    one = _verb(verbs, "run", run, "the chain on a site's hosts, unattended")
    one.add_argument("--site", required=True, metavar="FILE", help="the site file")
    one.add_argument("--check", action="store_true", help="look and plan, change nothing")
    one.add_argument("--resume", default="", metavar="RUN", help="go on with a run: what passed is left out")
    one.add_argument("--from", dest="from_", default="", metavar="CH", help="this chapter and those after it")
    one.add_argument("--confirm", default="", metavar="SITE", help="allow changes to a protected site by name")
    _chain(one)

    one = _verb(verbs, "undo", undo, "take back what a run changed")
    one.add_argument("run", metavar="RUN", help="its name, its folder, or `latest`")
    one.add_argument("--chapter", default="", metavar="CH", help="only what this chapter changed")
    one.add_argument("--confirm", default="", metavar="SITE", help="allow changes to a protected site by name")

    one = _verb(verbs, "status", status, "the runs there are, or where one stands")
    one.add_argument("run", nargs="?", default="", metavar="RUN", help="its name, its folder, or `latest`")
    one.add_argument("--hosts", action="store_true", help="ask the hosts: locks, leases, and how to break them")
    one.add_argument("--site", default="", metavar="FILE", help="whose hosts (default: those of RUN, else of `latest`)")

    one = _verb(verbs, "verify", verify, "hold a run's journal, logs, artefacts and signatures against what they were")
    one.add_argument("run", metavar="RUN", help="its name, its folder, or `latest`")
    one.add_argument("--trust", default="", metavar="FILE", help="trust.json with the keys that count")

    add_commands(verbs, _verb)

    one = _verb(verbs, "port-audit", port_audit, "which packages of a Go module build for a target, and what helps")
    one.add_argument("folder", metavar="DIR", help="the module: a folder with a go.mod")
    one.add_argument("--target", required=True, metavar="T", help="the architecture, as a file in runbook/targets/")
    one.add_argument("--site", default="", metavar="FILE", help="whose Go compiles (default: the rehearsal's)")
    one.add_argument("--package", dest="packages", action="append", default=[], metavar="P",
                     help="a package or a pattern (default: all of the module, or its tools)")
    one.add_argument("--tags", default="", metavar="TAG,..", help="Go's build tags, as the build has them")
    one.add_argument("--apply", default="", metavar="FOLDER", help="write what helps into this new folder; prove it")
    one.add_argument("--keep", action="store_true", help="let `runbook compatibility` know of it")
    one.add_argument("--on", default="", metavar="HOST", help="run the mended packages' tests on this host of the site")
    one.add_argument("--json", action="store_true", help="print one object for other systems")

    one = _verb(verbs, "testbed", testbed, "the rehearsal's hosts: up, down, status")
    if "testbed" in argv:  # its own arguments cost imports that the other commands do not need
        from runbook.testbed.commands import add_arguments

        add_arguments(one)

    one = _verb(verbs, "completion", completion, "print what completes the command line in a shell")
    one.add_argument("shell", choices=("bash", "zsh"), help="which one reads it")

    one = _verb(verbs, "lab", lab, "JupyterLab on loopback, on a new run's own copies of the notebooks")
    one.add_argument("--site", default="", metavar="FILE", help="the site file (default: the testbed, brought up)")

    _verb(verbs, "outputs", outputs, "run the notebooks on the testbed and store their outputs in notebooks/")
    return whole


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    act: Callable[[argparse.Namespace], int],
    help: str,
) -> argparse.ArgumentParser:
    one = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", epilog=epilog(name),
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    one.set_defaults(act=act)
    return one


def _chain(one: argparse.ArgumentParser) -> None:
    one.add_argument("--only", default="", metavar="CH,..", help="these chapters, with what they build on")
    one.add_argument(
        "-p", dest="values", action="append", default=[], metavar="CH.NAME=VALUE", help="a parameter of a chapter"
    )
    one.add_argument("--afresh", action="store_true", help="take nothing over from an earlier run")
    one.add_argument("--cell-seconds", type=float, metavar="S", help="limit of one cell (default: 6 hours)")
    one.add_argument("--json", action="store_true", help="print JSON lines, one an event; the last is the summary")
    one.add_argument("--junit", default="", metavar="FILE", help="write the verdicts as JUnit XML, for a CI server")


def rehearse(arguments: argparse.Namespace) -> int:
    from runbook.report.closing import tell
    from runbook.report.progress import progress
    from runbook.report.rehearse import rehearse as go

    shown = progress(as_json=arguments.json)
    finished = go(_asked(arguments), shown, target=arguments.target, keep=arguments.keep)
    return tell(finished, as_json=arguments.json, junit=arguments.junit)


def run(arguments: argparse.Namespace) -> int:
    from runbook.report.closing import tell
    from runbook.report.conduct import run_site
    from runbook.report.progress import progress

    shown = progress(as_json=arguments.json)
    finished = run_site(arguments.site, _asked(arguments), shown, resume=arguments.resume)
    return tell(finished, as_json=arguments.json, junit=arguments.junit)


def undo(arguments: argparse.Namespace) -> int:
    from runbook.report.closing import tell
    from runbook.report.conduct import take_back
    from runbook.report.progress import progress

    return tell(take_back(arguments.run, progress(), chapter=arguments.chapter, confirm=arguments.confirm))


def status(arguments: argparse.Namespace) -> int:
    from runbook.report.standing import run_text, runs_text
    from runbook.run import folder_of

    if arguments.run or not arguments.site:
        print(run_text(folder_of(arguments.run)) if arguments.run else runs_text())
    if arguments.hosts:
        from runbook.report.on_hosts import hosts_text
        from runbook.site import load_site

        print(hosts_text(load_site(arguments.site or folder_of(arguments.run or "latest") / "site.toml")))
    return 0


def verify(arguments: argparse.Namespace) -> int:

    from runbook.report.verification import verify as hold
    from runbook.run import folder_of

    found = hold(folder_of(arguments.run), Path(arguments.trust) if arguments.trust else None)
    print(found)
    return 0 if found.ok else 1


def port_audit(arguments: argparse.Namespace) -> int:
    from runbook.chapters.portaudit.door import port_audit as look

    code, text = look(arguments.folder, arguments.target, site=arguments.site, packages=tuple(arguments.packages),
                      tags=arguments.tags, into=arguments.apply, on=arguments.on, keep=arguments.keep,
                      as_json=arguments.json)
    print(text)
    return code


def testbed(arguments: argparse.Namespace) -> int:
    from runbook.testbed.commands import perform

    code, text = perform(arguments)
    print(text)
    return code


def completion(arguments: argparse.Namespace) -> int:
    from runbook.report.completion import script

    print(script(arguments.shell, parser(["testbed"])), end="")
    return 0


def lab(arguments: argparse.Namespace) -> int:
    from runbook.report.lab import open_lab

    return open_lab(arguments.site)


def outputs(arguments: argparse.Namespace) -> int:
    from runbook.report.outputs import store_outputs
    from runbook.report.progress import progress

    return store_outputs(progress())


def _asked(arguments: argparse.Namespace) -> Asked:
    from runbook.report.selection import Asked

    return Asked(
        only=tuple(name.strip() for name in arguments.only.split(",") if name.strip()),
        from_=getattr(arguments, "from_", ""),
        check=getattr(arguments, "check", False),
        confirm=getattr(arguments, "confirm", ""),
        values=tuple(arguments.values),
        afresh=arguments.afresh,
        **({"cell_seconds": arguments.cell_seconds} if arguments.cell_seconds is not None else {}),
    )


if __name__ == "__main__":
    sys.exit(main())
