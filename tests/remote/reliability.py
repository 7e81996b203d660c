"""Faults met by a command, a lease and a transfer; each trial says what it saw, as a row of docs/reliability.md."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.errors import RunbookError
from runbook.remote.attach import attach, carry
from runbook.remote.command import command
from runbook.remote.lease import Lease, begin, forget, leases, look, stop
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.site import Host, Site, load_site
from runbook.testbed import host
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harm, heal
from tests.remote.conftest import Notes, running

NODE = "node3"
FOLDER = "/srv/reliability"
RUN = "reliability"
SIZE = 100_000_000
"""Bytes of the file, and of the folder, that is on its way when a fault comes: it takes a second or two."""

FILES = 100


@dataclass(frozen=True)
class Row:
    """What a trial saw."""

    met: str
    fault: str
    message: str
    lost: str
    left: str

    def __str__(self) -> str:
        return "| " + " | ".join((self.met, self.fault, self.message, self.lost, self.left)) + " |"


class Scene:
    """One host of the bed, shells to it, a large file and a folder of as many bytes."""

    def __init__(self, bed: Bed, folder: Path, marks: Iterator[str]) -> None:
        self.bed, self.layout = bed, bed.layout
        self.site: Site = load_site(bed.site_file)
        self.large = folder / "large"
        noise = os.urandom(SIZE // FILES)
        self.large.write_bytes(noise * FILES)
        self.folder = folder / "many"
        self.folder.mkdir()
        for number in range(FILES):
            (self.folder / f"{number}").write_bytes(noise + bytes([number]))
        self.mark = lambda: next(marks)

    def host(self, **ssh: object) -> Host:
        found = self.site.host(NODE)
        return replace(found, ssh=replace(found.ssh, connect_seconds=1.5, **ssh))

    @contextmanager
    def shell(self) -> Iterator[SshShell]:
        """A new connection; at the end the host is healed, is up, and has no file of these trials."""
        shell = SshShell(self.host(), Notes())
        try:
            yield shell
        finally:
            heal(self.layout, NODE)
            shell.close()
            host.await_boot(self.layout.place(NODE), time.monotonic() + 30)
            tidy = SshShell(self.site.host(NODE), Notes())
            for lease in leases(tidy):
                if lease.run == RUN:
                    stop(tidy, lease)
                    forget(tidy, lease)
            tidy.run(command("rm", "-rf", FOLDER, sudo=True))
            tidy.close()

    def await_half(self) -> None:
        """Until a good part of a file has come to the host's disk, beside the place that it will have; or a good part
        of a folder."""
        folder = self.layout.place(NODE).disk / "upper" / FOLDER.lstrip("/")
        until = time.monotonic() + 20
        while (sum(file.stat().st_size for file in folder.glob(".runbook.*") if file.is_file()) < SIZE // 10
               and len(list(folder.glob("many/*"))) < FILES // 10):
            assert time.monotonic() < until

    @contextmanager
    def soon(self, name: str, *arguments: str, after: float = 0, heal_after: float | None = None) -> Iterator[None]:
        """The fault comes while the body runs: after so many seconds, or in the middle of a transfer."""
        def strike() -> None:
            if after:
                time.sleep(after)
            else:
                self.await_half()
            harm(self.layout, name, NODE, *arguments)
            if heal_after is not None:
                time.sleep(heal_after)
                heal(self.layout, NODE)

        thread = threading.Thread(target=strike)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def message_of(act: Callable[[], object]) -> str:
    """What an act said: the error without what differs from run to run, or `none`."""
    try:
        act()
    except RunbookError as error:
        what = error.what.partition(": ")[2]
        what = re.sub(r"\d+\.\d s", "N s", what)
        what = re.sub(r"(sleep|[0-9.]+) (\d{8})\b", r"\1 N", what)
        what = re.sub(r"\d+ are free", "N are free", what)
        what = re.sub(r"\.runbook\.(?:[0-9a-f.]+\.)?X+", ".runbook.…", what)
        what = re.sub(r"SHA256:\S+", "SHA256:…", what)
        what = re.sub(r"lease [0-9a-f]{12}", "lease …", what)
        what = re.sub(r"\b\d+\.\d+\.\d+\.\d+\b", "ADDRESS", what)
        return f"`{type(error).__name__}`: {what.splitlines()[0]}"
    return "none"


def ends(mark: str, within: float) -> str:
    """When what has the mark has gone: at once, in time, or not."""
    there = bool([line for line in running(mark) if line.startswith("sleep")])
    until = time.monotonic() + within
    while [line for line in running(mark) if line.startswith("sleep")]:
        if time.monotonic() > until:
            return "the command, for good"
        time.sleep(0.05)
    return "the command, until its limit" if there else "nothing"


def before_a_command(scene: Scene, name: str, *arguments: str) -> Row:
    with scene.shell() as shell:
        if name in ("loss", "delay", "jitter"):
            shell.host = scene.site.host(NODE)   # a login may take a while
        harm(scene.layout, name, NODE, *arguments)
        said = message_of(lambda: shell.run(command("true", sudo=True)))
    return Row("a command, before", " ".join((name, *arguments)), said, "nothing", "nothing")


def during_a_command(scene: Scene, name: str, *arguments: str) -> Row:
    mark = scene.mark()
    with scene.shell() as shell:
        shell.run(command("true"))
        with scene.soon(name, *arguments, after=0.5):
            said = message_of(lambda: shell.run(command("sleep", mark, limit=2 if name == "freeze-host" else 7)))
        heal(scene.layout, NODE)
        left = ends(mark, 15)
    return Row("a command, during", " ".join((name, *arguments)), said, "its outcome", left)


def after_a_command(scene: Scene, name: str, *arguments: str) -> Row:
    """The fault comes over a connection that stands, after a command has ended: what the next one meets. That one has
    not begun when it is told that the connection is lost."""
    with scene.shell() as shell:
        assert shell.run(command("echo", "done")).text == "done\n"
        harm(scene.layout, name, NODE, *arguments)
        if name == "reboot":
            host.await_boot(scene.layout.place(NODE), time.monotonic() + 30)
        said = message_of(lambda: shell.run(command("sleep", "0.01", limit=2)))
        heal(scene.layout, NODE)
        again = message_of(lambda: shell.run(command("true")))
    assert again == "none", f"the one after that: {again}"
    said = re.sub(r"(?<=lost: )(EOFError|Timeout opening channel\.)", "…", said)  # whichever notices first
    return Row("a command, after another", " ".join((name, *arguments)), said,
               "nothing", "nothing")


OF_ITSELF = {
    "says without end": ('trap "" PIPE; sleep "$1" & cat /dev/zero', 30),
    "ignores SIGTERM": ('trap "" TERM; sleep "$1" & while :; do sleep "$1"; done', 1),
    "leaves a child behind": ('sleep "$1" >/dev/null 2>&1 & exec sleep "$1"', 1),
    "is killed": ('kill -KILL "$$"', 5),
    "is not allowed": ("exec /etc/hostname", 5),
}
"""What a command may do of itself, as a script and with its limit."""


def of_itself(scene: Scene, what: str) -> Row:
    mark = scene.mark()
    script, limit = OF_ITSELF[what]
    with scene.shell() as shell:
        said = message_of(lambda: shell.run(command("sh", "-c", script, "sh", mark, limit=limit)))
        left = ends(mark, 8)
    said = re.sub(r"sh -c '.*' sh \d+", "sh -c …", said)
    return Row("a command that", what, said, "what it said" if "says" in what else "nothing", left)


NOT_ALLOWED = "a folder that is another's"


def not_allowed(scene: Scene) -> Row:
    """A transfer without root, to where the user may not write."""
    with scene.shell() as shell:
        shell.run(command("mkdir", "-p", FOLDER, sudo=True))
        shell.put(b"old", f"{FOLDER}/file", sudo=True)
        said = message_of(lambda: shell.put(b"new", f"{FOLDER}/file"))
        kept = old_is_there(scene.site.host(NODE))
        names = shell.run(command("ls", "-A", FOLDER, sudo=True)).text.split()
    return Row("a transfer, into", NOT_ALLOWED, said, kept, "nothing" if names == ["file"] else ", ".join(names))


def after_a_transfer(scene: Scene, name: str, *arguments: str) -> Row:
    """The fault comes when it has ended: the file is there, whole, when the host is."""
    with scene.shell() as shell:
        shell.run(command("mkdir", "-p", FOLDER, sudo=True))
        said = message_of(lambda: shell.put(scene.large, f"{FOLDER}/file", sudo=True))
        harm(scene.layout, name, NODE, *arguments)
        heal(scene.layout, NODE)
        host.await_boot(scene.layout.place(NODE), time.monotonic() + 30)
        lost, left = sent_again(scene)
    return Row("a transfer, after its end", " ".join((name, *arguments)), said, lost, left)


SLOWLY = 'i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i + 1)); sleep 0.1; done'
ALL = b"".join(f"line {number}\n".encode() for number in range(30))


def during_a_lease(scene: Scene, name: str, *arguments: str) -> Row:
    out = bytearray()
    begun: list[Lease] = []
    with scene.shell() as shell:
        shell.run(command("true"))
        with scene.soon(name, *arguments, after=0.7, heal_after=2.0):
            said = message_of(lambda: carry(shell, command("sh", "-c", SLOWLY, sudo=True), run=RUN, out=out.extend,
                                            err=bytes, patience=30, begun=begun.append))
        lost = "nothing" if bytes(out) == ALL else "what it had not said yet"
        left = "its folder, until it is forgotten"
    said = said.replace(SLOWLY, "…")
    said = re.sub(r"sh -c '.*'", "sh -c …", said)
    return Row("a lease, during", " ".join((name, *arguments)), said, lost, left)


STANDING = ("reset", "reboot")
"""Faults that are over at once: what they leave is a connection that is cut."""


def before(scene: Scene, what: str, name: str, *arguments: str) -> Row:
    """A lease, or a transfer, that finds the fault there."""
    with scene.shell() as shell:
        there = SshShell(scene.site.host(NODE), Notes())
        there.run(command("mkdir", "-p", FOLDER, sudo=True))
        there.put(b"old", f"{FOLDER}/file", sudo=True)
        there.close()
        if name in STANDING:
            shell.run(command("true"))    # it has a connection, and does not know yet that it is cut
        harm(scene.layout, name, NODE, *arguments)
        if name == "reboot":
            host.await_boot(scene.layout.place(NODE), time.monotonic() + 30)
        if what == "transfer":
            said = message_of(lambda: shell.put(b"new", f"{FOLDER}/file", sudo=True))
        else:
            said = message_of(lambda: carry(shell, command("true", sudo=True), run=RUN, out=bytes, err=bytes,
                                            patience=0))
        heal(scene.layout, NODE)
        kept = old_is_there(scene.site.host(NODE)) if said != "none" else "nothing"
        there = SshShell(scene.site.host(NODE), Notes())
        left = [lease for lease in leases(there) if lease.run == RUN]
        there.close()
    lost = "nothing" if what == "lease" else kept
    return Row(f"a {what}, before", " ".join((name, *arguments)), said, lost,
               "its folder, until it is forgotten" if left else "nothing")


def after_a_lease(scene: Scene, name: str, *arguments: str) -> Row:
    """The fault comes when it has ended, and nobody has read what it said."""
    out = bytearray()
    with scene.shell() as shell:
        lease = begin(shell, command("sh", "-c", SLOWLY, sudo=True), run=RUN)
        until = time.monotonic() + 20
        while look(shell, lease)[0].state == "running":
            assert time.monotonic() < until
            time.sleep(0.2)
        with scene.soon(name, *arguments, after=0.01, heal_after=2.0):
            time.sleep(0.3)
            said = message_of(lambda: attach(shell, lease, out=out.extend, err=bytes, patience=30))
    lost = "nothing" if bytes(out) == ALL else "what it had said"
    return Row("a lease, after its end", " ".join((name, *arguments)), said, lost, "its folder, until it is forgotten")


TO_GO_ON_WITH = "what came of it: the next transfer goes on with it"


def during_a_transfer(scene: Scene, name: str, *arguments: str) -> Row:
    """The fault comes, or is there from the start; then it is healed, and the file is sent again."""
    from_the_start = name in ("full-disk", "read-only")
    with scene.shell() as shell:
        shell.run(command("mkdir", "-p", FOLDER, sudo=True))
        if from_the_start:
            harm(scene.layout, name, NODE, *arguments)
        if name != "read-only":
            shell.put(b"old", f"{FOLDER}/file", sudo=True)
        if from_the_start:
            said = message_of(lambda: shell.put(scene.large, f"{FOLDER}/file", sudo=True))
            names = shell.run(command("ls", "-A", FOLDER, sudo=True)).text.split()
            kept = old_is_there(scene.site.host(NODE)) if name != "read-only" else NO_LOSS
            return Row("a transfer, during", " ".join((name, *arguments)), said, kept,
                       "nothing" if names in (["file"], []) else ", ".join(names))
        with scene.soon(name, *arguments, heal_after=2.0 if name == "freeze-host" else None):
            said = message_of(lambda: shell.put(scene.large, f"{FOLDER}/file", sudo=True))
        heal(scene.layout, NODE)
        host.await_boot(scene.layout.place(NODE), time.monotonic() + 30)
        kept, left = sent_again(scene)
    return Row("a transfer, during", " ".join((name, *arguments)), said, kept, left)


NO_LOSS = "nothing: the old file is intact"


def old_is_there(there: Host) -> str:
    shell: StrictShell = SshShell(there, Notes())
    found = shell.run(command("head", "-c", "4", f"{FOLDER}/file", sudo=True)).stdout
    shell.close()
    return NO_LOSS if found == b"old" else "the old file"


def sent_again(scene: Scene) -> tuple[str, str]:
    """Whether the old file is intact, or the new one whole; and what was left, as the next transfer found it."""
    shell: StrictShell = SshShell(scene.site.host(NODE), Notes())
    kept = old_is_there(scene.site.host(NODE))
    sent = shell.put(scene.large, f"{FOLDER}/file", sudo=True)
    names = shell.run(command("ls", "-A", FOLDER, sudo=True)).text.split()
    shell.close()
    assert names == ["file"], "nothing lies beside it once it is there"
    if sent.already:
        return "nothing", "nothing"
    return kept, TO_GO_ON_WITH if sent.resumed else "nothing"


def folder_again(scene: Scene) -> str:
    """What an interrupted folder left, as the next transfer of it found it; then it is there, whole."""
    shell: StrictShell = SshShell(scene.site.host(NODE), Notes())
    sent = shell.put_folder(scene.folder, f"{FOLDER}/many", sudo=True)
    assert sent.sent < FILES and shell.put_folder(scene.folder, f"{FOLDER}/many", sudo=True).already
    shell.close()
    return "nothing" if sent.already else WHOLE_FILES


WHOLE_FILES = "whole files: the next transfer sends the others"


def during_a_folder(scene: Scene, name: str, *arguments: str) -> Row:
    with scene.shell() as shell:
        shell.run(command("mkdir", "-p", FOLDER, sudo=True))
        with scene.soon(name, *arguments, heal_after=2.0 if name == "freeze-host" else None):
            said = message_of(lambda: shell.put_folder(scene.folder, f"{FOLDER}/many", sudo=True))
        heal(scene.layout, NODE)
        host.await_boot(scene.layout.place(NODE), time.monotonic() + 30)
        left = folder_again(scene)
    if name != "freeze-host":  # it is chance whether a pack is on its way just then, or the connection is opened anew
        between = "`Unreachable` or none" if name == "reboot" else "none"  # the host may not be up again just then
        cut = said.startswith(("`ConnectionLost`", "`Unreachable`") if name == "reboot" else "`ConnectionLost`")
        assert cut == (left == WHOLE_FILES), (said, left)
        said, left = f"`ConnectionLost`, or {between} where it came between two packs", WHOLE_FILES
    return Row("a folder, during", " ".join((name, *arguments)), said, "nothing", left)


PROCESS = """
import sys
from runbook.remote.attach import attach, carry
from runbook.remote.command import command
from runbook.remote.ssh import SshShell
from runbook.site import load_site
from pathlib import Path
from tests.remote.conftest import Notes

shell = SshShell(load_site(sys.argv[1]).host("node3"), Notes())
shell.run(command("true"))
print("ready", flush=True)
work = {
    "command": lambda: shell.run(command("sleep", sys.argv[3], limit=3)),
    "lease": lambda: carry(shell, command("sleep", sys.argv[3], limit=3), run="reliability", out=bytes, err=bytes),
    "transfer": lambda: shell.put(Path(sys.argv[4]), "/srv/reliability/file", sudo=True),
    "folder": lambda: shell.put_folder(Path(sys.argv[5]), "/srv/reliability/many", sudo=True),
}[sys.argv[2]]
try:
    work()
except KeyboardInterrupt:
    sys.exit(130)
"""


def ended_process(scene: Scene, what: str, number: int) -> Row:
    """SIGINT or SIGKILL of this side's process in the middle of its work."""
    mark = scene.mark()
    with scene.shell() as shell:
        shell.run(command("mkdir", "-p", FOLDER, sudo=True))
        shell.put(b"old", f"{FOLDER}/file", sudo=True)
        process = subprocess.Popen([sys.executable, "-c", PROCESS, str(scene.bed.site_file), what, mark,
                                    str(scene.large), str(scene.folder)], stdout=subprocess.PIPE,
                                   cwd=Path(__file__).parents[2],
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        process.stdout.readline()
        until = time.monotonic() + 20
        moves = what in ("transfer", "folder")
        if moves:
            scene.await_half()
        while not moves and not [line for line in running(mark) if line.startswith("sleep")]:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        code = process.wait(30)
        if what == "folder":
            lost, left = "nothing", folder_again(scene)
        else:
            lost, left = sent_again(scene) if moves else ("its outcome", ends(mark, 15))
        if what == "lease":
            lost = lost if number == 2 else "nothing: it can be attached to again"
            left = f"{left.replace('command', 'lease')}, and its folder".replace("nothing, and ", "")
    return Row(f"a {what}, during", "SIGINT here" if number == 2 else "SIGKILL here",
               f"exit {code}" if code >= 0 else "none", lost, left)
