"""A run: one folder under reports/ that holds the site as resolved, the journal, logs and artefacts."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from runbook.entries import Entry, entries
from runbook.errors import Blocked, JournalDamaged, LockHeld, RunbookError, SiteError, UsageError
from runbook.journal import Journal
from runbook.site import ROOT, Site, load_site

RUN_VARIABLE = "RUNBOOK_RUN"
REPORTS_VARIABLE = "RUNBOOK_REPORTS"
LATEST = "latest"


@dataclass(frozen=True)
class Artifact:
    """A file that a chapter made, by the hash under which the journal knows it."""

    name: str
    path: Path
    sha256: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}: {self.path.name}"


def reports() -> Path:
    """The folder of all runs: `$RUNBOOK_REPORTS`, else reports/ of the project."""
    return Path(os.environ.get(REPORTS_VARIABLE) or ROOT / "reports").absolute()


class Run:
    """One run, open or closed; what is known of it is what its journal says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.site: Site = load_site(folder / "site.toml")
        self.site.know_secrets()
        self.journal = Journal(folder)

    @classmethod
    def start(cls, site: Site, *, check: bool = False, by: str = "") -> Run:
        """Opens a new run of the site. Raises UsageError where reports/ cannot be written."""
        folder = _new_folder(site.name)
        try:
            (folder / "artifacts").mkdir()
            (folder / "logs").mkdir()
            (folder / "notebooks").mkdir()
            (folder / "site.toml").write_text(site.resolved_toml(folder))
            run = cls(folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            mend = f"free or make writable {folder.parent}, or set {REPORTS_VARIABLE}"
            raise UsageError(f"{folder}: {error.strerror}", next=mend) from error
        about = {"site": site.name, "target": site.target, "mode": "check" if check else "act"}
        run.journal.begin("run", **about, by=by, version=version("runbook"))
        _point_latest_to(folder)
        return run

    def __str__(self) -> str:
        return f"{self.name}: {'open' if self.is_open else 'closed'}"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def entries(self) -> tuple[Entry, ...]:
        """The journal, verified; raises JournalDamaged."""
        return entries(self.folder / "journal.jsonl")

    @property
    def is_open(self) -> bool:
        """Whether its last begin has no end yet."""
        marks = [entry for entry in self.entries() if entry.kind == "run"]
        return bool(marks) and marks[-1].phase == "begin"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """For as long as a chain works in this run. Raises LockHeld where another process's does.

        The hosts' locks are the run's, so they do not keep two chains of one run apart: an undo, say, from what it
        would take back.
        """
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            by = [str(one.get("by") or "somebody") for one in self.entries() if one.kind == "run"]
            raise LockHeld(f"run {self.name}: a chain of {by[-1] if by else 'somebody'} works in it",
                           next=f"wait for it, or stop it; `runbook status {self.name}` says where it is") from None
        try:
            yield
        finally:
            os.close(descriptor)

    def resume(self, by: str = "") -> None:
        """Opens a closed run again; on an open one it does nothing."""
        if not self.is_open:
            about = {"site": self.site.name, "target": self.site.target, "mode": "act"}
            self.journal.begin("run", **about, by=by, resumed=True)

    def close(self, *, state: str, reason: str = "") -> None:
        """Writes the end that belongs to the run's last begin; on a closed run it does nothing."""
        marks = [entry for entry in self.entries() if entry.kind == "run"]
        if marks and marks[-1].phase == "begin":
            self.journal.end(marks[-1].seq, state=state, reason=reason)

    def states(self) -> dict[str, str]:
        """The state of each chapter that has ended in this run, by name; a later one counts."""
        return {entry.chapter: str(entry.fields.get("state")) for entry in self.entries()
                if entry.kind == "chapter" and entry.phase == "end" and entry.chapter}

    def keep(self, name: str, path: Path) -> Artifact:
        """Tells the journal of an artefact in the run's folder."""
        data = path.read_bytes()
        artifact = Artifact(name, path, hashlib.sha256(data).hexdigest(), len(data))
        self.journal.write("note", about="artifact", name=name, path=str(path.relative_to(self.folder)),
                           sha256=artifact.sha256, size=artifact.size)
        return artifact

    def artifact(self, name: str) -> Artifact:
        """The last artefact of that name, its bytes checked against the journal.

        Raises Blocked where no chapter of this run made it, RunbookError where the file is no longer the
        one that was made.
        """
        found = [entry for entry in self.entries()
                 if entry.kind == "note" and entry.fields.get("about") == "artifact"
                 and entry.fields.get("name") == name]
        if not found:
            raise Blocked(f"run {self.name} has no `{name}` yet", next="run the chapter that makes it first")
        kept = found[-1].fields
        path = self.folder / str(kept["path"])
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != kept["sha256"]:
            raise RunbookError(f"{path}: no longer what the journal says was made (line {found[-1].line})",
                               next="run the chapter that makes it again")
        return Artifact(name, path, str(kept["sha256"]), int(str(kept["size"])))

    def facts(self, question: str) -> dict[str, dict[str, object]]:
        """The last fact of a question by host, as the journal has it; unanswered ones are left out."""
        found: dict[str, dict[str, object]] = {}
        for entry in self.entries():
            fact = entry.fields.get("fact")
            if entry.fields.get("question") == question and entry.host and isinstance(fact, dict):
                if "unanswered" not in fact:
                    found[entry.host] = fact
        return found


def all_runs(site: str = "") -> Iterator[Run]:
    """Every run, or every run of a site, newest first; one whose journal is damaged is passed over.

    A run that is named is never passed over: `named` says what is damaged.
    """
    folder = reports()
    for path in sorted(folder.glob("*/journal.jsonl"), reverse=True) if folder.is_dir() else ():
        if path.parent.is_symlink():
            continue
        if not site or site_of(path.parent) == site:
            with contextlib.suppress(JournalDamaged, SiteError):
                yield Run(path.parent)


def site_of(folder: Path) -> str:
    """The name of the site that a run's folder is called by."""
    return folder.name.partition("-")[2].partition("-")[2]


def named(name: str) -> Run:
    """The run of a name, a folder, or `latest`. Raises UsageError with those that there are."""
    return Run(folder_of(name))


def folder_of(name: str) -> Path:
    """The folder of the run of that name, without opening its journal. Raises UsageError as `named` does."""
    for folder in (reports() / name, Path(name)) if name else ():
        if (folder / "journal.jsonl").exists():
            return folder.resolve()
    there = sorted((path.parent.name for path in reports().glob("*/journal.jsonl")), reverse=True)
    known = [one for one in there if one != LATEST][:5]
    raise UsageError(f"there is no run `{name}` in {reports()}",
                     next="the newest are " + ", ".join(known) if known else "`runbook run` or 00_start makes one")


def join(site: Site, name: str = "") -> Run | None:
    """The run that a notebook belongs to: the one named, else `$RUNBOOK_RUN`, else the site's open run."""
    name = name or os.environ.get(RUN_VARIABLE, "")
    if name:
        return named(name)
    return next((run for run in all_runs(site.name) if run.is_open), None)


def changed(site: Site) -> Run | None:
    """The site's newest run that still has changes on a host, for the undo of a run that has ended."""
    from runbook.undo import standing

    return next((run for run in all_runs(site.name) if standing(run.entries())), None)


def who() -> str:
    """Who runs this: user and machine, for the host's lock and the journal."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _new_folder(site: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f".{number}" for number in range(2, 100))):
        folder = reports() / f"{stamp}{suffix}-{site}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}",
                             next=f"make {folder.parent} writable, or set {REPORTS_VARIABLE}") from error
    raise UsageError(f"{reports()}: a hundred runs of {site} in one second", next="wait a second")


def _point_latest_to(folder: Path) -> None:
    """`reports/latest`, replaced atomically."""
    link, new = folder.parent / LATEST, folder.parent / f".{LATEST}-{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(folder.name)
    new.replace(link)
