"""`runbook new-site`: a commented site file, ready to be filled in; it asks nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from runbook.errors import UsageError
from runbook.report.hosts_list import read_hosts
from runbook.site import ROOT, load_site
from runbook.site_example import new_site
from runbook.site_tables import NAME


def write_site(file: str, *, target: str = "", hosts: str = "") -> str:
    """Writes the file and says what to do next; `hosts` is a list of them, see `read_hosts`.

    Without `target`, that of the project's own example. Raises UsageError where the file is there already, its name
    makes no site's name, or it cannot be written, and TargetError.
    """
    path = Path(file).expanduser()
    if why := NAME(path.stem):
        raise UsageError(f"{file}: the site would be called `{path.stem}`: {why}", next="name it like ward-7.toml")
    listed = read_hosts(Path(hosts)) if hosts else ()
    text = new_site(path.stem, target or _example_target(), file, [asdict(one) for one in listed])
    try:
        with path.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already", next="give another name, or move it away") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", next="name a file in a folder that can be written") from error
    count = f"with {len(listed)} hosts" if listed else "with an example of a host"
    return f"{file}: a site {count}, every key explained\n  next: fill it in, then `runbook doctor --site {file}`"


def _example_target() -> str:
    return load_site(min((ROOT / "sites").glob("example-*.toml"))).target
