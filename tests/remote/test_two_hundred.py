"""Two hundred hosts of which seven fail, each in its own way: those are named, and hide no other."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.entries import entries, spans
from runbook.errors import (
    CommandTimedOut,
    Flooded,
    HostKeyRefused,
    RunbookError,
    SudoRefused,
    TransferFailed,
    Unreachable,
)
from runbook.journal import Journal
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.strict import StrictShell
from runbook.site import Host, load_site
from runbook.testbed import light
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harm
from runbook.testbed.leftovers import leftovers
from tests.remote import seven

COUNT = 200
PAYLOAD = os.urandom(256 * 1024)
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()

DOWN, KEY, SUDO, DISK, SLOW, FLOOD, SILENT = FAILING = (
    "light17", "light31", "light58", "light77", "light104", "light142", "light200")

WORK = 'cat "$1/wanted" && sha256sum <"$1/work/file" && set -- $SSH_CONNECTION && echo "$3"'


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    bed = light.up(COUNT)
    try:
        layout, place = bed.layout, bed.layout.place
        for one in layout.places:
            (one.state / "wanted").touch()
            (one.state / "work").mkdir(exist_ok=one.name != DISK)
        (place(DISK).state / "work").rmdir()
        harm(layout, "partition", DOWN, "all")
        seven.again(layout, place(KEY), key=seven.other_key(tmp_path_factory.mktemp("key")))
        seven.again(layout, place(SUDO), within=seven.NO_SUDO, user=seven.USER)
        seven.again(layout, place(DISK), within=seven.SMALL)
        for host, instead in ((SLOW, os.mkfifo), (FLOOD, lambda file: file.symlink_to("/dev/zero"))):
            (place(host).state / "wanted").unlink()
            instead(place(host).state / "wanted")
        os.kill(seven.listener(place(SILENT)), signal.SIGSTOP)
        yield bed
        os.kill(seven.listener(place(SILENT)), signal.SIGCONT)
    finally:
        light.down()
    assert str(leftovers(bed.layout)) == "nothing is left"


def as_they_are_reached(host: Host) -> Host:
    if host.name in (DOWN, SILENT):
        return replace(host, ssh=replace(host.ssh, connect_seconds=3))
    if host.name == SUDO:
        return replace(host, ssh=replace(host.ssh, user=seven.USER, sudo=True))
    return replace(host, ssh=replace(host.ssh, connect_seconds=60))


def test_exactly_the_seven_are_named_each_with_its_reason_and_the_others_are_right(many: Bed, tmp_path: Path) -> None:
    site = load_site(many.site_file)
    folder = {place.name: place.state for place in many.layout.places}
    before = children(many)
    journal = Journal(tmp_path)

    def work(shell: StrictShell) -> str:
        here = str(folder[shell.name])
        shell.run(command("true", sudo=True))
        shell.put(PAYLOAD, f"{here}/work/file")
        return shell.run(command("sh", "-c", WORK, "sh", here, limit=20)).text

    with Fleet.open(replace(site, hosts=tuple(map(as_they_are_reached, site.hosts))), recorder=journal) as fleet:
        outcomes = fleet.each(work)

    assert list(outcomes) == [f"light{number + 1}" for number in range(COUNT)], "in the hosts' order"
    assert {host: f"{SHA256}  -\n{many.layout.place(host).address}\n" for host in outcomes if host not in FAILING} \
        == outcomes.good, "the 193 are right"
    said = {host: (type(error), error.what, error.next) for host, error in outcomes.errors.items()}
    assert list(said) == list(FAILING)
    for host, kind, why, what_next in EXPECTED:
        found, what, next = said[host]
        assert found is kind and what.startswith(f"{host}: ") and re.search(why, what), what
        assert re.search(what_next, next), next
    assert [row.hosts for row in outcomes.rows()][:7] == [(host,) for host in FAILING], "the table begins with them"

    until = time.monotonic() + 10
    while (left := children(many)) != before and time.monotonic() < until:
        time.sleep(0.1)
    assert left == before, "nothing of it runs on any host"
    begun = spans(entries(tmp_path / "journal.jsonl"), "command", "transfer")
    assert all(span.end is not None for span in begun) and {span.begin.host for span in begun} == set(outcomes)


EXPECTED: tuple[tuple[str, type[RunbookError], str, str], ...] = (
    (DOWN, Unreachable, r"port 22 does not answer within 3 s", "is the host up"),
    (KEY, HostKeyRefused, r"its host key is another one: seen .* expected", "reinstalled|known_hosts"),
    (SUDO, SudoRefused, r"guest may not `sudo -n` there: sudo true", "guest ALL=.ALL. NOPASSWD: ALL"),
    (DISK, TransferFailed, r"work/file: .*(no room|No space left)", f"its space .* on {DISK}|free"),
    (SLOW, CommandTimedOut, r"no end within 20 s; it was stopped", f"see what it waits for on {SLOW}"),
    (FLOOD, Flooded, r"said more than 32 MiB, and was stopped", f"a file on {FLOOD}"),
    (SILENT, Unreachable, r"speaks no SSH or does not finish the login within 3 s", "is the host up"),
)


def children(bed: Bed) -> dict[str, list[str]]:
    """The processes in each host's network, by their names; its own sshd among them."""
    hosts = {os.stat(place.namespace).st_ino: place.name for place in bed.layout.places}
    found: dict[str, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            host = hosts.get(os.stat(path / "ns/net").st_ino)
            if host is not None:
                found.setdefault(host, []).append((path / "comm").read_text().strip())
        except OSError:
            continue
    return {host: sorted(names) for host, names in found.items()}
