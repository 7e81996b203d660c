"""The folder in which the site's Go lies: as the site names it, or unpacked or fetched into one named by content."""

from __future__ import annotations

from pathlib import Path

from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.from_host import fetch_go
from runbook.chapters.toolchain.goroot import goroot_in, version_of
from runbook.chapters.toolchain.unpack import check_sha256, unpack
from runbook.errors import Blocked, RemoteError
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.site import ROOT, GoSource, Site

PREPARED = ROOT / ".cache" / "go"
"""Where setup/prepare keeps the Go that services/go.mod asks for."""
FETCH_LIMIT = 900.0  # seconds: up to 150 MB are fetched, and half a gigabyte is unpacked
ON_THE_PATH = Script("command -v go >/dev/null 2>&1 && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go env GOROOT; :")


def place_of(site: Site, shell: Shell) -> Path:
    """A folder of this machine. Raises Blocked with what mends it, and the errors of a host where it is a host's Go."""
    source = site.toolchain.go
    if source.kind == "dir":
        return Path(source.where)
    if source.kind == "archive":
        return _unpacked(source)
    if source.kind == "host":
        with Fleet.open(site, hosts=(source.host,), recorder=shell.recorder) as fleet:
            return goroot_in(fetch_go(fleet[source.host], source.where))
    return released(source.where, shell)


def _unpacked(source: GoSource) -> Path:
    archive = Path(source.where)

    def fill(folder: Path) -> None:
        check_sha256(archive, source.sha256)
        unpack(archive, folder)
        _in_archive(archive, folder)

    return _in_archive(archive, store.stored(source.sha256, fill))


def _in_archive(archive: Path, folder: Path) -> Path:
    try:
        return goroot_in(folder)
    except Blocked as error:
        raise Blocked(f"{archive}: {error.what}", next=error.next) from error


def released(version: str, shell: Shell) -> Path:
    """Upstream's release of that version: the prepared one, the PATH's, else fetched by Go's own toolchain mechanism
    (https://go.dev/doc/toolchain), which checks it by Go's checksum database. Raises Blocked."""
    for root in (PREPARED, *on_the_path(shell)):
        if version_of(root) == version:
            return root
    asked = command("env", f"GOTOOLCHAIN=go{version}", "GOFLAGS=-mod=readonly", "GOWORK=off",
                    str(PREPARED / "bin" / "go"), "env", "GOROOT", limit=FETCH_LIMIT)
    why, tail = f"{PREPARED.relative_to(ROOT)} has another Go", ""
    if (PREPARED / "bin" / "go").exists():
        try:
            root = Path(shell.run(asked).text.strip())
            if version_of(root) == version:
                return root
        except RemoteError as error:
            why, tail = "it could not be fetched", error.tail
    raise Blocked(
        f"Go {version} of the site is neither in {PREPARED.relative_to(ROOT)} nor on the PATH, and {why}", tail=tail,
        next='setup/prepare fetches one; or name the folder of another one: go = "dir:/path" in [toolchain]')


def on_the_path(shell: Shell) -> tuple[Path, ...]:
    told = shell.run(ON_THE_PATH.command()).text.strip()
    return (Path(told),) if told else ()
