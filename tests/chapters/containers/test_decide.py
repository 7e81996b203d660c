"""What is done on a host follows from what is there, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.decide import service_on_host
from runbook.chapters.containers.observe import Deployed, Listener, deployed, parse_deployed, parse_listeners
from runbook.chapters.containers.wanted import Deployment, unit_text
from runbook.errors import Blocked
from runbook.plan import Plan, Replace, Run
from runbook.remote.question import HostAnswers, Unanswered

WANTED = Deployment("users", 8080, Path("/artifacts/users"), "ab" * 32)
BARE = Deployed(243, None, "inactive", False, 0, "", frozenset({"/opt"}), False, True, ())
ME = Listener(77, 61234, "users")
THERE = Deployed(
    243,
    unit_text(WANTED, 243),
    "active",
    True,
    77,
    WANTED.sha256,
    frozenset(WANTED.folders),
    False,
    True,
    (ME,),
)


def plan(seen: object, wanted: Deployment = WANTED) -> Plan:
    return service_on_host(HostAnswers("node1", {deployed(wanted): seen}), wanted)


def commands(actions: tuple) -> list[str]:
    return [str(action) for action in actions if isinstance(action, Run)]


def test_a_bare_host_gets_folders_binary_and_unit_in_that_order() -> None:
    steps = plan(BARE).steps
    assert [step.why for step in steps] == [
        "the service's folders are not there yet",
        "the binary is not there yet",
        "the unit is not there yet",
    ]
    assert [action.path for action in steps[0].do] == list(WANTED.folders[1:])
    assert [action.path for action in steps[0].undo] == list(reversed(WANTED.folders[1:]))
    assert commands(steps[2].do)[-1] == "systemctl restart runbook-users.service"
    assert commands(steps[2].undo)[0] == "systemctl disable --now runbook-users.service"


def test_a_converged_host_has_nothing_to_do() -> None:
    assert not plan(THERE) and str(plan(THERE)) == "nothing to do: the service is there and runs as wanted"


@pytest.mark.parametrize(
    ("changed", "why", "undo"),
    [
        ({"active": "failed", "pid": 0, "listeners": ()}, "the service does not run", "stop"),
        ({"enabled": False}, "the service runs what was there before", "restart"),
        ({"unit": "[Unit]\nDescription=another\n"}, "the unit is another one", "restart"),
    ],
)
def test_what_differs_is_mended_and_taken_back_to_what_it_was(changed: dict, why: str, undo: str) -> None:
    (step,) = plan(replace(THERE, **changed)).steps
    assert step.why == why
    assert commands(step.undo)[-1] == f"systemctl {undo} runbook-users.service"
    if "enabled" in changed:
        assert commands(step.undo)[0] == "systemctl disable runbook-users.service"


def test_a_new_build_lies_beside_the_old_one_and_the_unit_changes() -> None:
    new = replace(WANTED, sha256="cd" * 32)
    seen = replace(THERE, sha256="", folders=frozenset(WANTED.folders))
    steps = plan(seen, new).steps
    assert [step.why for step in steps][-1] == "the unit is another one"
    assert "-ExecStart=/opt/runbook-users/abababababab/users" in steps[-1].diff
    assert "+ExecStart=/opt/runbook-users/cdcdcdcdcdcd/users" in steps[-1].diff


def test_a_port_that_another_process_has_blocks_and_names_it() -> None:
    other = Listener(991, 0, "nginx")
    with pytest.raises(Blocked, match=r"node1: port 8080 is taken by nginx \(process 991, user 0\)"):
        plan(replace(BARE, listeners=(other,)))
    with pytest.raises(Blocked, match="nginx"):
        plan(replace(THERE, listeners=(ME, other)))
    with pytest.raises(Blocked, match="process 0"):
        plan(replace(BARE, listeners=(Listener(0, 12, ""),)))


def test_an_old_systemd_gets_a_user_by_name_and_never_runs_the_service_as_root() -> None:
    old = plan(replace(BARE, systemd=219)).steps
    assert [step.why for step in old][2] == "the service's user is not there yet"
    assert commands(old[2].undo) == ["userdel svc-users"]
    (unit,) = [action for action in old[3].do if isinstance(action, Replace)]
    assert "User=svc-users" in unit.content and "DynamicUser" not in unit.content
    assert "ProtectSystem=full" in unit.content
    with pytest.raises(Blocked, match="no useradd"):
        plan(replace(BARE, systemd=219, can_add_users=False))


def test_a_port_below_1024_gets_the_one_capability_that_it_needs() -> None:
    low = unit_text(replace(WANTED, port=80), 252)
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in low
    assert "CapabilityBoundingSet=\n" in unit_text(WANTED, 252)


def test_a_host_that_did_not_answer_is_not_planned_for() -> None:
    with pytest.raises(Blocked, match="node1: deployed: not answered"):
        plan(Unanswered("deployed", "the host has no systemd"))


def test_the_answer_is_read_whole() -> None:
    seen = parse_deployed(
        "== systemd\nsystemd 243 (v243-58.p03.ky10)\n== unit\nW1VuaXRdCg==\n"
        "== state\nActiveState=active\nUnitFileState=enabled\nMainPID=77\n"
        f"== binary\n{'ab' * 32}  /opt/runbook-users/abababababab/users\n== folders\n/opt\n/opt/runbook-users\n"
        "== user\n993\n== useradd\n/usr/sbin/useradd\n== listeners\n77 61234 users\n"
    )
    assert (seen.systemd, seen.unit, seen.pid, seen.enabled, seen.user) == (243, "[Unit]\n", 77, True, True)
    assert seen.listeners == (ME,)
    assert parse_listeners("77 61234 users\n77 61234 users\n0 12\nnonsense\n") == (ME, Listener(0, 12, ""))
    with pytest.raises(ValueError, match="no systemd"):
        parse_deployed("== systemd\n== unit\n")
    with pytest.raises(ValueError, match="did not arrive whole"):
        parse_deployed("== systemd\nsystemd 243\n== unit\n!!\n")
