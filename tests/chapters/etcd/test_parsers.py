"""Recorded answers, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runbook.chapters.etcd.cluster import Cluster, Member
from runbook.chapters.etcd.credentials import parse_credentials
from runbook.chapters.etcd.health import duration, parse_health, what_is_wrong
from runbook.chapters.etcd.observe import parse_files, parse_ground, parse_unit
from runbook.chapters.etcd.ports import parse_ports
from runbook.chapters.etcd.refusals import parse_refusals
from runbook.chapters.etcd.scratch import parse_tried
from runbook.chapters.etcd.snapshot import parse_restoration

Recorded = Callable[[str], str]


def test_a_member_tells_its_health(recorded: Recorded) -> None:
    health = parse_health(recorded("health"))
    assert health.healthy and health.version == "3.7.3"
    assert health.members == {"node1", "node2", "node3"}
    assert health.took_seconds is not None and 0 < health.took_seconds < 5
    cluster = Cluster("etcdbed", tuple(Member(f"node{number}", f"198.18.5.1{number}") for number in (1, 2, 3)))
    assert what_is_wrong(health, cluster, health.running_sha256) == ""
    assert "what runs is" in what_is_wrong(health, cluster, "0" * 64)
    assert "it is of the cluster" in what_is_wrong(health, Cluster("other", cluster.members), health.running_sha256)
    alone = replace(health, members=frozenset({"node1"}))
    assert (
        what_is_wrong(alone, cluster, health.running_sha256) == "its members are node1, wanted were node1, node2, node3"
    )


def test_a_member_that_does_not_answer_is_not_healthy() -> None:
    health = parse_health("== health\nError: context deadline exceeded\n== status\n== members\n== program\n")
    assert not health.healthy
    assert "context deadline exceeded" in health.error


@pytest.mark.parametrize(
    ("text", "seconds"), [("1.5ms", 0.0015), ("1m2.5s", 62.5), ("31.136916ms", 0.031136916), ("250µs", 0.00025)]
)
def test_durations_of_go_are_seconds(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_who_listens_is_told_with_process_and_unit(recorded: Recorded) -> None:
    ports = parse_ports(recorded("ports"))
    assert {port: who.unit for port, who in ports.listeners.items()} == {2379: "etcd.service", 2380: "etcd.service"}
    assert all(who.pid > 1 for who in ports.listeners.values())


def test_a_listener_that_hides_is_still_one() -> None:
    text = (
        "== ports\n2379 2380\n== sockets\n 0: 00000000:094B 0:0 0A 0:0 0:0 0 0 0 4711 1\n== descriptors\n== processes\n"
    )
    assert parse_ports(text).listeners[2379].pid == 0


def test_files_tell_rights_hashes_and_the_text_of_settings(recorded: Recorded) -> None:
    files = parse_files(recorded("files"))
    assert files.is_folder("/var/lib/etcd", 0o700, "etcd:etcd")
    assert not files.is_folder("/etc/etcd/pki", 0o755, "root:etcd")
    config = files.get("/etc/etcd/etcd.yaml")
    assert config is not None and config.text.startswith("# Written by the runbook")
    assert len(config.sha256) == 64


def test_a_unit_tells_how_long_it_took_to_be_ready(recorded: Recorded) -> None:
    unit = parse_unit(recorded("unit"))
    assert unit.runs and unit.enabled and unit.ready_seconds is not None and unit.rss_bytes is not None
    assert 0 < unit.ready_seconds < 60
    assert 20 << 20 < unit.rss_bytes < 1 << 30
    absent = parse_unit("== unit\nLoadState=not-found\nActiveState=inactive\nMainPID=0\n== memory\n")
    assert not absent.loaded and not absent.runs and absent.ready_seconds is None


def test_credentials_hold_no_private_key(recorded: Recorded) -> None:
    text = recorded("credentials")
    assert "PRIVATE" not in text
    credentials = parse_credentials(text)
    assert str(credentials) == "4 keys, 4 certificates"
    for held in credentials.held.values():
        assert held.certificate is not None and held.certificate.public_key == held.public_key != ""


def test_the_ground_names_what_is_missing(recorded: Recorded) -> None:
    assert parse_ground(recorded("ground")).missing == ()
    assert "openssl" in parse_ground("== account\n== tools\nsystemctl\n").missing


def test_refusals_are_read_with_their_reasons(recorded: Recorded) -> None:
    refusals = parse_refusals(recorded("refusals"))
    assert refusals.wrong() == []
    assert refusals.said["a certificate of another authority"] == "unknown ca"
    assert refusals.said["plain HTTP"] == "first record does not look like a TLS handshake"


def test_who_is_let_in_is_told() -> None:
    (first, second) = parse_refusals("== no certificate\n== plain HTTP\nit was answered\n").wrong()
    assert first == "no certificate was not refused"
    assert second == "plain HTTP was not refused"


def test_a_refusal_for_another_reason_does_not_count() -> None:
    said = "== a lapsed certificate\nerror: tlsv1 alert unknown ca:../ssl\n"
    assert parse_refusals(said).wrong() == ["a lapsed certificate was refused with `unknown ca`"]


def test_a_member_that_ends_at_tls_1_2_refuses_in_its_own_words() -> None:
    """As etcd 3.5.5 does; of a certificate that it does not like, it has the same words as TLS 1.3."""
    said = "error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../ssl/record/rec_layer_s3.c\n"
    for who in ("no certificate", "no certificate at the peer port"):
        assert parse_refusals(f"== {who}\n{said}").wrong() == []
    (wrong,) = parse_refusals(f"== a lapsed certificate\n{said}").wrong()
    assert wrong == "a lapsed certificate was refused with `handshake failure`"


def test_a_snapshot_is_compared_with_what_was_restored(recorded: Recorded) -> None:
    text = recorded("snapshot")
    assert parse_restoration(text).equal and parse_restoration(text).damage_is_seen
    lost = text.replace('"totalKey":3', '"totalKey":2', 1)
    assert not parse_restoration(lost).equal
    assert not parse_restoration(text.partition("== damaged")[0] + "== damaged\nrestored snapshot\n").damage_is_seen


def test_what_etcd_aside_did_is_read(recorded: Recorded) -> None:
    tried = parse_tried(recorded("tried"))
    assert tried.closed is not None and tried.closed.exit_code == 1
    assert tried.open is not None and tried.open.exit_code == 0
    assert str(tried.p256) == "serves"
    assert str(tried.sm2) == "exit 1: x509: unsupported elliptic curve"
    assert tried.suite_plain == tried.suite_variable != ""
    assert (tried.stranger, tried.own_enters, tried.stranger_at_peer_port) == ("certificate required", True, "")
