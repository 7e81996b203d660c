"""What processes and temporary files of the hosts hold while something runs: looked at again and again from here."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

EVERY = 0.5  # seconds
TEMPORARY = ("tmp", "var/tmp", "dev/shm", "run", "home", "root")
LONGEST = 1 << 20  # bytes of a file that are looked at


class Watch:
    """All command lines that were seen, the environments of processes on hosts, and their temporary files."""

    def __init__(self, first_processes: Sequence[int]) -> None:
        self.hosts = [Path(f"/proc/{pid}/root") for pid in first_processes]
        self.spaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in first_processes}
        self.lines: set[bytes] = set()
        self.environments: set[bytes] = set()
        self.files: dict[tuple[str, int, int], bytes] = {}
        self.looks = 0

    def look(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                self.lines.add((process / "cmdline").read_bytes())
                if os.readlink(process / "ns" / "pid") in self.spaces:
                    self.environments.add((process / "environ").read_bytes())
        for root in self.hosts:
            for name in TEMPORARY:
                for folder, _, files in os.walk(root / name):
                    for file in files:
                        with contextlib.suppress(OSError):
                            self._read(Path(folder) / file)
        self.looks += 1

    def _read(self, path: Path) -> None:
        seen = path.lstat()
        key = (str(path), seen.st_mtime_ns, seen.st_size)
        if path.is_file() and not path.is_symlink() and key not in self.files:
            with path.open("rb") as file:
                self.files[key] = file.read(LONGEST)


@contextmanager
def watching(first_processes: Sequence[int]) -> Iterator[Watch]:
    """Looks twice a second until the end of the `with`."""
    watch, over = Watch(first_processes), threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            watch.look()

    thread = threading.Thread(target=look, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
