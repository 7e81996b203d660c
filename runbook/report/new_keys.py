"""A site's own keys: made once by a person, in a folder that the site file names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runbook.chapters.signing.keys import make_keys
from runbook.chapters.signing.programs import signer
from runbook.chapters.signing.seal import now
from runbook.errors import UsageError
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import find_site, load_site


def write_keys(folder: str, *, site: str, days: int) -> str:
    """Makes them, and returns what to do with them. Raises UsageError where the folder is there already."""
    path = Path(folder).expanduser().absolute()
    if path.exists():
        raise UsageError(f"{path} is there already", next="name a new folder: a key is never replaced")
    if days < 1:
        raise UsageError(f"--days {days}: keys that never count", next="one day or more")
    read = load_site(find_site(site))
    shell = LocalShell(Unrecorded())  # a key belongs to no run, and so does its making
    keys = make_keys(path, signer(read, shell).path, shell, at=now(), lifetime=timedelta(days=days))
    lines = [f"{path}: {key}, until {key.not_after:%Y-%m-%d}" for key in keys.public]
    return "\n".join([*lines, f'next: keys = "{path}" in [signing] of {read.file.name}'])
