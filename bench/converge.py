"""The same job that changes hosts, by ours, Ansible and pyinfra: on hosts that have nothing of it, and once more."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from bench.fleet import ansible_settings, ended, pyinfra_inventory, started
from bench.jobs.wanted import CHECK, CONFIG_FILE, LINES, SERVICE, UNIT, UNIT_FILE
from bench.measure import Measure, Spread
from bench.peers import program
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.unrecorded import Unrecorded
from runbook.site import Site

ROUNDS = 5
CLEAR = 'systemctl stop "$1"; rm -f -- "$2" "$3"; systemctl daemon-reload; systemctl reset-failed "$1"; :'

Starts = Callable[[], subprocess.Popen[bytes]]


def measure(site: Site, rounds: int = ROUNDS) -> list[Measure]:
    """Seconds of each program, from its start to its end. What it made is taken away between two first runs."""
    with tempfile.TemporaryDirectory() as folder, Fleet.open(site, recorder=Unrecorded()) as fleet:
        contenders = {"ours": ours(site, Path(folder)), "Ansible": ansible(site, Path(folder)),
                      "pyinfra": pyinfra(site, Path(folder))}
        first: dict[str, list[float]] = {name: [] for name in contenders}
        again: dict[str, list[float]] = {name: [] for name in contenders}
        names = list(contenders)
        try:
            for number in range(-1, rounds):   # the first round warms everybody's caches
                turn = number % len(names)
                for name in names[turn:] + names[:turn]:
                    clear(fleet)
                    for samples in (first, again):
                        took = _timed(contenders[name])
                        if number >= 0:
                            samples[name].append(took)
                    lives = fleet.run(command("sh", "-c", CHECK, "sh", SERVICE, CONFIG_FILE))
                    if not lives.ok:
                        raise RuntimeError(f"{name} did not do it: {lives}")
        finally:
            clear(fleet)
    return [_measure("job-first", first, rounds), _measure("job-again", again, rounds)]


def _measure(name: str, samples: dict[str, list[float]], rounds: int) -> Measure:
    spreads = {contender: Spread.of(seconds) for contender, seconds in samples.items()}
    return Measure(name, "s", "less", rounds, spreads.pop("ours"), spreads)


def _timed(start: Starts) -> float:
    before = time.monotonic()
    ended(start())
    return time.monotonic() - before


def clear(fleet: Fleet) -> None:
    fleet.run(command("sh", "-c", CLEAR, "sh", SERVICE, CONFIG_FILE, UNIT_FILE, sudo=True)).values()


def ours(site: Site, folder: Path) -> Starts:
    numbers = count()
    words = [sys.executable, "-m", "bench.jobs.converge", str(site.file)]
    return lambda: started([*words, str(folder / f"journal{next(numbers)}")], {})


def ansible(site: Site, folder: Path) -> Starts:
    """Handlers restart on a change; `free` lets no host wait for another, and facts are not gathered."""
    playbook = program("ansible-core", "ansible-playbook")
    settings = ansible_settings(site, folder)
    (folder / "bench.conf.j2").write_text(
        "\n".join(line.replace("{name}", "{{ inventory_hostname }}") for line in LINES) + "\n")
    (folder / "unit").write_text(UNIT)
    (folder / "converge.yml").write_text(f"""\
- hosts: all
  gather_facts: false
  strategy: free
  become: true
  tasks:
    - template: {{src: {folder}/bench.conf.j2, dest: {CONFIG_FILE}, mode: '0644'}}
      notify: restart
    - copy: {{src: {folder}/unit, dest: {UNIT_FILE}, mode: '0644'}}
      notify: restart
    - systemd_service: {{name: {SERVICE}, state: started, daemon_reload: true}}
    - meta: flush_handlers
    - command: systemctl is-active {SERVICE}
      changed_when: false
  handlers:
    - name: restart
      systemd_service: {{name: {SERVICE}, state: restarted, daemon_reload: true}}
""")
    return lambda: started([str(playbook), "-i", str(folder / "hosts"), str(folder / "converge.yml")], settings())


def pyinfra(site: Site, folder: Path) -> Starts:
    words = program("pyinfra", "pyinfra")
    inventory = pyinfra_inventory(site, folder)
    (folder / "pyinfra.conf.j2").write_text(
        "\n".join(line.replace("{name}", "{{ host.name }}") for line in LINES) + "\n")
    (folder / "unit").write_text(UNIT)
    (folder / "converge.py").write_text(f"""\
from pyinfra.operations import files, server, systemd

config = files.template(src={str(folder / "pyinfra.conf.j2")!r}, dest={CONFIG_FILE!r}, mode="644", _sudo=True)
unit = files.put(src={str(folder / "unit")!r}, dest={UNIT_FILE!r}, mode="644", _sudo=True)
systemd.service(service={SERVICE!r}, running=True, daemon_reload=True, _sudo=True, _if=[unit.did_change])
systemd.service(service={SERVICE!r}, running=True, restarted=True, _sudo=True, _if=[config.did_change])
server.shell(commands=["systemctl is-active {SERVICE}"])
""")
    return lambda: started([str(words), "-y", "--parallel", str(len(site.hosts)), str(inventory),
                            str(folder / "converge.py")], {})
