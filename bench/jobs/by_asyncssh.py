"""The job, by asyncssh. Argument: the site file."""

import asyncio
import sys

import asyncssh

from bench.jobs import ROUNDS
from runbook.site import load_site


async def work() -> None:
    site = load_site(sys.argv[1])
    key = asyncssh.read_private_key(str(site.ssh.key).removeprefix("file:"))
    known = asyncssh.read_known_hosts(str(site.ssh.known_hosts))
    open_ones = await asyncio.gather(*(
        asyncssh.connect(host.address, host.ssh.port, username=host.ssh.user, client_keys=[key], config=None,
                         known_hosts=known) for host in site.hosts))
    for _ in range(ROUNDS):
        await asyncio.gather(*(connection.run("true", check=True) for connection in open_ones))
    for connection in open_ones:
        connection.close()


asyncio.run(work())
