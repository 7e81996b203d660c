"""A run of the bed's site in which the chapter is carried out, and what may be left of it: nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook.chapter import Chapter
from runbook.chapters.compile.artefacts import Artefacts
from runbook.chapters.compile.passport import Passports, passport
from runbook.chapters.compile.sealing import sealed
from runbook.chapters.etcd import door
from runbook.chapters.etcd.programs import build_programs
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.hosts.system import UNAME
from runbook.contents import Title
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.undo import undo
from runbook.views import Acted, Observed

TITLE = Title("05_etcd_mtls", "etcd", "Do the members make one cluster?")
LEFT = Script(
    "ls -d /etc/etcd /var/lib/etcd /usr/local/bin/etcd* /etc/systemd/system/etcd* /etc/systemd/system/*/etcd* "
    "/usr/local/lib/runbook-etcd* /etc/users/etcd /var/lib/runbook/* 2>/dev/null | grep -v '^/var/lib/runbook/lock'\n"
    "getent passwd etcd; ls -l /proc/[0-9]*/exe 2>/dev/null | grep '/usr/local/bin/etcd'; :",
    sudo=True,
)


@dataclass
class Room:
    """A run of the bed's site; each chapter of it is a new one, as a person would run the notebook again."""

    run: Run
    signed: bool = field(default=False, init=False)

    def chapter(self, *hosts: str, **options: object) -> Chapter:
        fleet = Fleet.open(self.run.site, hosts=hosts, recorder=self.run.journal)
        return Chapter(TITLE, self.run, fleet, check=False, confirm="", options=options)

    def want(self, chapter: Chapter, seen: Observed) -> Wanted:
        """With the programs signed in this run, as 03_static_compile has it."""
        if not self.signed:
            machines = [uname.machine for uname in seen.of(UNAME).values()]
            etcd, *others = build_programs(chapter.site, chapter.target, machines, chapter.local).built()
            made = Artefacts(etcd, tuple(others))
            sealed(chapter, made, Passports(tuple(map(passport, made))))
            self.signed = True
        return door.want(chapter, seen)

    def form(self, chapter: Chapter) -> tuple[Wanted, Acted, Acted]:
        seen = door.look(chapter)
        wanted = self.want(chapter, seen)
        first = chapter.act(chapter.decide(door.prepare, seen, wanted))
        signed = door.signed(chapter, wanted)
        second = chapter.act(chapter.decide(door.member, door.look(chapter), wanted, signed))
        chapter.record()
        return wanted, first, second

    def take_back(self) -> list[str]:
        with Fleet.open(self.run.site, recorder=self.run.journal) as fleet:
            return [str(one) for one in undo(self.run.entries(), fleet, self.run.journal) if not one.ok]

    def left(self) -> dict[str, str]:
        """What is on each host that the chapter puts there."""
        with Fleet.open(self.run.site, recorder=self.run.journal) as fleet:
            found = fleet.run(LEFT.command())
            return {host: found[host].text for host in fleet.names if found[host].text}
