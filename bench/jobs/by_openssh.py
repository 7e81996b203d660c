"""The job, by OpenSSH with one master connection a host. Argument: the site file."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from bench.jobs import ROUNDS
from runbook.site import Host, load_site

site = load_site(sys.argv[1])


def ssh(folder: str, host: Host, *words: str) -> None:
    subprocess.run(
        ["ssh", "-F", "none", "-S", f"{folder}/{host.name}", "-i", str(site.ssh.key).removeprefix("file:"), "-o",
         f"UserKnownHostsFile={site.ssh.known_hosts}", "-o", "BatchMode=yes", *words, f"{host.ssh.user}@{host.address}",
         *(["true"] if not words else [])], check=True, timeout=60, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(site.hosts)) as pool:
    list(pool.map(lambda host: ssh(folder, host, "-M", "-f", "-N"), site.hosts))
    for _ in range(ROUNDS):
        list(pool.map(lambda host: ssh(folder, host), site.hosts))
    list(pool.map(lambda host: ssh(folder, host, "-O", "exit"), site.hosts))
