"""The job, ours. Argument: the site file."""

import sys

from bench.command import NoRecord
from bench.jobs import ROUNDS
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import load_site

with Fleet.open(load_site(sys.argv[1]), recorder=NoRecord()) as fleet:
    for _ in range(ROUNDS):
        fleet.run(command("true")).values()
