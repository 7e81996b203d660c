"""The job, ours. Argument: the site file."""

import sys

from bench.jobs import ROUNDS
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.unrecorded import Unrecorded
from runbook.site import load_site

with Fleet.open(load_site(sys.argv[1]), recorder=Unrecorded()) as fleet:
    for _ in range(ROUNDS):
        fleet.run(command("true")).values()
