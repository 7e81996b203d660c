from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook.chapters.etcd.cluster import Cluster, Member
from runbook.chapters.etcd.data import cluster_in, parse_data
from runbook.chapters.etcd.settings import configuration, unit
from runbook.chapters.etcd.wanted import Wanted

THREE = tuple(Member(f"node{number}", f"198.18.5.1{number}") for number in (1, 2, 3))


def test_the_clusters_number_is_the_one_that_etcd_wrote(recorded: Callable[[str], str]) -> None:
    assert parse_data(recorded("data")).cluster == Cluster("etcdbed", THREE).id == 0x8DD3835CBA19B87A


def test_another_token_or_another_address_is_another_cluster() -> None:
    moved = (*THREE[:2], Member("node3", "198.18.5.99"))
    numbers = {Cluster("etcdbed", THREE).id, Cluster("other", THREE).id, Cluster("etcdbed", moved).id}
    assert len(numbers) == 3
    assert Cluster("etcdbed", THREE[::-1]).id in numbers, "the order of the site file does not matter"


@pytest.mark.parametrize("damage", [b"", b"\0" * 512, b"hello, this is no log at all" * 20, b"\xff" * 64])
def test_what_is_no_log_names_no_cluster(damage: bytes) -> None:
    assert cluster_in(damage) is None


def test_a_log_cut_anywhere_names_its_cluster_or_none(recorded: Callable[[str], str]) -> None:
    import base64

    log = base64.b64decode(recorded("data").partition("== log\n")[2])
    found = {cluster_in(log[:length]) for length in range(len(log))}
    assert found == {None, 0x8DD3835CBA19B87A}


def test_a_folder_that_is_not_there_is_no_data() -> None:
    absent, empty = parse_data(""), parse_data("== there\n== names\n== log\n")
    assert (absent.there, absent.empty, empty.there, empty.empty) == (False, True, True, True)


def test_the_configuration_is_the_one_that_was_seen_to_work(
    recorded: Callable[[str], str], wanted: Callable[..., Wanted]
) -> None:
    one = wanted()
    member = one.member("node1")
    assert member is not None
    shown = "".join(f" {line}\n" for line in configuration(member, one.cluster).splitlines())
    assert shown in recorded("files")
    assert "".join(f" {line}\n" for line in unit(one.environment).splitlines()) in recorded("files")


def test_a_member_known_by_name_listens_everywhere_and_one_of_version_6_in_brackets() -> None:
    named, six = Member("a", "a.example.org"), Member("b", "2001:db8::1")
    assert "listen-client-urls: https://0.0.0.0:2379\n" in configuration(named, Cluster("t", (named,)))
    assert six.peer_url == "https://[2001:db8::1]:2380"
