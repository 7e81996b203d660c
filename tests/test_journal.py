"""The journal: chained, shared, masked, and honest about damage."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.entries import check, entries, spans
from runbook.errors import Blocked, JournalDamaged, LockHeld, RunbookError
from runbook.journal import Journal
from runbook.remote.secret import MASK, Secret

WRITER = """
import sys
from pathlib import Path
from runbook.journal import Journal
journal = Journal(Path(sys.argv[1]))
print("open", flush=True)
for number in range(int(sys.argv[2])):
    begin = journal.begin("command", sys.argv[3], words=["true", str(number)])
    journal.end(begin, exit_code=0, stdout=b"said %d" % number * 50, stderr=b"")
"""


def writer(folder: Path, lines: int, host: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", WRITER, str(folder), str(lines), host]
    return subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)


def test_a_line_has_what_the_contract_says(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.chapter = "04_container_deploy"
    begin = journal.begin("command", "node1", words=["true"], sudo=True, limit=60)
    journal.end(begin, exit_code=0, seconds=0.25, stdout=b"yes\n", stderr=b"")
    first, second = (json.loads(line) for line in journal.path.read_text().splitlines())
    assert first["seq"] == 1 and first["prev"] == "0" * 64 and first["phase"] == "begin"
    assert first["time"].endswith("Z") and first["host"] == "node1"
    assert first["chapter"] == second["chapter"] == "04_container_deploy"
    assert second["begin"] == 1 and second["phase"] == "end" and second["seconds"] == 0.25
    assert check(journal.path).lines == 2 and check(journal.path).head == journal.head


def test_an_output_is_found_in_the_log_by_offset_and_length(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for said in (b"first\n", "zweitens, 第二\n".encode(), b"\xff\x00 no text"):
        journal.end(journal.begin("command", "node/1"), exit_code=0, stdout=said, stderr=b"")
        about = journal.entries()[-1]["stdout"]
        log = (tmp_path / about["log"]).read_bytes()
        assert log[about["offset"]:about["offset"] + about["length"]] == said
    assert journal.entries()[-1]["stderr"] == {
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "length": 0}


def test_an_end_is_written_by_another_process_than_its_begin(tmp_path: Path) -> None:
    begin = Journal(tmp_path).begin("run", site="ward-7")
    other = Journal(tmp_path)
    other.end(begin, ok=True)
    (span,) = spans(other.entries(), "run")
    assert span.begin["site"] == "ward-7" and span.end is not None and span.end["ok"] is True
    with pytest.raises(ValueError, match="line 1 began nothing that is still open"):
        other.end(begin, ok=True)


def test_a_begin_without_an_end_is_an_open_span(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("step", "node1", why="interrupted")
    journal.end(journal.begin("step", "node1", why="whole"), state="applied")
    assert [span.open for span in spans(journal.entries())] == [True, False]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["begin", "end", "write"]),
                                st.dictionaries(st.text(max_size=5).map(lambda t: "f" + t),
                                                st.text() | st.integers() | st.floats(), max_size=3)),
                      min_size=1, max_size=30))
def test_any_turns_of_three_writers_keep_the_chain(tmp_path_factory: pytest.TempPathFactory, turns) -> None:
    folder = tmp_path_factory.mktemp("turns")
    writers = [Journal(folder) for _ in range(3)]
    begun: list[int] = []
    for who, what, fields in turns:
        if what == "begin":
            begun.append(writers[who].begin("command", "node1", **fields))
        elif what == "end" and begun:
            writers[who].end(begun.pop(), **fields)
        else:
            writers[who].write("note", **fields)
    read = entries(folder / "journal.jsonl")
    assert [entry.seq for entry in read] == list(range(1, len(turns) + 1))
    assert sum(span.open for span in spans(read)) == len(begun)
    for each in writers:
        each.close()


def test_two_processes_and_four_threads_share_one_journal(tmp_path: Path) -> None:
    processes = [writer(tmp_path, 150, host) for host in ("node1", "node2")]
    journal = Journal(tmp_path)

    def write() -> None:
        for _ in range(100):
            journal.end(journal.begin("command", "node3"), exit_code=0, stdout=b"x", stderr=b"")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(30) for process in processes] == [0, 0]
    read = entries(journal.path)
    assert len(read) == 2 * (2 * 150 + 400)
    assert not any(span.open for span in spans(read))
    for entry in read:
        if entry.phase == "end":
            about = entry["stdout"]
            log = (tmp_path / about["log"]).read_bytes()
            assert log[about["offset"] - 8:about["offset"]].endswith(b" stdout\n")


def test_a_forked_child_takes_turns_with_its_parent(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("note", text="before")
    child = os.fork()
    if child == 0:
        try:
            for _ in range(200):
                journal.write("note", text="child")
        finally:
            os._exit(0)
    for _ in range(200):
        journal.write("note", text="parent")
    assert os.waitpid(child, 0)[1] == 0
    assert check(journal.path).lines == 401


def test_a_writer_killed_in_the_middle_leaves_a_journal_that_holds(tmp_path: Path) -> None:
    for delay in (0.01, 0.02, 0.035):
        process = writer(tmp_path, 100_000, "node1")
        assert process.stdout is not None and process.stdout.readline() == b"open\n"
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        entries(tmp_path / "journal.jsonl")
    journal = Journal(tmp_path)
    journal.write("note", text="goes on")
    assert check(journal.path).torn == 0


@pytest.fixture(scope="module")
def a_journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    for number in range(6):
        journal.end(journal.begin("command", "node1", words=["echo", "wörter", number]), exit_code=0)
    return journal.path.read_bytes()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_is_named_at_its_line(
    a_journal: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(a_journal) - 2))  # the last byte's loss is a torn line
    bits = data.draw(st.integers(1, 255))
    damaged = bytearray(a_journal)
    damaged[place] ^= bits
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged) as caught:
        entries(path)
    assert caught.value.line == a_journal.count(b"\n", 0, place) + 1
    assert f"damaged.jsonl:{caught.value.line}:" in str(caught.value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_journal_cut_anywhere_is_torn_or_too_short(
    a_journal: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(a_journal) - 1))
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "journal.jsonl"
    path.write_bytes(a_journal[:place])
    whole = a_journal.count(b"\n", 0, place)
    found = check(path)
    assert found.lines == whole and (found.torn > 0) == (not a_journal[:place].endswith(b"\n") and place > 0)
    with pytest.raises(JournalDamaged, match="it had 12 lines"):
        check(path, lines=12)
    Journal(folder).close()
    read = entries(path)
    assert check(path).torn == 0 and len(read) == whole + bool(found.torn)
    if found.torn:
        assert (read[-1].kind, read[-1]["about"], read[-1]["bytes"]) == ("note", "torn", found.torn)


def rewritten(journal: bytes, line: int, old: bytes, new: bytes) -> bytes:
    from runbook.entries import CRC_LENGTH, crc_of

    lines = journal.split(b"\n")
    body = lines[line - 1][:-CRC_LENGTH].replace(old, new)
    lines[line - 1] = body + b',"crc":"%s"}' % crc_of(body).encode()
    return b"\n".join(lines)


@pytest.mark.parametrize(("spoil", "line", "why"), [
    (lambda it: rewritten(it, 4, b'"exit_code":0', b'"exit_code":1'), 5, "written after line 4 as it is now"),
    (lambda it: rewritten(it, 4, b'"seq":4', b'"seq":5'), 4, "it says it is line 5"),
    (lambda it: rewritten(it, 4, b'"kind":"command"', b'"kind":"gossip"'), 4, "kind `gossip`"),
    (lambda it: rewritten(it, 4, b'"begin":3', b'"ended":3'), 4, "`begin` is missing"),
    (lambda it: rewritten(it, 1, b'"prev":"0', b'"prev":"1'), 1, "it was not the first line"),
    (lambda it: rewritten(it, 4, b'"prev"', b'"past"'), 4, "`prev` is missing"),
    (lambda it: it.replace(it.split(b"\n")[3] + b"\n", b""), 4, "it says it is line 5"),
    (lambda it: it.replace(it.split(b"\n")[3], b"[]"), 4, "not a JSON object"),
    (lambda it: b"\n" + it, 1, "not JSON"),
])
def test_tampering_is_named_at_its_line(a_journal: bytes, tmp_path: Path, spoil, line: int, why: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(spoil(a_journal))
    with pytest.raises(JournalDamaged, match=why) as caught:
        check(path)
    assert caught.value.line == line
    with pytest.raises(JournalDamaged, match=why):
        Journal(tmp_path)


def test_another_last_line_than_the_summary_names_is_found(a_journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(a_journal)
    head = check(path).head
    assert check(path, lines=12, head=head).lines == 12
    path.write_bytes(rewritten(a_journal, 12, b'"exit_code":0', b'"exit_code":1'))
    with pytest.raises(JournalDamaged, match="the line that the summary names"):
        check(path, lines=12, head=head)


@pytest.mark.parametrize(("harm", "why"), [
    (lambda path: path.unlink(), "deleted or replaced"),
    (lambda path: path.rename(path.with_suffix(".old")), "deleted or replaced"),
    (lambda path: os.truncate(path, 10), "shortened"),
])
def test_harm_to_an_open_journal_is_noticed_at_the_next_line(tmp_path: Path, harm, why: str) -> None:
    journal = Journal(tmp_path)
    journal.write("note", text="one")
    harm(journal.path)
    with pytest.raises(JournalDamaged, match=why):
        journal.write("note", text="two")


def test_a_lock_that_another_process_keeps_is_an_error_with_a_limit(tmp_path: Path, monkeypatch) -> None:
    import fcntl

    journal = Journal(tmp_path)
    monkeypatch.setattr("runbook.entries.locked.__wrapped__.__kwdefaults__", {"seconds": 0.1})
    with journal.path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockHeld, match="has held the journal's lock"):
            journal.write("note", text="waits")
    journal.write("note", text="goes on")


def test_a_folder_that_cannot_be_written_blocks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Blocked, match="Not a directory") as caught:
        Journal(tmp_path / "file" / "run")
    assert "RUNBOOK_REPORTS" in caught.value.next and caught.value.exit_code == 3
    with pytest.raises(RunbookError, match="cannot be read: No such file"):
        entries(tmp_path / "journal.jsonl")


FULL = """
import os, sys
from pathlib import Path
from runbook.entries import check
from runbook.errors import RunbookError
from runbook.journal import Journal
journal = Journal(Path(sys.argv[1]))
try:
    while True:
        journal.end(journal.begin("command", "node1"), exit_code=0, stdout=b"x" * 999, stderr=b"")
except RunbookError as error:
    print(error)
print(check(journal.path))
os.unlink(Path(sys.argv[1]) / "logs" / "node1.log")
journal.write("note", text="room again")
print(check(journal.path))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk wants root")
def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1"'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stdout and "next: make room" in done.stdout
    assert done.stdout.count("the chain holds\n") == 2


def _open_below(folder: Path) -> list[str]:
    """The files below `folder` that this process holds open; others' may come and go meanwhile."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/self/fd/{number}"))
    return [link for link in links if link.startswith(f"{folder}/")]


def test_journals_that_nobody_closed_hold_no_file_open(tmp_path: Path) -> None:
    Journal(tmp_path).write("note", text="one")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "journal.jsonl").write_text("no journal\n")
    kept = Journal(tmp_path)
    kept.write("note", text="held")
    assert _open_below(tmp_path)
    del kept
    for _ in range(20):
        Journal(tmp_path)
        with pytest.raises(JournalDamaged):
            Journal(tmp_path / "damaged")
    gc.collect()
    assert not _open_below(tmp_path)
    journal = Journal(tmp_path)
    journal.close()
    with pytest.raises(RunbookError, match="the journal was closed"):
        journal.write("note", text="two")


def test_a_secret_never_reaches_the_journal_or_a_log(tmp_path: Path) -> None:
    canary = 'canary/§ü "4711 is not hexadecimal"&x'
    secret = Secret(canary)
    raw = canary.encode()
    spelled = [canary, base64.b64encode(raw).decode(), raw.hex(), quote(canary, safe=""),
               json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]]
    journal = Journal(tmp_path)
    for text in spelled:
        keyed = {f"key {text}": {text: [text, (text,)]}}
        begin = journal.begin("command", "node1", words=["echo", text], **keyed,
                              secret=secret, deep={"a": [{"b": f"before {text} after"}]})
        journal.end(begin, exit_code=0, stdout=f"it is {text}\n".encode(), stderr=text.encode(), error=text)
    written = journal.path.read_text() + (tmp_path / "logs" / "node1.log").read_text()
    for text in spelled:
        assert text not in written
    assert "canary" not in written and "4711 is" not in written
    last = journal.entries()[-1]
    assert last["stdout"]["masked"] is True and last["stdout"]["length"] == len("it is ***\n")
    assert journal.entries()[0]["secret"] == MASK


def test_a_number_that_is_a_secret_is_masked_and_others_are_not(tmp_path: Path) -> None:
    Secret("90210733")
    journal = Journal(tmp_path)
    journal.write("note", pin=90210733, longer=1902107330)
    (entry,) = journal.entries()
    assert entry["pin"] == MASK and entry["longer"] == 1902107330


def test_a_field_that_every_line_has_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(ValueError, match="cannot be called prev"):
        journal.write("note", prev="x")
    with pytest.raises(ValueError, match="no lines of kind gossip"):
        journal.write("gossip")
    assert journal.entries() == ()


LINES = """
import sys, time
from pathlib import Path
from runbook.journal import Journal
journal = Journal(Path(sys.argv[1]))
took = []
for _ in range(20):
    start = time.process_time()  # of this process: what else the machine does is not the line's cost
    for _ in range(100):
        journal.write("note", "node1", text="how long does a line take", words=["a", "b"], sudo=True)
    took.append((time.process_time() - start) / 100)
print(min(took))
"""


def test_a_line_costs_less_than_150_microseconds(tmp_path: Path) -> None:
    """In a process of its own: this one's mask has every secret that a test before made."""
    done = subprocess.run([sys.executable, "-c", LINES, str(tmp_path)], capture_output=True, text=True, timeout=60,
                          cwd=Path(__file__).parent.parent, check=True)
    assert 0 < float(done.stdout) < 150e-6
