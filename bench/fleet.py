"""Ten commands on many light hosts, each contender as a program from its start to its end, and its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.jobs import ROUNDS
from bench.measure import Measure, Spread, in_turn
from bench.peers import program
from runbook.site import ROOT, Site, load_site
from runbook.testbed import light

LIMIT = 300.0
EVERY = 0.2
"""Seconds between two looks at the memory of a contender's processes."""

SLOW = 60.0
"""Seconds for one run, above which a contender runs once only: its spread has no width then."""

Contenders = Mapping[str, Callable[[], subprocess.Popen[bytes]]]


def measure(count: int, rounds: int) -> list[Measure]:
    """Seconds for ten times `true` on so many hosts, and bytes at the peak, of all processes of a contender."""
    light.up(count)
    try:
        site = load_site(light.SITE_FILE)
        with tempfile.TemporaryDirectory() as folder, contenders_on(site, Path(folder)) as contenders:
            first = {name: watched(start()) for name, start in contenders.items()}  # and all are warm then
            quick = {name: lambda start=start: ended(start()) for name, start in contenders.items()
                     if first[name][0] < SLOW}
            samples = in_turn(quick, rounds=rounds, warm=0)
    finally:
        light.down()
    seconds = {name: Spread.of(samples[name]) if name in samples else Spread(once, once, once)
               for name, (once, _) in first.items()}
    memory = {name: Spread(peak, peak, peak) for name, (_, peak) in first.items()}
    return [Measure(f"fleet-{count}", "s", "less", rounds, seconds.pop("ours"), seconds),
            Measure(f"fleet-{count}-memory", "bytes", "less", 1, memory.pop("ours"), memory)]


@contextmanager
def contenders_on(site: Site, folder: Path) -> Iterator[Contenders]:
    def job(name: str) -> Callable[[], subprocess.Popen[bytes]]:
        return lambda: started([sys.executable, "-m", f"bench.jobs.{name}", str(site.file)], {})

    yield {
        "ours": job("ours"), "asyncssh": job("by_asyncssh"), "Fabric": job("by_fabric"),
        "OpenSSH ControlMaster": job("by_openssh"), "Ansible": ansible(site, folder), "pyinfra": pyinfra(site, folder),
    }


def started(words: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = tempfile.TemporaryFile()  # closed with the process object
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               env={**os.environ, **environment})
    process.log = log  # type: ignore[attr-defined]
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    """Waits for it. Raises RuntimeError with its last words where it failed."""
    try:
        code = process.wait(LIMIT)
    finally:
        process.kill()
    if code:
        process.log.seek(0)  # type: ignore[attr-defined]
        raise RuntimeError(f"{process.args}: exit {code}: " + process.log.read()[-2000:].decode(errors="replace"))


def ansible_settings(site: Site, folder: Path) -> Callable[[], dict[str, str]]:
    """What makes it fast: pipelining, persistent connections, all hosts at once. Writes `hosts`, its inventory; each
    call is for a run of its own, with no connection of the one before."""
    (folder / "hosts").write_text("".join(
        f"{host.name} ansible_host={host.address} ansible_user={host.ssh.user}\n" for host in site.hosts))
    (folder / "ansible.cfg").touch()  # not the machine's own
    settings = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(len(site.hosts)),
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_PRIVATE_KEY_FILE": str(site.ssh.key).removeprefix("file:"),
        "ANSIBLE_SSH_ARGS": f"-F none -o ControlMaster=auto -o ControlPersist=5s -o UserKnownHostsFile="
                            f"{site.ssh.known_hosts}"}
    numbers = iter(range(1000))
    return lambda: {**settings, "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / f"cp{next(numbers)}")}


def ansible(site: Site, folder: Path) -> Callable[[], subprocess.Popen[bytes]]:
    """No host waits for another."""
    playbook = program("ansible-core", "ansible-playbook")
    settings = ansible_settings(site, folder)
    tasks = "".join("    - command: 'true'\n" for _ in range(ROUNDS))
    (folder / "play.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n{tasks}")
    return lambda: started([str(playbook), "-i", str(folder / "hosts"), str(folder / "play.yml")], settings())


def pyinfra_inventory(site: Site, folder: Path) -> Path:
    key = str(site.ssh.key).removeprefix("file:")
    data = {"ssh_user": site.ssh.user, "ssh_key": key, "ssh_known_hosts_file": str(site.ssh.known_hosts)}
    (folder / "inventory.py").write_text(f"hosts = {[(host.address, data) for host in site.hosts]!r}\n")
    return folder / "inventory.py"


def pyinfra(site: Site, folder: Path) -> Callable[[], subprocess.Popen[bytes]]:
    words = program("pyinfra", "pyinfra")
    inventory = pyinfra_inventory(site, folder)
    (folder / "deploy.py").write_text("from pyinfra.operations import server\n" + "".join(
        f"server.shell(name='{number}', commands=['true'])\n" for number in range(ROUNDS)))
    return lambda: started([str(words), "-y", "--parallel", str(len(site.hosts)), str(inventory),
                            str(folder / "deploy.py")], {})


def watched(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Its seconds, and the most memory (PSS) in bytes that it and its descendants had together, now and then."""
    peak, start = 0, time.monotonic()
    until = start + LIMIT
    while process.poll() is None and time.monotonic() < until:
        peak = max(peak, sum(_pss(pid) for pid in _family(process.pid)))
        time.sleep(EVERY)
    ended(process)
    return time.monotonic() - start, peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:
        return


def _pss(pid: int) -> int:
    """`man 5 proc`, smaps_rollup: shared pages count to each process in proportion."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
