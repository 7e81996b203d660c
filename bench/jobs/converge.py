"""A job that changes hosts, ours: a file from a template, a unit, a restart on change, a check. Arguments: the site
file, and a new folder for the journal."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from bench.jobs.wanted import CHECK, CONFIG_FILE, SERVICE, UNIT, UNIT_FILE, config_of
from runbook.journal import Journal
from runbook.perform import perform_there
from runbook.plan import Plan, Replace, Restore, Run, Step
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.question import HostAnswers, Question
from runbook.site import load_site

SEEN = Question(Script('sha256sum -- "$1" "$2" 2>/dev/null; systemctl is-active "$3" || :',
                       args=(CONFIG_FILE, UNIT_FILE, SERVICE)),
                lambda text: tuple(line.split()[0] for line in text.splitlines()), "seen")
LIVES = Question(Script(CHECK, args=(SERVICE, CONFIG_FILE)), str.strip, "lives")


def decide(seen: HostAnswers) -> Plan:
    config = config_of(seen.host)
    wanted = tuple(hashlib.sha256(text.encode()).hexdigest() for text in (config, UNIT))
    if seen[SEEN] == (*wanted, "active"):
        return Plan(because="it runs, with what is wanted")
    return Plan(Step("the service is not as wanted",
                     (Replace(CONFIG_FILE, config), Replace(UNIT_FILE, UNIT), Run("systemctl", "daemon-reload"),
                      Run("systemctl", "restart", SERVICE)),
                     (Run("systemctl", "stop", SERVICE), Restore(UNIT_FILE), Restore(CONFIG_FILE),
                      Run("systemctl", "daemon-reload"))))


def main() -> None:
    with Journal(Path(sys.argv[2])) as journal, Fleet.open(load_site(sys.argv[1]), recorder=journal) as fleet:
        plans = {seen.host: decide(seen) for seen in fleet.ask(SEEN)}
        fleet.carry(perform_there, {host: (plan, "bench", False) for host, plan in plans.items()}).values()
        lives = fleet.judge(LIVES, what="service", passes=lambda said: said == "active", because="it runs")
        if not lives.ok:
            raise SystemExit(str(lives))


if __name__ == "__main__":
    main()
