"""What is done on a host for a container follows from what is there, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.configuration import Maker, config_text
from runbook.chapters.containers.container import Container, container_unit, slice_unit
from runbook.chapters.containers.deploy import container_on_host
from runbook.chapters.containers.held import Held, held, parse_held
from runbook.chapters.containers.observe import Deployed, Listener, deployed
from runbook.chapters.containers.runtime import RUNTIME, Runtime, Snapshotter
from runbook.errors import Blocked
from runbook.plan import Plan, Replace, Run
from runbook.remote.question import HostAnswers, Unanswered

WANTED = Container(
    "users", 8080, Path("/artifacts/users.image.tar"), "ab" * 32, image="localhost/users:cdcdcdcdcdcd",
    digest=f"sha256:{'cd' * 32}", binary_sha256="ef" * 32, platform="linux/riscv64",
)
OURS = config_text((1, 6), "/var/lib/containerd", "/run/containerd")
CONTAINERD = Runtime(
    "1.6.20~ds1", "/usr/bin/ctr", True, "apt-get", "/etc/containerd/config.toml", True, OURS, Maker.RUNBOOK,
    {"version": 2}, "", "loaded", True, True, "ext2/ext3", {"io.containerd.snapshotter.v1.overlayfs": "ok"}, {},
)
BARE = Deployed(252, None, "inactive", False, 0, "", frozenset({"/opt"}), False, True, ())
NOTHING = Held({}, frozenset(), 0, None)
THERE = replace(BARE, unit=container_unit(WANTED, CONTAINERD), active="active", enabled=True, pid=70,
                folders=frozenset(WANTED.folders), listeners=(Listener(77, 65532, "users"),))
HELD = Held({WANTED.image: WANTED.digest}, frozenset({WANTED.image}), 77, slice_unit(WANTED, 252))


def plan(
    runtime: object = CONTAINERD, seen: object = BARE, there: object = NOTHING, wanted: Container = WANTED
) -> Plan:
    facts = {RUNTIME: runtime, deployed(wanted): seen, held(wanted): there}
    return container_on_host(HostAnswers("node1", facts), wanted)


def commands(actions: tuple) -> list[str]:
    return [str(action) for action in actions if isinstance(action, Run)]


def test_a_host_with_containerd_gets_folders_image_and_unit_in_that_order() -> None:
    steps = plan().steps
    assert [step.why for step in steps] == [
        "the service's folders are not there yet", "the image is not there yet", "the unit is not there yet"]
    assert commands(steps[1].do)[0].endswith(
        "images import --platform linux/riscv64 --snapshotter overlayfs /opt/runbook-users/abababababab/image.tar")
    assert commands(steps[1].undo)[0].endswith("images rm --sync localhost/users:cdcdcdcdcdcd")
    assert commands(steps[2].undo)[0] == "systemctl disable --now runbook-users.service"


def test_a_converged_host_has_nothing_to_do() -> None:
    assert str(plan(seen=THERE, there=HELD)) == "nothing to do: the service is there and runs as wanted"


def test_every_option_of_the_unit_is_known_to_the_oldest_client() -> None:
    unit = container_unit(WANTED, CONTAINERD)
    assert "--read-only" in unit and "--net-host" in unit and "--user" not in unit and "--pids-limit" not in unit
    assert "KillMode=mixed" in unit and "Restart=always" in unit
    assert "$$5" in unit and "%%.*" in unit, "systemd would expand them itself"
    assert "MemoryMax=536870912" in slice_unit(WANTED, 252) and "MemoryLimit=536870912" in slice_unit(WANTED, 219)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"file": None, "maker": Maker.NOBODY}, "containerd has no configuration"),
        ({"file": "version = 2\n", "maker": Maker.PACKAGE}, "containerd's configuration is the package's, and another"),
        ({"version": "2.1.5"}, "containerd's configuration is the runbook's, and another"),
    ],
)
def test_a_configuration_that_nobody_made_is_written_and_restored(changed: dict, why: str) -> None:
    first = plan(replace(CONTAINERD, **changed), THERE, HELD).steps[0]
    assert first.why == why
    assert any(isinstance(action, Replace) and action.path == CONTAINERD.path for action in first.do)
    assert commands(first.do) == commands(first.undo) == ["systemctl restart containerd.service"]


def test_containerd_that_was_stopped_is_started_and_stopped_again() -> None:
    stopped = replace(CONTAINERD, active=False, enabled=False, file=None, maker=Maker.NOBODY, folder=False)
    config, start = plan(stopped).steps[:2]
    assert not commands(config.do), "what does not run is not restarted"
    assert [action.path for action in config.undo] == ["/etc/containerd/config.toml", "/etc/containerd"]
    assert commands(start.do) == ["systemctl enable containerd.service", "systemctl start containerd.service"]
    assert commands(start.undo) == ["systemctl stop containerd.service", "systemctl disable containerd.service"]


def test_a_configuration_made_by_hand_is_kept_where_the_service_can_run_under_it() -> None:
    kept = replace(CONTAINERD, file="version = 2\nroot = '/srv'\n", maker=Maker.HAND, effective={"root": "/srv"})
    assert not plan(kept, THERE, HELD)


def test_the_packages_configuration_is_kept_for_the_containers_of_others() -> None:
    shared = replace(CONTAINERD, file="version = 2\n", maker=Maker.PACKAGE, containers={"k8s.io": 3})
    assert not plan(shared, THERE, HELD)
    assert plan(replace(shared, containers={"k8s.io": 0, WANTED.namespace: 1}), THERE, HELD)


def test_a_configuration_made_by_hand_that_will_not_do_blocks_and_shows_the_difference() -> None:
    off = ["io.containerd.runtime.v2.task"]
    bad = replace(CONTAINERD, file="# mine\nversion = 2\n", maker=Maker.HAND, effective={"disabled_plugins": off})
    with pytest.raises(Blocked, match="made by hand.*disables io.containerd.runtime.v2.task") as error:
        plan(bad, THERE, HELD)
    assert "-# mine" in error.value.tail and '+root = "/var/lib/containerd"' in error.value.tail


@pytest.mark.parametrize(
    ("changed", "what", "mend"),
    [
        ({"version": "", "client": ""}, "node1: no containerd, no ctr there", "apt-get install containerd"),
        ({"version": "", "client": "", "installer": "dnf"}, "no containerd", "dnf install containerd"),
        ({"runc": False}, "node1: no runc there", "apt-get install runc"),
        ({"unit": "masked"}, "containerd.service is masked", "systemctl unmask containerd"),
    ],
)
def test_what_is_missing_blocks_with_what_mends_it(changed: dict, what: str, mend: str) -> None:
    with pytest.raises(Blocked, match=what) as error:
        plan(replace(CONTAINERD, **changed))
    assert mend in error.value.next


def test_a_port_that_another_process_has_blocks_and_the_services_own_does_not() -> None:
    with pytest.raises(Blocked, match=r"node1: port 8080 is taken by nginx \(process 991, user 0\)"):
        plan(seen=replace(THERE, listeners=(Listener(991, 0, "nginx"),)), there=HELD)
    assert plan(seen=replace(THERE, listeners=(Listener(70, 0, "users"),)), there=NOTHING), "a plain unit is replaced"
    with pytest.raises(Blocked, match="port 80 is root's"):
        plan(wanted=replace(WANTED, port=80))


def test_another_image_lies_beside_the_old_one_and_the_way_back_starts_the_old_one() -> None:
    new = replace(WANTED, sha256="12" * 32, image="localhost/users:343434343434", digest=f"sha256:{'34' * 32}")
    shared = replace(CONTAINERD, containers={WANTED.namespace: 1})
    image, unit = plan(shared, THERE, HELD, new).steps[1:]
    assert image.why == "the image is another one" and unit.why == "the unit is another one"
    assert not any("namespaces rm" in words for words in commands(image.undo)), "the old image is in it"
    back = commands(unit.undo)
    assert back[0] == "systemctl stop runbook-users.service" and back[-1] == "systemctl restart runbook-users.service"
    assert "systemctl reset-failed runbook-users.service" in back, "it may have been started too often"


def test_an_image_that_is_not_whole_is_imported_again() -> None:
    assert [step.why for step in plan(seen=THERE, there=replace(HELD, complete=frozenset())).steps][0] \
        == "the image is another one"


def test_a_data_directory_on_an_overlay_gets_copies_instead_of_layers() -> None:
    assert CONTAINERD.snapshotter is Snapshotter.OVERLAY
    assert replace(CONTAINERD, file_system="overlayfs").snapshotter is Snapshotter.NATIVE
    refused = {"io.containerd.snapshotter.v1.overlayfs": "error"}
    assert replace(CONTAINERD, plugins=refused).snapshotter is Snapshotter.NATIVE


def test_a_host_that_did_not_answer_is_not_planned_for() -> None:
    with pytest.raises(Blocked, match="node1: held: not answered"):
        plan(there=Unanswered("held", "no answer within 30 s"))


def test_what_containerd_holds_is_read_whole() -> None:
    digest = f"sha256:{'cd' * 32}"
    seen = parse_held(
        "== slice\nW1NsaWNlXQo=\n== images\n"
        "REF                          TYPE                                       DIGEST STATUS SIZE UNPACKED \n"
        f"localhost/users:cdcdcdcdcdcd application/vnd.oci.image.manifest.v1+json {digest} "
        "complete (2/2) 13.9 MiB/13.9 MiB true\n"
        f"localhost/users:half         application/vnd.oci.image.manifest.v1+json {digest} "
        "incomplete (1/2) 1.0 MiB/13.9 MiB false\n"
        "== task\n77\n")
    assert seen == Held({"localhost/users:cdcdcdcdcdcd": digest, "localhost/users:half": digest},
                        frozenset({"localhost/users:cdcdcdcdcdcd"}), 77, "[Slice]\n")
    assert parse_held("== slice\n") == NOTHING
