"""What confines a service is what the kernel says of its process, and each looseness is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.configuration import Maker, config_text
from runbook.chapters.containers.contained import contained, parse_contained
from runbook.chapters.containers.container import MEMORY, Container
from runbook.chapters.containers.image import Image
from runbook.chapters.containers.runtime import RUNTIME, Runtime, parse_runtime
from runbook.chapters.containers.verify_container import LIMITS, container_runs
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import Basis, State

DIGEST = f"sha256:{'cd' * 32}"
WANTED = Container(
    "users", 8080, Path("/artifacts/users.image.tar"), "12" * 32, image="localhost/users:cdcdcdcdcdcd",
    digest=DIGEST, binary_sha256="ab" * 32, platform="linux/sw64",
)
IMAGE = Image(WANTED.image, DIGEST, f"sha256:{'34' * 32}", {}, {"/users": "ab" * 32}, 14_551_939, "12" * 32)
ANSWER = f"""== client
curl
== healthz
0
== ping
{{"goarch": "sw64"}}
== state
ActiveState=active
Result=success
NRestarts=0
ExecMainStartTimestampMonotonic=120000000
MainPID=77
== executable
/users
== executable hash
{'ab' * 32}  /proc/77/exe
== words
/users
-listen
:8080
== inside
{'ab' * 32}  /proc/77/root/users
== memory
VmRSS:	   18432 kB
== listeners
77 65532 users
== listening
[  120.350000] node1 users[70]: {{"msg":"listening"}}
== log
{{"msg":"listening"}}
== image
localhost/users:cdcdcdcdcdcd
== digest
localhost/users:cdcdcdcdcdcd application/vnd.oci.image.manifest.v1+json {DIGEST} 13.9 MiB linux/sw64 -
== status
Uid:	65532	65532	65532	65532
CapEff:	0000000000000000
NoNewPrivs:	1
== root
ro,relatime
== limits
memory 536870912
pids 512
"""
V1, V2 = "cpu.shares 512\n", "cpu.weight 50\n"
FINE = parse_contained(ANSWER + V1)
OURS = config_text((1, 6), "/var/lib/containerd", "/run/containerd")
CONTAINERD = Runtime(
    "1.6.20", "/usr/bin/ctr", True, "apt-get", "/etc/containerd/config.toml", True, OURS, Maker.RUNBOOK,
    {"version": 2}, "", "loaded", True, True, "ext2/ext3", {}, {},
)


class OneHost:
    """A fleet of one host that answers two questions, and refuses any other."""

    def __init__(self, now: object, runtime: object = CONTAINERD) -> None:
        self.facts = {RUNTIME: runtime, contained(WANTED): now}

    def ask(self, *questions: Question) -> Answers:
        assert set(questions) == set(self.facts)
        return Answers((HostAnswers("node1", self.facts),))


def judged(site: Site, now: object, runtime: object = CONTAINERD, image: Image = IMAGE) -> dict[str, State]:
    return {verdict.what: verdict.state for verdict in
            container_runs(OneHost(now, runtime), WANTED, image, load_target("sw64"), site)}  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [V1, V2])
def test_limits_are_read_under_both_versions_of_cgroups(weight: str) -> None:
    seen = parse_contained(ANSWER + weight)
    assert (seen.memory, seen.tasks, seen.cpu_weight) == (MEMORY, 512, 50)
    assert not seen.loose(LIMITS)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"users": (0, 0, 0, 0)}, "it is root's"),
        ({"users": (65532, 0, 65532, 65532)}, "it is root's"),
        ({"users": ()}, "its user is not known"),
        ({"capabilities": 0xA80425FB}, "it has capabilities 0xa80425fb"),
        ({"no_new_privileges": False}, "it may get new privileges"),
        ({"read_only": False}, "its root file system can be written"),
        ({"memory": None}, "memory is None instead of 536870912"),
        ({"tasks": 28909}, "tasks is 28909 instead of 512"),
        ({"cpu_weight": 100}, "cpu_weight is 100 instead of 50"),
    ],
)
def test_each_looseness_is_named_and_fails_by_itself(site: Site, changed: dict, said: str) -> None:
    loose = replace(FINE, **changed)
    assert loose.loose(LIMITS) == (said,)
    found = judged(site, loose)
    assert found.pop("confined") is State.FAIL and set(found.values()) == {State.PASS}


def test_a_healthy_container_passes_everything(site: Site) -> None:
    found = judged(site, FINE)
    assert len(found) == 6 and set(found.values()) == {State.PASS}


@pytest.mark.parametrize(
    ("now", "image"),
    [
        (replace(FINE, digest=f"sha256:{'ee' * 32}"), IMAGE),
        (replace(FINE, image="localhost/users:older"), IMAGE),
        (replace(FINE, service=replace(FINE.service, executable_sha256="ee" * 32)), IMAGE),
        (FINE, replace(IMAGE, files={"/users": "ee" * 32})),
        (FINE, replace(IMAGE, digest=f"sha256:{'ee' * 32}")),
    ],
)
def test_each_link_of_the_chain_from_build_to_process_is_checked(site: Site, now: object, image: Image) -> None:
    found = judged(site, now, image=image)
    assert found.pop("what runs is what was built") is State.FAIL
    assert set(found.values()) == {State.PASS}


def test_under_an_emulator_the_file_that_it_was_given_is_hashed(site: Site) -> None:
    emulator = "/usr/libexec/emulator"
    emulated = replace(FINE, service=replace(
        FINE.service, executable=emulator, executable_sha256="ee" * 32, words=(emulator, "/users", "/users")))
    assert emulated.service.basis(WANTED.inside) is Basis.EMULATED
    assert set(judged(site, emulated).values()) == {State.PASS}


def test_containerd_is_judged_by_the_configuration_that_it_runs_under(site: Site) -> None:
    def verdict(**changed: object) -> tuple[State, str]:
        runtime = replace(CONTAINERD, **changed)  # type: ignore[arg-type]
        fleet = OneHost(FINE, runtime)
        first = next(iter(container_runs(fleet, WANTED, IMAGE, load_target("sw64"), site)))  # type: ignore[arg-type]
        return first.state, first.reason

    state, reason = verdict(maker=Maker.HAND, file="# mine\nversion = 2\n")
    assert state is State.PASS and "was kept" in reason and "-# mine" in reason
    state, reason = verdict(maker=Maker.PACKAGE, file="version = 2\n", containers={"k8s.io": 2})
    assert state is State.PASS and "kept for the containers of k8s.io" in reason
    assert verdict(version="2.0.1")[0] is State.FAIL
    assert verdict(active=False) == (State.FAIL, "it does not run")
    assert verdict(effective={"disabled_plugins": ["io.containerd.grpc.v1.tasks"]})[0] is State.FAIL


def test_a_container_that_does_not_run_leaves_nothing_unsaid(site: Site) -> None:
    gone = parse_contained("== client\ncurl\n== healthz\n7\n== state\nActiveState=activating\nMainPID=0\n"
                           "NRestarts=2\n== log\nno database, I give up\n")
    assert gone.users == () and gone.memory is None
    told = container_runs(OneHost(gone), WANTED, IMAGE, load_target("sw64"), site)  # type: ignore[arg-type]
    assert "no database, I give up" in str(told)
    assert {verdict.state for verdict in told if verdict.what != "containerd runs as wanted"} == {State.FAIL}
    assert judged(site, Unanswered("contained", "no answer"))["unit active"] is State.FAIL


def test_containerd_is_read_as_it_tells_of_itself() -> None:
    dump = 'disabled_plugins = []\nroot = "/srv/containerd"\n[grpc]\n  address = "/run/other.sock"\n'
    seen = parse_runtime(
        "== containerd\ncontainerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n"
        "== ctr\n/usr/bin/ctr\n== runc\n/usr/sbin/runc\n== installer\napt-get\n== path\n/etc/containerd/config.toml\n"
        "== folder\nthere\n== file\ndmVyc2lvbiA9IDIK\n== packaged\nuntouched\n"
        "== unit\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
        f"== dump\n{dump}== file system\next2/ext3\n"
        "== plugins\nTYPE ID PLATFORMS STATUS\nio.containerd.snapshotter.v1 overlayfs linux/sw64 ok\n"
        "io.containerd.snapshotter.v1 zfs linux/sw64 skip\n== namespaces\nk8s.io 3\nrunbook-users 1\n")
    assert (seen.numbers, seen.maker, seen.file) == ((1, 6), Maker.PACKAGE, "version = 2\n")
    assert (seen.root, seen.state, seen.address) == ("/srv/containerd", "/run/containerd", "/run/other.sock")
    assert seen.others("runbook-users") == ("k8s.io",) and seen.snapshotter == "overlayfs"
    absent = parse_runtime("== containerd\n== unit\nLoadState=not-found\n")
    assert not absent.version and not absent.client and absent.maker is Maker.NOBODY
    broken = parse_runtime("== containerd\ncontainerd v2.1.5\n== dump\ncontainerd: toml: line 3: expected\n")
    assert broken.numbers == (2, 1) and broken.complaint == "containerd: toml: line 3: expected"
