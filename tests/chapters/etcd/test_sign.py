"""Which authority signs: the one that the hosts trust, and never another behind its back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.etcd.credentials import Credentials, parse_credentials
from runbook.chapters.etcd.layout import CLIENTS, trust_file
from runbook.chapters.etcd.sign import FOLDER, authority_for, find_trusted, trusted_by
from runbook.chapters.etcd.wanted import Wanted
from runbook.errors import Blocked
from runbook.run import Run

Wants = Callable[..., Wanted]


@pytest.fixture
def run(wanted: Wants, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Run]:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    return lambda: Run.start(wanted().site)


def test_the_first_run_makes_an_authority_and_finds_it_again(run: Callable[[], Run], wanted: Wants) -> None:
    first = run()
    made = authority_for(CLIENTS, {}, first, wanted())
    assert made.key_file == first.folder / FOLDER / "clients.key"
    assert authority_for(CLIENTS, {}, first, wanted()).certificate == made.certificate


def test_a_later_run_signs_with_the_authority_that_the_hosts_trust(run: Callable[[], Run], wanted: Wants) -> None:
    made = authority_for(CLIENTS, {}, run(), wanted())
    later = run()
    found = authority_for(CLIENTS, {CLIENTS: made.certificate}, later, wanted())
    assert found.key_file == made.key_file
    assert not (later.folder / FOLDER).exists(), "a key is not copied"


def test_an_authority_whose_key_is_gone_is_not_replaced_in_silence(run: Callable[[], Run], wanted: Wants) -> None:
    first = run()
    made = authority_for(CLIENTS, {}, first, wanted())
    shutil.rmtree(first.folder / FOLDER)
    later = run()
    with pytest.raises(Blocked, match="whose key is in no run of etcdbed"):
        authority_for(CLIENTS, {CLIENTS: made.certificate}, later, wanted())
    assert find_trusted(CLIENTS, made.certificate, later) is None
    assert not (later.folder / FOLDER).exists()


def test_hosts_that_trust_different_authorities_block(
    run: Callable[[], Run], wanted: Wants, recorded: Callable[[str], str]
) -> None:
    held = parse_credentials(recorded("credentials"))
    other = authority_for(CLIENTS, {}, run(), wanted()).certificate
    strange = replace(held, trusted={**held.trusted, trust_file(CLIENTS): other})
    assert set(trusted_by({"node1": held, "node2": Credentials()})) == {"clients", "peers"}
    with pytest.raises(Blocked, match="node3 and node1 trust different authorities for clients"):
        trusted_by({"node1": held, "node3": strange})
