"""On real hosts: an image is imported, runs confined, is what was built, is replaced, and leaves no trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.containers import door
from runbook.chapters.containers.container import Container
from runbook.chapters.containers.decide import service_on_host
from runbook.chapters.containers.drill import unhealthy
from runbook.chapters.containers.evidence import evidence
from runbook.chapters.containers.image import Recipe, read_image, write_image
from runbook.chapters.containers.observe import deployed
from runbook.chapters.containers.verify_container import container_runs, containerd_runs
from runbook.chapters.containers.wanted import Deployment
from runbook.claims.hearing import hear
from runbook.contents import title_of
from runbook.entries import entries
from runbook.errors import Blocked, ChapterFailed, CommandFailed, RunbookError
from runbook.journal import Journal
from runbook.perform import perform
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.run import Run
from runbook.site import Site
from runbook.targets import load_target
from runbook.undo import changes_by_host, standing, undo
from runbook.verdict import State, Verdicts
from tests.chapters.containers.test_image import changed

SERVICE, PORT = "chapter-box", 18_232  # of these tests only: the bed is shared
CONFIG = "/etc/containerd/config.toml"

TRACES = Script(
    "for place in /opt/runbook-chapter-box /etc/containerd /var/lib/runbook/chapter-box; do\n"
    "  find \"$place\" -type f -exec sha256sum {} + 2>/dev/null\n"
    "  find \"$place\" -printf '%p %m %u\\n' 2>/dev/null; done | sort\n"
    "find /etc/systemd/system /run/systemd /var/lib/containerd /run/containerd \\( -name '*chapter-box*' -o "
    "-name '*chapter_box*' \\)\n"
    "find /sys/fs/cgroup -name '*chapter_box*'\n"
    "systemctl list-units --all --plain --no-legend 'runbook-chapter-box*' 'runbook_chapter_box*'\n"
    "systemctl show -p ActiveState -p UnitFileState containerd.service\n"
    "systemctl is-active --quiet containerd.service || exit 0\n"
    "ctr namespaces ls -q </dev/null; find /var/lib/containerd -path '*blobs/sha256/*'; :",
    sudo=True,
)


@pytest.fixture(scope="session")
def packed(bed_site: Site, wanted: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Container:
    """The service for the bed's target, in an image."""
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    platform = load_target(bed_site.target).oci
    image = write_image(Recipe(SERVICE, platform, wanted.sha256), wanted.source.read_bytes(), archive)
    return Container(SERVICE, PORT, archive, image.archive_sha256, image=image.name, digest=image.digest,
                     binary_sha256=wanted.sha256, platform=platform)


def put(fleet: Fleet, wanted: Deployment, journal: Journal, check: bool = False) -> dict[str, str]:
    plans = {one.host: door.on_host(one, wanted) for one in fleet.ask(*door.questions(wanted))}
    done = fleet.each(
        lambda shell: perform(plans[shell.name], shell, journal, run="chapter-box", check=check))
    return {one.host: one.state for one in done.values()}


def judged(fleet: Fleet, wanted: Container, site: Site) -> Verdicts:
    return container_runs(fleet, wanted, read_image(wanted.source), load_target(site.target), site)


def traces(fleet: Fleet) -> dict[str, str]:
    """What a deployment could leave behind, by host."""
    return {result.host: result.text for result in fleet.run(TRACES.command()).values()}


def take_back(fleet: Fleet, journal: Journal) -> None:
    outcomes = undo(entries(journal.path), fleet, journal, chapter=None)
    assert all(one.ok for one in outcomes), [str(one) for one in outcomes]


def run(shell: Shell, text: str, *args: str) -> str:
    return shell.run(Script(text, args, sudo=True).command()).text


@contextmanager
def away(shell: Shell, path: str) -> Iterator[None]:
    """A file that a host does not have for a while."""
    run(shell, 'mv -- "$1" "$1.away"', path)
    try:
        yield
    finally:
        run(shell, 'mv -- "$1.away" "$1"', path)


def test_a_container_is_deployed_proved_and_taken_back_without_a_trace(
    fleet: Fleet, bed_site: Site, packed: Container, journal: Journal
) -> None:
    bare = fleet[fleet.names[2]]  # without a configuration, and containerd stopped
    run(bare, "systemctl disable --now containerd.service 2>/dev/null")
    try:
        with away(bare, "/etc/containerd"):
            before = traces(fleet)
            assert "inactive" in before[bare.name]
            assert set(put(fleet, packed, journal, check=True).values()) == {"pending"}
            assert traces(fleet) == before, "check mode changed something"
            assert set(put(fleet, packed, journal).values()) == {"applied"}
            verdicts = judged(fleet, packed, bed_site)
            assert len(verdicts) == 6 * len(fleet) and all(one.state is State.PASS for one in verdicts), str(verdicts)
            assert set(put(fleet, packed, journal).values()) == {"unchanged"}
            run(bare, "kill -KILL $(systemctl show -p MainPID --value runbook-chapter-box.service)")
            again = judged(fleet.only(bare.name), packed, bed_site)
            assert [one.what for one in again if not one.ok] == ["unit active"], str(again)
            take_back(fleet, journal)
            assert traces(fleet) == before
    finally:
        run(bare, "systemctl enable --now containerd.service 2>/dev/null")


@pytest.fixture
def opened(
    bed_site: Site, wanted: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Chapter]]:
    """Chapter 04 on one host, in a run of its own that has the service built."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    site = replace(bed_site, service=replace(bed_site.service, name=SERVICE, port=PORT))
    made = Run.start(site)
    (made.artifacts / SERVICE).write_bytes(wanted.source.read_bytes())
    made.keep(SERVICE, made.artifacts / SERVICE)

    def chapter() -> Chapter:
        fleet = Fleet.open(made.site, hosts=(made.site.hosts[1].name,), recorder=made.journal)
        return Chapter(title_of("04"), made, fleet, check=False, confirm="", options={})

    yield chapter
    with Fleet.open(made.site, recorder=made.journal) as fleet:
        take_back(fleet, made.journal)


def deploy(chapter: Chapter, wanted: Deployment) -> Verdicts:
    chapter.act(chapter.decide(door.on_host, door.seen(chapter, wanted), wanted))
    return chapter.verify(door.runs_as_built, wanted).verdicts


def test_an_unhealthy_version_is_taken_back_and_the_version_before_runs_again(
    opened: Callable[[], Chapter], fleet: Fleet
) -> None:
    one = fleet.only(fleet.names[1])
    before = traces(one)

    first = opened()
    good = first.act(door.wanted)
    told = {verdict.what: verdict for verdict in deploy(first, unhealthy(good))}
    assert "cannot assign requested address" in told["unit active"].reason, "its last words are shown"
    assert told["taken back"].reason == "nothing was there before, and nothing of it is left"
    with pytest.raises(ChapterFailed):
        first.record()
    assert traces(one) == before

    second = opened()
    assert all(verdict.state is State.PASS for verdict in deploy(second, good))
    count = changes_by_host(second.run.entries())
    (drill,) = second.verify(door.bad_version, good)
    assert drill.state is State.PASS, drill
    assert 0 < drill.figures["rollback.noticed"].value < 60
    assert changes_by_host(second.run.entries()) == count, "a drill is no change"
    second.record()

    third = opened()
    told = {verdict.what: verdict for verdict in deploy(third, unhealthy(good))}
    assert told["answers"].state is State.FAIL
    assert (told["taken back"].state, told["taken back"].reason) == (
        State.PASS, "the version before runs again and answers")
    with pytest.raises(ChapterFailed):
        third.record()
    fourth = opened()
    assert all(verdict.state is State.PASS for verdict in deploy(fourth, good)), "nothing to do, and all is well"
    (drill,) = fourth.verify(door.bad_version, good)
    assert drill.state is State.SKIPPED and "nothing was deployed anew" in drill.reason
    fourth.record()
    assert {step.host for step in standing(fourth.run.entries())} == set(one.names)
    undo(fourth.run.entries(), fleet, fourth.run.journal)
    assert traces(one) == before


def test_a_host_without_containerd_is_blocked_with_the_command_that_mends_it(
    fleet: Fleet, packed: Container, journal: Journal
) -> None:
    one = fleet.only(fleet.names[0])
    before = traces(one)
    with away(one[one.names[0]], "/usr/bin/containerd"), pytest.raises(Blocked, match="no containerd there") as error:
        put(one, packed, journal)
    assert "`apt-get install containerd`" in error.value.next
    assert traces(one) == before


@pytest.mark.parametrize("off", ["io.containerd.grpc.v1.cri", "io.containerd.runtime.v2.task"])
def test_a_configuration_made_by_hand_is_kept_and_the_difference_shown(
    fleet: Fleet, packed: Container, journal: Journal, off: str
) -> None:
    one = fleet.only(fleet.names[0])
    shell = one[one.names[0]]
    with away(shell, CONFIG):
        run(shell, 'printf "# by hand\\nversion = 2\\ndisabled_plugins = [\\"%s\\"]\\n" "$2" >"$1"', CONFIG, off)
        try:
            if off.endswith("task"):
                with pytest.raises(Blocked, match="made by hand, and the service cannot run under it") as error:
                    put(one, packed, journal)
                assert "-# by hand" in error.value.tail
            else:
                (answers,) = one.ask(*door.questions(packed))
                assert "/etc/containerd" not in door.on_host(answers, packed).diff
                told = containerd_runs(answers, packed)
                assert told.state is State.PASS and "was kept" in told.reason and "-# by hand" in told.reason
            assert run(shell, 'cat "$1"', CONFIG).startswith("# by hand")
        finally:
            run(shell, 'rm -- "$1"', CONFIG)


def test_a_port_of_another_process_blocks_and_names_it(
    fleet: Fleet, packed: Container, wanted: Deployment, journal: Journal
) -> None:
    one = fleet.only(fleet.names[0])
    (answers,) = one.ask(deployed(wanted))
    perform(service_on_host(answers, wanted), one[one.names[0]], journal, run="chapter-box", check=False)
    try:
        run(one[one.names[0]], "tries=100; until curl -fs 127.0.0.1:$1/healthz; do tries=$((tries - 1)); "
            "[ $tries -gt 0 ] || exit 1; sleep 0.1; done", str(wanted.port))
        with pytest.raises(Blocked, match=rf"port {wanted.port} is taken by \S+ \(process \d+, user \d+\)"):
            put(one, replace(packed, port=wanted.port), journal)
    finally:
        take_back(one, journal)


def test_an_image_with_a_changed_byte_is_refused_before_it_is_sent_and_by_containerd(
    fleet: Fleet, packed: Container, journal: Journal, tmp_path: Path
) -> None:
    one = fleet.only(fleet.names[0])
    before = traces(one)
    archive = tmp_path / "image.tar"
    archive.write_bytes(changed(packed.source.read_bytes(), b'"Entrypoint"'))
    with pytest.raises(RunbookError, match="its SHA-256 is .*, and .* was planned"):
        put(one, replace(packed, source=archive), journal)
    known = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(CommandFailed, match="images import"):
        put(one, replace(packed, source=archive, sha256=known), journal)
    take_back(one, journal)
    assert traces(one) == before


def test_the_articles_claims_are_judged_by_what_a_host_says(fleet: Fleet) -> None:
    before = traces(fleet.only(fleet.names[0]))
    seen = evidence(fleet, drills=True)
    told = {claim.id: judgement for claim, judgement in hear("04_container_deploy", seen)}
    assert {id: judgement.holds for id, judgement in told.items()} == {
        "4.1-a": False, "4.1-f": False, "4.1-g": False, "4.1-h": False}
    assert "more than one ExecStart=" in told["4.1-g"].measured
    assert "systemd_cgroup" in told["4.1-h"].measured
    without = {claim.id: judgement for claim, judgement in hear("04_container_deploy", evidence(fleet, drills=False))}
    assert without["4.1-h"].holds is None and "no drills" in without["4.1-h"].why
    assert traces(fleet.only(fleet.names[0])) == before
