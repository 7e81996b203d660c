"""A service is built on a host of the site: the same bytes, once, whatever becomes of connection and process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.buildhost.bench import Bench, bench
from runbook.chapters.buildhost.decide import FOLDER, place_for
from runbook.chapters.buildhost.observe import look_at
from runbook.chapters.compile import door
from runbook.chapters.compile.artefacts import Recipes
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import SERVICES, ingredients
from runbook.chapters.compile.on_host import MODULES, WORK, OnHost
from runbook.chapters.compile.passport import passport
from runbook.chapters.compile.side_by_side import build_all
from runbook.chapters.compile.verify import verify_build
from runbook.chapters.toolchain.observe import PREPARED
from runbook.contents import title_of
from runbook.entries import entries
from runbook.errors import Blocked, BuildFailed, CommandFailed, Interrupted, NotConfirmed
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.lease import Lease, leases
from runbook.remote.local import LocalShell
from runbook.remote.ssh import SshShell
from runbook.remote.unrecorded import Unrecorded
from runbook.run import Run
from runbook.site import Build, Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harm, harmed, heal
from runbook.undo import undo

NODE, TARGET = "node1", load_target("riscv64")
OWN = str(PREPARED.resolve())  # of this machine, and the bed's hosts show it at the same place
FUNCTION = ("func f{0}(a, b int) int {{ for i := 0; i < b; i++ {{ if a%{1} == i {{ a += b*{0} }} "
            "else {{ a ^= i<<{2} }} }}; return a }}\n")
WITH_A_MODULE = """package main

import "github.com/cespare/xxhash/v2"

func main() { println(xxhash.Sum64String("a")) }
"""


@pytest.fixture(scope="module")
def opened(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chapter]:
    """Chapter 03 of a run on the bed; what it did to the host that compiles is taken back at the end, and is gone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RUNBOOK_REPORTS", str(tmp_path_factory.mktemp("reports")))
        made = Run.start(replace(load_site(bed.site_file), build=Build(NODE)))
        chapter = Chapter(title_of("03"), made, Fleet.open(made.site, recorder=made.journal), check=False, confirm="",
                          options={"on": ""})
        yield chapter
        heal(bed.layout, NODE)
        chapter.take_hosts([NODE])
        done = undo(made.entries(), chapter.fleet, made.journal)
        chapter.let_go()
        shell = chapter.fleet[NODE]
        assert done and all(one.ok for one in done), done
        assert shell.run(command("sh", "-c", 'ls -d "$1" 2>/dev/null; :', "sh", FOLDER)).text == ""
        assert not leases(shell)
        chapter.fleet.close()


@pytest.fixture(scope="module")
def found(opened: Chapter) -> Bench:
    """The host, its folder made."""
    there = bench(opened, place_for(look_at(opened.fleet[NODE])))
    assert there is not None
    return there


@pytest.fixture
def host(found: Bench) -> OnHost:
    """With its own Go, which need not be sent."""
    return OnHost(found, OWN)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "builds"


@pytest.fixture
def recipe(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> Callable[[str], Recipe]:
    """Of the small service, with that source."""
    def of(main: str) -> Recipe:
        (services / "hello" / "main.go").write_text(main)
        seen = ingredients(site, local, services)
        return recipe_for("hello", seen.sources, seen.go, TARGET, tmp_path)
    return of


@pytest.fixture
def lasting(recipe: Callable[[str], Recipe], request: pytest.FixtureRequest) -> Recipe:
    """One that takes some seconds to compile, and that no other test has built."""
    many = "".join(FUNCTION.format(one, one + 2, one % 7) for one in range(4000))
    return recipe(f"package main\n\n// {request.node.name}\n{many}\nfunc main() {{ println(f0(1, 2)) }}\n")


@pytest.fixture
def with_a_module(services: Path, recipe: Callable[[str], Recipe]) -> Recipe:
    """One that takes a module of those that set-up fetched for the real services."""
    sums = [line for line in (SERVICES / "go.sum").read_text().splitlines() if "cespare/xxhash/v2 v2" in line]
    (services / "go.sum").write_text("\n".join(sums) + "\n")
    version = sums[0].split()[1].removesuffix("/go.mod")
    with (services / "go.mod").open("a") as file:
        file.write(f"\nrequire github.com/cespare/xxhash/v2 {version}\n")
    return recipe(WITH_A_MODULE)


def await_lease(shell: SshShell) -> Lease:
    """The build on the host, while its compiler runs."""
    until = time.monotonic() + 60
    while True:
        for one in leases(shell):
            if one.run.startswith("compile ") and one.runs:
                told = shell.run(command("sh", "-c", 'ls "$1"/*/first 2>/dev/null; :', "sh", WORK)).text
                if "hello" in told:
                    return one
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def beside(opened: Chapter) -> Iterator[SshShell]:
    """Another connection to the same host."""
    shell = SshShell(opened.site.host(NODE), Unrecorded())
    yield shell
    shell.close()


@pytest.mark.timeout(400)  # Go is sent, and a standard library compiled for the first time
def test_what_a_host_builds_is_what_this_machine_builds_and_only_once(
    opened: Chapter, with_a_module: Recipe, local: LocalShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a module, the site's Go sent: through the door of the notebook."""
    monkeypatch.setattr(door, "build_all", partial(build_all, kept=tmp_path / "kept"))
    seen = replace(ingredients(opened.site, local), host=look_at(opened.fleet[NODE]))
    recipes = door.recipes(seen, opened.site, opened.target)
    assert str(seen).endswith("; to be compiled on node1") and "on node1, in /var/cache/runbook: 1 step" in str(recipes)
    wanted = Recipes(with_a_module, place=recipes.place)
    made = door.built(opened, wanted)
    assert made.deployed.on == NODE and str(made) == f"{with_a_module}, on {NODE}" and not made.deployed.already
    here = build(with_a_module, local, tmp_path / "here")
    assert (made.deployed.sha256, made.deployed.again) == (here.sha256, here.sha256) and here.on == ""
    assert verify_build(made.deployed, opened.target).ok
    papers = {one.on: passport(one) for one in (made.deployed, here)}
    assert papers[NODE].ok and not papers[NODE].paths
    assert tomllib.loads(papers[NODE].to_toml())["build"]["on"] == NODE
    assert tomllib.loads(papers[""].to_toml())["build"]["on"] == "local"
    before = len(entries(opened.run.folder / "journal.jsonl"))
    again = door.built(opened, replace(wanted, place=place_for(look_at(opened.fleet[NODE]))))
    assert again.deployed.already and again.deployed.state == f"was built already on {NODE}"
    since = entries(opened.run.folder / "journal.jsonl")[before:]
    assert not [one for one in since if one.kind in ("transfer", "step")], "the folder is there, and nothing is sent"


def test_what_is_there_is_not_sent_again_and_a_changed_module_is_found(
    opened: Chapter, found: Bench, with_a_module: Recipe, local: LocalShell, kept: Path, beside: SshShell
) -> None:
    before = len(entries(opened.run.folder / "journal.jsonl"))
    first = OnHost(found).build(with_a_module, local, kept, 5)
    since = entries(opened.run.folder / "journal.jsonl")[before:]
    sent = [one for one in since if one.kind == "transfer" and one.phase == "end" and "bytes_sent" in one.fields]
    assert len(sent) == 3 and all(one.get("already") for one in sent), [one.fields for one in sent]
    assert not first.already and not beside.run(command("ls", WORK)).text, "what was fetched is not kept there"
    ask = 'ls -d "$1"/github.com/cespare/xxhash/v2@*/xxhash.go'
    (file,) = beside.run(command("sh", "-c", ask, "sh", MODULES)).text.split()
    beside.run(command("sh", "-c", 'chmod u+w "$1" && echo "// changed" >>"$1"', "sh", file))
    with pytest.raises(BuildFailed, match="node1: hello .* its modules do not hold") as failed:
        OnHost(found).build(with_a_module, local, kept / "other", 5)
    assert "has been modified" in failed.value.tail and MODULES in failed.value.next
    beside.run(command("sh", "-c", 'chmod -R u+w "$1" && rm -r "$1"', "sh", MODULES))
    assert OnHost(found).build(with_a_module, local, kept / "other", 5).sha256 == first.sha256


def test_a_connection_that_is_cut_costs_nothing_of_the_build(
    bed: Bed, host: OnHost, lasting: Recipe, local: LocalShell, kept: Path, beside: SshShell,
) -> None:
    lost = []

    def strike() -> None:
        lost.append(await_lease(beside))
        time.sleep(0.5)  # the word that it has begun is on its way; whoever loses that is told so, and waits no more
        harm(bed.layout, "reset", NODE)
        lost.extend(leases(SshShell(beside.host, Unrecorded())))

    thread = threading.Thread(target=strike)
    thread.start()
    built = host.build(lasting, local, kept, 5)
    thread.join()
    assert [one.id for one in lost] == [lost[0].id] * 2 and lost[1].runs, "it went on while nobody was connected"
    assert built.sha256 == build(lasting, local, kept).sha256


def in_another_process(bed: Bed, recipe: Recipe, kept: Path, node: str = NODE) -> multiprocessing.Process:
    def work() -> None:
        seen = SshShell(load_site(bed.site_file).host(node), Unrecorded())
        OnHost(Bench(look_at(seen), seen), OWN).build(recipe, LocalShell(Unrecorded()), kept, 5)
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def test_a_killed_runbook_finds_its_build_on_the_host_going_on(
    bed: Bed, found: Bench, host: OnHost, lasting: Recipe, local: LocalShell, kept: Path,
    beside: SshShell,
) -> None:
    first = in_another_process(bed, lasting, kept)
    lease = await_lease(beside)
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)
    assert [one.id for one in leases(beside) if one.runs] == [lease.id]
    built = host.build(lasting, local, kept, 5)
    assert not built.already and built.sha256 == build(lasting, local, kept).sha256
    assert not leases(beside), "the one lease was attached to, and is forgotten"


def test_what_was_finished_when_nobody_was_there_is_fetched_and_not_built_again(
    bed: Bed, host: OnHost, lasting: Recipe, local: LocalShell, kept: Path, beside: SshShell
) -> None:
    first = in_another_process(bed, lasting, kept)
    lease = await_lease(beside)
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)
    until = time.monotonic() + 60
    while any(one.runs for one in leases(beside)):
        assert time.monotonic() < until
        time.sleep(0.1)
    told = beside.run(command("sh", "-c", 'cat "$1"/*/built/told', "sh", WORK)).text
    before, after = told.splitlines()[-1].split()[1:]
    built = host.build(lasting, local, kept, 5)
    assert built.seconds == round(float(after) - float(before), 3) and built.sha256 == told.split()[0]
    assert lease.id not in [one.id for one in leases(beside)], "what nobody waited for is forgotten"


def test_a_build_that_was_killed_there_begins_anew_on_what_was_compiled(
    host: OnHost, lasting: Recipe, local: LocalShell, kept: Path, beside: SshShell,
) -> None:

    def kill() -> None:
        lease = await_lease(beside)
        time.sleep(0.5)
        beside.run(command("sh", "-c", 'kill -s KILL -- "-$(cut -d" " -f1 .local/state/runbook/leases/"$1"/group)"',
                           "sh", lease.id))

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises((BuildFailed, CommandFailed), match=NODE):
        host.build(lasting, local, kept, 5)
    thread.join()
    assert not list(kept.glob("*/built.json")) and not list(kept.glob("new-*"))
    compiled = beside.run(command("sh", "-c", 'find "$1/compiled" -type f | wc -l', "sh", FOLDER)).text
    built = host.build(lasting, local, kept, 5)
    assert int(compiled) > 20 and built.again == built.sha256


def test_an_interrupt_stops_what_runs_on_the_host(
    host: OnHost, lasting: Recipe, local: LocalShell, kept: Path, beside: SshShell,
) -> None:
    threading.Thread(target=lambda: (await_lease(beside), os.kill(os.getpid(), signal.SIGINT))).start()
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        build_all([lasting], local, kept=kept, host=host)
    assert not [one for one in leases(beside) if one.runs]
    assert build_all([lasting], local, kept=kept, host=host)[0].on == NODE, "both shells work again"


def test_a_full_disk_there_is_told_with_the_host_and_what_lies_there(
    bed: Bed, host: OnHost, lasting: Recipe, local: LocalShell, kept: Path,
) -> None:
    with harmed(bed.layout, "full-disk", NODE, FOLDER, "2000"), \
            pytest.raises(BuildFailed, match="node1: hello for linux/riscv64") as failed:
        host.build(lasting, local, kept, 5)
    assert "no space left on device" in failed.value.tail.lower()
    assert failed.value.next.startswith("make room on node1; what was brought and compiled there lies in /var/cache")
    assert not list(kept.glob("*/built.json"))


def test_the_compilers_words_name_the_sources_and_not_the_hosts_folders(
    host: OnHost, recipe: Callable[[str], Recipe], local: LocalShell, kept: Path
) -> None:
    wrong = recipe("package main\n\nfunc main() { undefined_thing() }\n")
    with pytest.raises(BuildFailed, match=r"hello/main.go:3:15: undefined: undefined_thing") as failed:
        host.build(wrong, local, kept, 5)
    assert FOLDER not in str(failed.value) and failed.value.what.startswith("node1: hello for")


@pytest.mark.parametrize(("own", "says", "next"), [
    ("/opt/nothing", "node1 has no Go in /opt/nothing", "install the site's Go there, take go out of"),
    ("/usr/lib/go-1.19", "another one than the site's: it says `go version go1.19", "install the same Go there"),
])
def test_a_host_without_the_sites_go_says_what_to_do(
    found: Bench, lasting: Recipe, local: LocalShell, kept: Path, own: str, says: str, next: str
) -> None:
    with pytest.raises(Blocked, match=says) as blocked:
        OnHost(found, own).build(lasting, local, kept, 5)
    assert next in blocked.value.next and "[build] on empty to compile on this machine" in blocked.value.next


def test_a_host_of_another_machine_is_told_to_bring_its_own_go(
    found: Bench, lasting: Recipe, local: LocalShell, kept: Path
) -> None:
    foreign = replace(found, seen=replace(found.seen, machine="another"))
    with pytest.raises(Blocked, match="node1 is another, and the site's Go runs on") as blocked:
        OnHost(foreign).build(lasting, local, kept, 5)
    assert "name the folder of the same Go on node1 as go in [build]" in blocked.value.next


def test_check_mode_and_a_site_that_is_not_confirmed_put_nothing_on_a_host(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    made = Run.start(replace(load_site(bed.site_file), protected=True))
    with Fleet.open(made.site, recorder=made.journal) as fleet:
        for check in (True, False):
            chapter = Chapter(title_of("03"), made, fleet, check=check, confirm="", options={"on": "node1"})
            place = place_for(replace(look_at(fleet[NODE]), folder=""))
            if check:
                assert bench(chapter, place) is None
            else:
                with pytest.raises(NotConfirmed):
                    bench(chapter, place)
    told = made.entries()
    assert not [one for one in told if one.kind in ("step", "transfer")]
    assert any("check mode: nothing is put on node1" in str(one.get("text")) for one in told)


def test_undo_in_the_middle_of_a_build_leaves_nothing_of_it(
    bed: Bed, lasting: Recipe, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another host, in a run of its own: its runbook was killed, and nobody comes back to the lease."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    made, node = Run.start(load_site(bed.site_file)), "node2"
    with Fleet.open(made.site, recorder=made.journal) as fleet:
        chapter = Chapter(title_of("03"), made, fleet, check=False, confirm="", options={})
        assert bench(chapter, place_for(look_at(fleet[node]))) is not None
        child = in_another_process(bed, lasting, kept, node)
        await_lease(fleet[node])
        os.kill(child.pid, signal.SIGKILL)
        child.join(10)
        (done,) = undo(made.entries(), fleet, made.journal)
        chapter.let_go()
        assert done.ok and done.state == "undone", done
        assert not leases(fleet[node])
        left = 'ls -d "$1" .local/state/runbook 2>/dev/null; readlink /proc/[0-9]*/cwd | grep -F "$1"; :'
        assert fleet[node].run(command("sh", "-c", left, "sh", FOLDER, sudo=True)).text == ""
