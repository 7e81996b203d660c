"""The job, by Fabric as it comes. Argument: the site file."""

import sys

from fabric import Connection, ThreadingGroup

from bench.jobs import ROUNDS
from runbook.site import load_site

site = load_site(sys.argv[1])
how = {"key_filename": str(site.ssh.key).removeprefix("file:"), "look_for_keys": False, "allow_agent": False}
group = ThreadingGroup.from_connections([Connection(host.address, user=host.ssh.user, port=host.ssh.port,
                                                    connect_kwargs=how) for host in site.hosts])
for _ in range(ROUNDS):
    group.run("true", hide=True, in_stream=False)
group.close()
