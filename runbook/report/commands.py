"""The commands about runs and sites that run no chapter: their arguments, and what each calls."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

Act = Callable[[argparse.Namespace], int]
Verb = Callable[[Any, str, Act, str], argparse.ArgumentParser]


def add_commands(verbs: Any, verb: Verb) -> None:
    """Adds them to the command line; `verb(verbs, name, act, help)` makes one. Imports nothing that costs time."""
    one = verb(verbs, "compare", compare, "two runs side by side; exit code 1 where the second is worse")
    one.add_argument("first", metavar="A", help="the run to hold against: its name, its folder, or `latest`")
    one.add_argument("second", metavar="B", help="the run that is judged")
    one.add_argument("--noise", type=float, default=25.0, metavar="PERCENT",
                     help="what a time or a rate may differ by (default: 25); wider where earlier runs varied more")
    one.add_argument("--html", default="", metavar="FILE", help="write a page of all differences")
    one.add_argument("--json", action="store_true", help="print one object for other systems")

    one = verb(verbs, "prune", prune, "remove old runs, never what is still needed")
    one.add_argument("--keep", type=int, required=True, metavar="N", help="how many of each site's newest runs stay")

    one = verb(verbs, "compatibility", compatibility, "which module builds for which target by which Go, over all runs")
    one.add_argument("--json", action="store_true", help="print one object for other systems")

    one = verb(verbs, "doctor", doctor, "what a site still lacks before a run, each with what mends it")
    one.add_argument("--site", required=True, metavar="FILE", help="the site file")

    one = verb(verbs, "new-site", new_site, "write a commented site file, ready to be filled in")
    one.add_argument("file", metavar="FILE", help="where it goes; the site is called as the file is")
    one.add_argument("--target", default="", metavar="T", help="the servers' architecture (default: the example's)")
    one.add_argument("--hosts", default="", metavar="LIST", help="a file with `NAME ADDRESS [ROLE,ROLE..]` a line")


def compare(arguments: argparse.Namespace) -> int:
    from runbook.report.comparing import compare_runs

    found, text = compare_runs(arguments.first, arguments.second, percent=arguments.noise, page=arguments.html)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if arguments.json else text)
    return int(found.regressed)


def prune(arguments: argparse.Namespace) -> int:
    from runbook.report.pruning import prune as remove

    print(remove(arguments.keep))
    return 0


def compatibility(arguments: argparse.Namespace) -> int:
    from runbook.report.compatibility import matrix

    found = matrix()
    print(found.to_json() if arguments.json else found)
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    from runbook.report.doctor import diagnose

    found = diagnose(arguments.site)
    print(found)
    return found.exit_code


def new_site(arguments: argparse.Namespace) -> int:
    from runbook.report.new_site import write_site

    print(write_site(arguments.file, target=arguments.target, hosts=arguments.hosts))
    return 0
