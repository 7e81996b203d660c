"""How the service gets its way into the cluster, and when it is restarted for that."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.containers.settings import GATHER
from runbook.chapters.etcd.cluster import Cluster, Member
from runbook.chapters.etcd.decide import member
from runbook.chapters.etcd.enter import Entered, enter, environment_text, parse_entered
from runbook.chapters.etcd.sign import Signed
from runbook.chapters.etcd.wanted import Wanted
from runbook.plan import Step
from runbook.remote.question import HostAnswers

CLUSTER = Cluster("bed", (Member("node1", "198.18.5.11"), Member("node2", "fd00::12")))
RESTART = "systemctl try-restart runbook-users.service"
PATH = "/etc/users/etcd/environment"


def steps(seen: Entered, *, renewed: bool = False) -> list[Step]:
    return list(enter(seen, CLUSTER, "users", renewed=renewed))


def test_the_environment_names_every_member_and_the_files_of_the_running_process() -> None:
    assert environment_text(CLUSTER, "users").splitlines() == [
        "USERS_ETCD_ENDPOINTS=https://198.18.5.11:2379,https://[fd00::12]:2379",
        "USERS_ETCD_CA=/run/runbook-users/given/ca.crt",
        "USERS_ETCD_CERT=/run/runbook-users/given/client.crt",
        "USERS_ETCD_KEY=/run/runbook-users/given/client.key",
    ]


def test_a_service_that_knows_no_cluster_gets_the_file_and_a_restart_and_loses_both_by_the_undo() -> None:
    (step,) = steps(Entered(None, state="active", stale=False))
    assert [str(one) for one in step.do] == [f"replace {PATH}", RESTART]
    assert [str(one) for one in step.undo] == [f"restore {PATH}", RESTART]


@pytest.mark.parametrize(
    ("seen", "renewed", "restarts"),
    [
        (Entered(environment_text(CLUSTER, "users"), state="active", stale=False), False, False),
        (Entered(environment_text(CLUSTER, "users"), state="active", stale=True), False, True),  # a step was cut short
        (Entered(environment_text(CLUSTER, "users"), state="active", stale=False), True, True),
        (Entered(environment_text(CLUSTER, "users"), state="inactive", stale=False), True, False),
    ],
)
def test_it_is_restarted_only_where_what_it_reads_at_its_start_changed(
    seen: Entered, renewed: bool, restarts: bool
) -> None:
    found = steps(seen, renewed=renewed)
    assert [str(one) for step in found for one in step.do] == [RESTART] * restarts


def test_a_renewed_certificate_of_the_service_restarts_it(
    converged: Callable[..., HostAnswers], wanted: Callable[..., Wanted]
) -> None:
    seen, one = converged(), wanted()
    (service,) = (credential for credential in one.credentials("node1") if credential.name == "service")
    plan = member(seen, one, Signed({("node1", service.stem): "a new certificate\n"}))
    assert [str(action) for action in plan.steps[-1].do] == [RESTART]
    (server,) = (credential for credential in one.credentials("node1") if credential.name == "server")
    plan = member(seen, one, Signed({("node1", server.stem): "a new certificate\n"}))
    assert RESTART not in str([str(action) for step in plan for action in step.do])


def test_what_the_process_has_is_compared_with_what_lies_there() -> None:
    same = parse_entered("== state\nactive\n== loaded\nLoadState=loaded\n== differs\n== environment\n A=1\n B=2\n")
    assert same == Entered("A=1\nB=2\n", state="active", stale=False)
    assert parse_entered("== state\nactive\n== differs\nclient.key\n").stale
    gone = parse_entered("== state\ninactive\n== loaded\nLoadState=not-found\n== differs\nclient.key\n")
    assert gone == Entered(None, state="inactive", stale=False, loaded=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="it gives files to another user, as the unit does")
def test_what_is_gathered_belongs_to_the_service_alone_and_nothing_need_be_there(tmp_path: Path) -> None:
    rest, run = tmp_path / "rest", tmp_path / "run"
    rest.mkdir(), run.mkdir()
    line = " ".join(GATHER.split())
    subprocess.run(["sh", "-c", line, "sh", str(run / "given"), str(rest), "1234:1234"], check=True)
    assert (run / "given" / "environment").read_text() == ""
    (rest / "environment").write_text("A=1\n")
    (rest / "client.key").write_text("secret\n")
    subprocess.run(["sh", "-c", line, "sh", str(run / "given"), str(rest), "1234:1234"], check=True)
    for path in (run / "given", *(run / "given").iterdir()):
        assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (1234, 0), path
    assert sorted(path.name for path in (run / "given").iterdir()) == ["client.key", "environment"]
    assert run.stat().st_uid == 0
