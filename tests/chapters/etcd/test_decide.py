"""What is done on a host follows from what is there, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook.chapters.etcd.data import DataDirectory
from runbook.chapters.etcd.decide import member, prepare
from runbook.chapters.etcd.layout import CONFIG, DATA
from runbook.chapters.etcd.observe import FILES, UNIT_STATE, Files, Ground, Placed
from runbook.chapters.etcd.ports import Listener, Ports
from runbook.chapters.etcd.sign import Signed
from runbook.chapters.etcd.wanted import Wanted
from runbook.errors import Blocked
from runbook.plan import Plan, Replace, Run, Step
from runbook.remote.question import HostAnswers, Unanswered

Bare = Callable[..., HostAnswers]
Wants = Callable[..., Wanted]


def start_of(plan: Plan) -> Step:
    """The step that starts the member."""
    return next(step for step in plan if "a member of" in step.why)


def test_a_bare_host_gets_account_folders_and_four_keys(bare: Bare, wanted: Wants) -> None:
    plan = prepare(bare(), wanted())
    assert [step.why.split(",")[0] for step in plan] == [
        "there is no account etcd",
        "/etc/etcd and /etc/etcd/pki with the rights that keys need",
        "a key and a request for node1 (server)",
        "a key and a request for node1 (client and server)",
        "a key and a request for runbook-check (client)",
        "a key and a request for users (client)",
    ]
    assert "BEGIN" not in str([step.to_dict() for step in plan]), "a key is made there, it is never in a plan"


def test_a_host_with_everything_has_nothing_to_do(converged: Bare, wanted: Wants) -> None:
    for plan in (prepare(converged(), wanted()), member(converged(), wanted(), Signed())):
        assert not plan, str(plan)
        assert str(plan).startswith("nothing to do: ")


def test_a_member_is_taken_back_with_its_data_and_says_so(bare: Bare, wanted: Wants) -> None:
    plan = member(bare(), wanted(), Signed())
    data = next(step for step in plan if DATA in step.why)
    assert "THE UNDO REMOVES THE DATA TOO" in data.why
    assert str(data.undo[0]) == "rm -rf -- /var/lib/etcd/member"
    started = start_of(plan)
    assert [str(action) for action in started.undo][1:4] == [
        "systemctl disable --now etcd.service",
        "restore /etc/systemd/system/etcd.service",
        f"restore {CONFIG}",
    ]


def test_no_member_waits_for_its_start_before_the_others_have_theirs(bare: Bare, wanted: Wants) -> None:
    start = start_of(member(bare(), wanted(), Signed())).do[-1]
    assert isinstance(start, Run)
    assert "start --no-block" in start.words[2]
    assert start.limit > wanted().healthy_within


def test_the_gate_is_opened_only_where_etcd_does_not_support_the_target(bare: Bare, wanted: Wants) -> None:
    def unit_on(target: str, until: str) -> str:
        started = start_of(member(bare(), wanted(target=target, until=until), Signed()))
        return next(one.text for one in started.do if isinstance(one, Replace) and one.path.endswith(".service"))

    assert "Environment=ETCD_UNSUPPORTED_ARCH=riscv64\n" in unit_on("riscv64", "2027-12-31")
    assert "ETCD_UNSUPPORTED_ARCH" not in unit_on("amd64", "")


@pytest.mark.parametrize(
    ("until", "word"),
    [("", "unless ETCD_UNSUPPORTED_ARCH is set"), ("2026-11-22", "the test accepted it until 2026-11-22")],
)
def test_without_an_acceptance_that_holds_nothing_is_planned(bare: Bare, wanted: Wants, until: str, word: str) -> None:
    with pytest.raises(Blocked, match=word) as refused:
        prepare(bare(), wanted(until=until))
    assert 'risk = "etcd-unsupported-architecture"' in str(refused.value)


def test_an_acceptance_holds_on_its_last_day(bare: Bare, wanted: Wants) -> None:
    assert prepare(bare(), wanted(until="2026-11-23"))


def test_a_port_that_another_has_is_refused_with_its_name(bare: Bare, wanted: Wants) -> None:
    taken = Ports({2380: Listener(77, "minio", "minio.service")})
    with pytest.raises(Blocked, match=r"node1: port 2380 is taken by minio \(process 77, minio.service\)"):
        prepare(bare(etcd_ports=taken), wanted())


def test_data_of_another_cluster_is_refused_and_never_removed(bare: Bare, wanted: Wants) -> None:
    with pytest.raises(Blocked, match=r"is of the cluster abc, not of etcdbed \(8dd3835cba19b87a\)") as refused:
        prepare(bare(etcd_data=DataDirectory(True, ("member",), 0xABC)), wanted())
    assert "mv /var/lib/etcd" in str(refused.value)


def test_data_that_is_not_etcds_is_refused(bare: Bare, wanted: Wants) -> None:
    with pytest.raises(Blocked, match="holds lost.found and no log of etcd's"):
        prepare(bare(etcd_data=DataDirectory(True, ("lost+found",), None)), wanted())


def test_data_of_this_cluster_stays_when_the_run_is_undone(bare: Bare, wanted: Wants) -> None:
    one = wanted()
    there = Files({DATA: Placed("directory", "755 root:root")})
    own = DataDirectory(True, ("member",), one.cluster.id)
    plan = member(bare(etcd_data=own, etcd_files=there), one, Signed())
    assert not any("rm" in str(action) for step in plan for action in step.undo)


def test_a_host_without_openssl_is_blocked_and_told_why(bare: Bare, wanted: Wants) -> None:
    with pytest.raises(Blocked, match="lacks openssl") as refused:
        prepare(bare(etcd_ground=Ground(("openssl",), "", "")), wanted())
    assert "keys are made on the host" in str(refused.value)


def test_a_question_without_an_answer_blocks(bare: Bare, wanted: Wants) -> None:
    with pytest.raises(Blocked, match="etcd_ports: sudo -n is refused"):
        prepare(bare(etcd_ports=Unanswered("etcd_ports", "sudo -n is refused")), wanted())


def test_a_changed_configuration_is_shown_and_restarts_the_member(converged: Bare, wanted: Wants) -> None:
    seen = converged()
    files = dict(seen[FILES].placed)
    by_hand = files[CONFIG].text.replace("quota-backend-bytes: 2147483648", "quota-backend-bytes: 1")
    files[CONFIG] = replace(files[CONFIG], sha256="0" * 64, text=by_hand)
    (step,) = member(converged(etcd_files=Files(files)), wanted(), Signed())
    assert "-quota-backend-bytes: 1\n+quota-backend-bytes: 2147483648" in step.diff
    assert [str(action) for action in step.undo] == [
        f"restore {CONFIG}",
        "systemctl daemon-reload",
        "systemctl restart etcd.service",
    ]


def test_a_stopped_member_is_started_and_stopped_again_by_the_undo(converged: Bare, wanted: Wants) -> None:
    unit = replace(converged()[UNIT_STATE], active="inactive", sub="dead", pid=0)
    (step,) = member(converged(etcd_unit=unit), wanted(), Signed())
    assert step.why == "etcd.service is inactive"
    assert str(step.undo[0]) == "systemctl stop etcd.service"


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (datetime(2027, 11, 1, tzinfo=UTC), "is about to lapse"),
        (datetime(2027, 12, 1, tzinfo=UTC), "is lapsed"),
        (datetime(2025, 1, 1, tzinfo=UTC), "is not valid yet"),
    ],
)
def test_a_certificate_near_its_end_is_renewed(converged: Bare, wanted: Wants, at: datetime, word: str) -> None:
    later = wanted(at=at)
    assert not prepare(converged(), later), "its request is still there and asks for the same"
    signed = Signed({("node1", "/etc/etcd/pki/server"): "-----BEGIN CERTIFICATE-----\nnew\n"})
    (step,) = member(converged(), later, signed)
    assert step.why == f"server has a certificate that {word}"
    assert not any(isinstance(action, Run) for action in step.do), "etcd reads a new certificate without a restart"


def test_a_host_of_the_service_alone_gets_a_certificate_and_no_member(bare: Bare, wanted: Wants) -> None:
    one = wanted()
    hosts = tuple(replace(host, roles=("service",)) if host.name == "node3" else host for host in one.site.hosts)
    alone = replace(one, site=replace(one.site, hosts=hosts))
    alone = replace(alone, cluster=replace(one.cluster, members=one.cluster.members[:2]))
    plan = prepare(bare("node3"), alone)
    assert [step.why for step in plan] == ["a key and a request for users (client), made on the host"]
    assert str(member(bare("node3"), alone, Signed())) == "1 step: the service learns where the members are"
