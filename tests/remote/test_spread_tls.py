"""Workers of a scheduler that lets nobody in without a certificate: the real scheduler and workers, each a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.errors import RunbookError
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import ROOT, Site, load_site
from runbook.site_tables import Host
from tests.remote.conftest import Notes, Sshd, free_port
from tests.remote.test_spread import process_there

TLS = "DASK_DISTRIBUTED__COMM__TLS__"
WORKERS = 2


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=30)


def certificates(folder: Path, name: str) -> dict[str, str]:
    """A CA of that name and one certificate of its own, as Dask's configuration by the environment names them."""
    folder.mkdir(exist_ok=True)
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl(folder, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", f"/CN={name}")
    openssl(folder, *new, "-keyout", "own.key", "-out", "own.pem", "-subj", "/CN=127.0.0.1", "-addext",
            "subjectAltName=IP:127.0.0.1", "-CA", "ca.pem", "-CAkey", "ca.key")
    (folder / "both.pem").write_text((folder / "own.pem").read_text() + (folder / "own.key").read_text())
    return {f"{TLS}CA_FILE": str(folder / "ca.pem"),
            **{f"{TLS}{who}__CERT": str(folder / "both.pem") for who in ("SCHEDULER", "WORKER", "CLIENT")}}


@contextmanager
def running(words: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *words], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return certificates(tmp_path_factory.mktemp("certificates"), "this site's")


@pytest.fixture(scope="module")
def scheduler(own: dict[str, str], sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address, once it lets in who has a certificate of its authority, and both workers are there."""
    folder, port = tmp_path_factory.mktemp("dask"), free_port()
    where = f"tls://127.0.0.1:{port}"
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    with ExitStack() as stack:
        stack.enter_context(running(["distributed.cli.dask_scheduler", "--host", "tls://127.0.0.1", "--port", str(port),
                                     "--no-dashboard", "--no-show"], environment))
        for number in range(WORKERS):
            stack.enter_context(running(
                ["distributed.cli.dask_worker", where, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard",
                 "--no-nanny", "--local-directory", str(folder / str(number))], environment))
        until = time.monotonic() + 60
        while len((said := in_another(sshd, where, own)).stdout.split()) != 1 + WORKERS:
            assert time.monotonic() < until, said
        yield where


def site_of(sshd: Sshd, where: str) -> Site:
    """Six names for one sshd, so that there is something to share."""
    site = load_site(ROOT / "sites" / "example-sw64.toml")
    hosts = tuple(Host(f"local{number}", "127.0.0.1", (), ssh=sshd.ssh) for number in range(6))
    return replace(site, ssh=replace(sshd.ssh, spread=where, at_once=20), hosts=hosts)


def in_another(sshd: Sshd, where: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a process says that has this configuration: Dask reads the environment when it is imported."""
    script = ("import sys\nfrom pathlib import Path\nfrom tests.remote import test_spread_tls as here\n"
              "here.work(here.Sshd(Path(sys.argv[1]), int(sys.argv[2])), sys.argv[3])")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(TLS)}
    return subprocess.run([sys.executable, "-c", script, str(sshd.folder), str(sshd.port), where], cwd=ROOT, text=True,
                          capture_output=True, timeout=90, stdin=subprocess.DEVNULL,
                          env={**inherited, **environment, "PYTHONPATH": str(ROOT)})


def work(sshd: Sshd, where: str) -> None:
    """Says which processes spoke to the hosts, or why none did."""
    try:
        with Fleet.open(site_of(sshd, where), recorder=Notes()) as fleet:
            fleet.run(command("true")).values()
            print(os.getpid(), *sorted(set(fleet.carry(process_there, dict.fromkeys(fleet.names, ())).values())))
    except RunbookError as error:
        print(f"{type(error).__name__}: {error}")


def test_hosts_are_spoken_to_by_workers_past_mutual_tls(sshd: Sshd, scheduler: str, own: dict[str, str]) -> None:
    said = in_another(sshd, scheduler, own)
    here, *there = said.stdout.split()
    assert here.isdigit() and len(there) == WORKERS and here not in there, said


def test_who_has_another_authoritys_certificate_is_not_let_in(
    sshd: Sshd, scheduler: str, tmp_path: Path
) -> None:
    said = in_another(sshd, scheduler, certificates(tmp_path / "strangers", "somebody else's"))
    assert said.stdout.startswith(f"RunbookError: {scheduler}: no scheduler of Dask answers"), said
    assert "distributed.comm.tls" in said.stdout, "it may be there, and not let us in"


def test_who_has_no_certificate_is_told_where_one_is_to_be_named(sshd: Sshd, scheduler: str) -> None:
    said = in_another(sshd, scheduler, {})
    assert said.stdout.startswith(f"UsageError: {scheduler}:") and "distributed.comm.tls" in said.stdout, said


