"""`python -m bench [NAME ..]`: every measurement, or those named, on the rehearsal's hosts."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench import audit, chapter, command, converge, file, files, fleet, incremental, questions, second_run
from bench.measure import RESULTS, Measure, keep
from runbook.errors import RunbookError
from runbook.site import Host, Site, load_site

REHEARSAL = "sites/testbed.toml"

MEASUREMENTS: Mapping[str, Callable[[Site], list[Measure]]] = {
    "command": lambda site: [command.measure(first(site))],
    "questions-10": lambda site: [questions.measure(first(site))],
    "file-100MB": lambda site: file.measure(first(site)),
    "files-1000": lambda site: files.measure(first(site)),
    "chapter-overhead": lambda site: [chapter.measure()],
    "second-run": lambda site: [second_run.measure(site)],
    "fleet-1": lambda site: fleet.measure(1, rounds=3),
    "fleet-10": lambda site: fleet.measure(10, rounds=3),
    "fleet-20": lambda site: fleet.measure(20, rounds=3),
    "fleet-100": lambda site: fleet.measure(100, rounds=2),
    "job": converge.measure,
    "audit-etcd": audit.measure,
    "incremental": lambda site: [incremental.measure(site)],
}
"""Some measure two things at once: the fleets their memory too, file and files also what is there already, the job its
first run and the next."""
ASK_NO_HOST = frozenset({"audit-etcd", "incremental"})
"""Of this machine alone: no host is brought up for them, and takes its share of the processors."""


def first(site: Site) -> Host:
    return site.hosts[0]


@contextmanager
def sites(names: Sequence[str]) -> Iterator[Site]:
    """The rehearsal's site, with its hosts up where one of these measurements asks them."""
    if ASK_NO_HOST.issuperset(names):
        yield load_site(REHEARSAL)
        return
    from runbook.testbed.bed import borrowed

    with borrowed(REHEARSAL) as bed:
        yield load_site(bed.site_file)


def main() -> int:
    """The exit code; the table goes to standard output, the figures to results.json."""
    parser = ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of a measurement ({', '.join(MEASUREMENTS)}); all without one")
    names = parser.parse_args().name or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        parser.error(f"unknown measurement {unknown[0]}; known are {', '.join(MEASUREMENTS)}")
    try:
        with sites(names) as site:
            for name in names:
                measures = MEASUREMENTS[name](site)
                keep(measures)            # at once: another one's failure loses nothing
                for measure in measures:
                    print(measure, flush=True)
    except RunbookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"written to {RESULTS.relative_to(RESULTS.parent.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
