"""A fleet by the workers of Dask: only data crosses, one journal is written, and a worker that dies is told."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.entries import spans
from runbook.errors import CommandFailed, LeftOut, RunbookError, UsageError, WorkerLost
from runbook.journal import Journal
from runbook.perform import perform_there
from runbook.plan import Plan, Replace, Restore, Step
from runbook.remote.command import Script, command
from runbook.remote.errand import Errand, run_there
from runbook.remote.fleet import Fleet
from runbook.remote.question import Question, Unanswered
from runbook.remote.round import FirstFailure
from runbook.remote.secret import Reference, Secret
from runbook.remote.strict import StrictShell
from runbook.site import ROOT, Site, load_site
from runbook.testbed import light
from runbook.testbed.bed import Bed
from runbook.undo import undo
from tests.remote.conftest import Notes, free_port, gone, running

COUNT = 40
WHERE = Question(Script("set -- $SSH_CONNECTION; echo $3"), lambda text: text.strip(), "where")
NOWHERE = Question(Script("echo no number"), int, "number")


@pytest.fixture(scope="module")
def many() -> Iterator[Bed]:
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    bed = light.up(COUNT)
    yield bed
    light.down()


def spread(site: Site, where: str = "local:3", **ssh: object) -> Site:
    """The site whose hosts are asked by workers."""
    hosts = tuple(replace(host, ssh=replace(host.ssh, connect_seconds=30)) for host in site.hosts)
    return replace(site, ssh=replace(site.ssh, spread=where, at_once=20, **ssh), hosts=hosts)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return Journal(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def fleet(many: Bed, journal: Journal) -> Iterator[Fleet]:
    with Fleet.open(spread(load_site(many.site_file)), recorder=journal) as fleet:
        yield fleet


def process_there(shell: StrictShell) -> int:
    """Which process speaks to the host."""
    shell.run(command("true"))
    return os.getpid()


def broken_there(shell: StrictShell) -> float:
    return 1 / (shell.name != "light2")


def test_the_same_calls_answer_as_without_workers_and_only_this_process_writes_the_journal(
        many: Bed, fleet: Fleet, journal: Journal) -> None:
    answers = fleet.ask(WHERE, NOWHERE)
    assert [answers.host for answers in answers] == list(fleet.names)
    assert answers.of(WHERE) == {place.name: str(place.address) for place in many.hosts}
    assert isinstance(answers["light7"][NOWHERE], Unanswered) and "cannot be read" in answers["light7"][NOWHERE].why
    outcomes = fleet.run(command("sh", "-c", '[ "${SSH_CONNECTION#* * *.16 }" = "$SSH_CONNECTION" ] || exit 7'))
    assert list(outcomes.errors) == ["light6"] and isinstance(outcomes.errors["light6"], CommandFailed)
    assert outcomes.errors["light6"].exit_code_seen == 7 and len(outcomes.good) == COUNT - 1
    told = spans(journal.entries(), "command")
    assert len(told) == 2 * COUNT and all(span.end is not None for span in told)
    assert {span.begin.host for span in told} == set(fleet.names)


def test_the_hosts_are_spoken_to_by_several_processes_and_none_is_this_one(fleet: Fleet) -> None:
    by = fleet.carry(process_there, dict.fromkeys(fleet.names, ()), again=True).values()
    assert len(set(by)) == 3 and os.getpid() not in by


def test_nothing_of_it_listens_to_other_machines(fleet: Fleet) -> None:
    pids = {os.getpid(), *fleet.carry(process_there, dict.fromkeys(fleet.names, ())).values()}
    listening = subprocess.run(["ss", "--no-header", "-tlnp"], capture_output=True, text=True, check=True, timeout=30)
    ours = [line.split()[3] for line in listening.stdout.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert ours and all(address.startswith("127.0.0.1:") for address in ours), ours


def test_a_failure_stops_the_others_over_all_workers(fleet: Fleet, mark: str) -> None:
    data = dict.fromkeys(fleet.names, (command("sleep", mark),))
    data["light1"] = (command("sh", "-c", "sleep 3; exit 1"),)
    outcomes = fleet.carry(run_there, data, first_failure=FirstFailure.STOP)
    assert isinstance(outcomes.errors["light1"], CommandFailed) and not outcomes.good
    assert {type(outcomes.errors[host]) for host in fleet.names[1:]} == {LeftOut}
    assert "light1 failed" in outcomes.errors["light40"].what and gone(mark, 8)


def test_a_defect_of_the_function_is_raised_here(fleet: Fleet) -> None:
    with pytest.raises(RunbookError, match="light2: a worker met a defect: ZeroDivisionError"):
        fleet.carry(broken_there, dict.fromkeys(fleet.names[:4], ()))


def kill_a_worker_when(fleet: Fleet, mark: str, hosts: int) -> threading.Thread:
    """SIGKILL to the process that speaks to the first host, when so many of the hosts have begun."""
    processes = fleet.carry(process_there, dict.fromkeys(fleet.names, ())).by_host

    def kill() -> None:
        until = time.monotonic() + 30
        while len([line for line in running(mark) if line.startswith("sleep")]) < hosts and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(processes["light1"], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_the_hosts_of_a_worker_that_dies_are_asked_by_another(fleet: Fleet, journal: Journal, mark: str) -> None:
    slowly = Question(Script('sleep 6 & echo "$$"; exec sleep "$1" & wait %1; kill %2', args=(mark,)),
                      lambda text: int(text), "slowly")
    killing = kill_a_worker_when(fleet, mark, COUNT)
    before = journal.last
    answers = fleet.ask(slowly)
    killing.join()
    assert not answers.errors and len(answers.of(slowly)) == COUNT, answers
    notes = [one for one in journal.entries() if one.seq > before and one.get("about") == "worker"]
    assert notes and "was lost" in str(notes[0].get("text")) and "goes on with its hosts" in str(notes[0].get("text"))
    told = [span for span in spans(journal.entries(), "command") if span.begin.seq > before]
    assert all(span.end is not None for span in told), "nothing stays open"
    assert any("has died" in str(span.end.get("error")) for span in told if span.end)


def test_what_a_worker_that_died_had_begun_to_change_is_told_and_not_done_twice(
        fleet: Fleet, journal: Journal, mark: str) -> None:
    killing = kill_a_worker_when(fleet, mark, COUNT)
    before = journal.last
    outcomes = fleet.run(command("sh", "-c", 'sleep "$1" & sleep 6; kill $!', "sh", mark))
    killing.join()
    lost = outcomes.errors
    assert {type(error) for error in lost.values()} == {WorkerLost} and "light1" in lost and len(lost) < COUNT
    assert "has died; what became of what it did there is not known" in lost["light1"].what
    assert "runbook status --hosts" in lost["light1"].next
    told = [span for span in spans(journal.entries(), "command") if span.begin.seq > before]
    assert len(told) == COUNT and all(span.end is not None for span in told), "each was begun once"
    assert gone(mark, 70), "the hosts' own limit ends what nobody waits for any more"


def test_a_plan_is_carried_out_by_a_worker_and_taken_back_from_the_journal(bed: Bed, tmp_path: Path) -> None:
    site, journal = load_site(bed.site_file), Journal(tmp_path)
    file = "/etc/runbook-test-spread"
    plan = Plan(Step("the file is missing", (Replace(file, "one\n"),), (Restore(file),)))
    with Fleet.open(spread(site, "local:2"), recorder=journal) as fleet:
        data = dict.fromkeys(fleet.names, (plan, "spread", False))
        assert [one.state for one in fleet.carry(perform_there, data).values()] == ["applied"] * 3
        assert [one.state for one in fleet.carry(perform_there, data).values()] == ["unchanged"] * 3
    with Fleet.open(site, recorder=journal) as here:
        assert {result.text for result in here.run(command("cat", file)).values()} == {"one\n"}
        assert all(one.state == "undone" for one in undo(journal.entries(), here, journal))
        assert set(here.run(command("sh", "-c", 'test -e "$1" || echo gone', "sh", file)).values()[0].text.split()) \
            == {"gone"}


def test_each_worker_reads_its_secrets_itself(
        many: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key's passphrase is in the environment of the workers, and not in this process's."""
    site = load_site(many.site_file)
    locked = tmp_path / "locked"
    locked.write_bytes(Path(str(site.ssh.key).removeprefix("file:")).read_bytes())
    locked.chmod(0o600)
    word = "a-word-for-this-test-only"
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", word, "-f", str(locked)], check=True, timeout=30)
    hosts = tuple(replace(host, ssh=replace(host.ssh, key=Reference(f"file:{locked}"),
                                            passphrase=Reference("env:RUNBOOK_TEST_WORD"))) for host in site.hosts[:4])
    guarded = spread(replace(site, hosts=hosts), "local:2")
    journal = Journal(tmp_path / "run")
    with Fleet.open(guarded, recorder=journal) as fleet:
        monkeypatch.setenv("RUNBOOK_TEST_WORD", word)
        fleet.carry(process_there, {fleet.names[0]: ()})
        monkeypatch.delenv("RUNBOOK_TEST_WORD")
        with pytest.raises(UsageError, match="is not set"):
            Reference("env:RUNBOOK_TEST_WORD").resolve()
        said = fleet.run(command("sh", "-c", 'printf "the word is %s%s\\n" a-word-for- this-test-only'))
    assert said.ok and {result.text for result in said.values()} == {"the word is ***\n"}, "it does not come back"
    found = [file for file in (tmp_path / "run").rglob("*") if file.is_file() and word.encode() in file.read_bytes()]
    assert not found


def errand(site: Site, function: object, *data: object) -> Errand:
    return Errand(0, site, ("light1",), function, {"light1": data}, "line")  # type: ignore[arg-type]


def test_no_secret_crosses(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key that is a secret of this test\n")
    (tmp_path / "site.toml").write_text(light.site_text(1).replace("id_ed25519", "key"))
    site = load_site(tmp_path / "site.toml")
    site.know_secrets()
    packed = errand(site, run_there, command("true")).packed()
    assert b"a key that is" not in packed and b"file:" in packed, "the reference crosses, not the key"
    assert pickle.loads(packed).site == site
    for data in (command("cat", stdin=Secret("by standard input, secretly")), Secret("by itself, secretly"),
                 Plan(Step("writes it", (Replace("/x", Secret("in a plan, secretly")),))),
                 command("echo", "a key that is a secret of this test")):
        with pytest.raises(UsageError, match="a secret"):
            errand(site, run_there, data).packed()
    with pytest.raises(UsageError, match="cannot cross to a worker"):
        errand(site, lambda shell: None).packed()


INTERRUPTED = """
import sys
from dataclasses import replace
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import load_site
from tests.remote.conftest import Notes
from tests.remote.test_spread import spread

with Fleet.open(spread(load_site(sys.argv[1]), "local:2"), recorder=Notes()) as fleet:
    try:
        fleet.run(command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", sys.argv[2]))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""


def test_an_interrupt_stops_what_workers_have_running_on_hosts(many: Bed, mark: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(many.site_file), mark], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 40
    while len([line for line in running(mark) if line.startswith("sleep")]) < 2 * COUNT and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"interrupted\n"), complaint.decode()[-2000:]
    assert gone(mark, 1), "it waited until they had"


def test_dask_costs_nobody_who_does_not_use_it() -> None:
    script = "import sys, runbook.remote.fleet, runbook.__main__; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60).returncode == 0


def test_a_scheduler_that_is_not_there_is_said(many: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook.remote.spread.TO_ANSWER", 1.0)
    with pytest.raises(RunbookError, match="no scheduler of Dask answers"):
        Fleet.open(spread(load_site(many.site_file), f"tcp://127.0.0.1:{free_port()}"),
                   recorder=Notes()).run(command("true"))


@pytest.mark.parametrize("where", ["tcp://192.0.2.7:8786", "local:0", "local:", "ucx://127.0.0.1:1", "tls://x"])
def test_a_scheduler_that_anybody_could_use_is_refused_by_the_site(where: str, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(light.site_text(1).replace("[ssh]", f'[ssh]\nspread = "{where}"'))
    with pytest.raises(UsageError, match="ssh.spread.*without TLS"):
        load_site(tmp_path / "site.toml")
