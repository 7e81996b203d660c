"""Large files: gone on with after a cut, without their holes, packed where that is faster, and never half there."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runbook.errors import ConnectionLost, RunbookError, TransferFailed
from runbook.remote.delivery import Pace
from runbook.remote.local import LocalShell
from runbook.remote.packing import decide_packing, watched
from runbook.remote.source import GRAIN, LARGE, Sample, Source, parts_of
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.remote.transfer import BLOCK, Kept, Place, receive_large
from tests.remote.conftest import Notes, Sshd

MIB = 1 << 20


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 MiB that nothing packs."""
    file = tmp_path_factory.mktemp("noise") / "noise"
    file.write_bytes(os.urandom(40 * MIB))
    return file


def left_beside(folder: Path) -> list[Path]:
    return list(folder.glob(".runbook.*"))


def await_size(folder: Path, size: int) -> None:
    until = time.monotonic() + 20
    while sum(path.stat().st_size for path in left_beside(folder)) < size:
        assert time.monotonic() < until
        time.sleep(0.002)


def slowly(source: Source, first: int, go_on: threading.Event, start: int = 0) -> Iterator[bytes]:
    """The first bytes at once, the others when they are called for."""
    yield from source.pieces(start, first)
    go_on.wait(60)
    yield from source.pieces(first)


def test_a_transfer_that_was_cut_off_is_gone_on_with(sshd: Sshd, noise: Path, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    shell = SshShell(sshd.host, Notes())
    shell.open()
    cut = threading.Thread(target=lambda: (await_size(tmp_path, 8 * MIB), shell._connection.transport.sock.close()))
    cut.start()
    with pytest.raises(ConnectionLost, match="the old one, or whole"):
        shell.put(noise, str(target))
    cut.join()
    assert target.read_bytes() == b"old"
    sent = shell.put(noise, str(target))
    assert sent.resumed >= 8 * MIB and sent.resumed % BLOCK == 0 and "by an earlier transfer" in str(sent)
    assert target.read_bytes() == noise.read_bytes() and os.listdir(tmp_path) == ["file"]
    shell.close()


def test_one_whose_sender_is_gone_without_a_word_is_taken_over(noise: Path, tmp_path: Path) -> None:
    """As after a partition: the host's half of the lost transfer still waits for more."""
    source, never = Source.of(noise), threading.Event()
    place = Place(str(tmp_path / "file"), 0o644, "", False)
    stalled = threading.Thread(target=LocalShell(Notes()).carry_out, args=(receive_large(source, place, Kept()),),
                               kwargs={"feed": slowly(source, 16 * MIB, never)})
    stalled.start()
    await_size(tmp_path, 16 * MIB)
    sent = LocalShell(Notes()).put(noise, place.path)
    assert sent.resumed == 16 * MIB and (tmp_path / "file").read_bytes() == noise.read_bytes()
    assert os.listdir(tmp_path) == ["file"]
    never.set()
    stalled.join(20)
    assert not stalled.is_alive()


def test_a_beginning_that_is_not_of_this_content_is_sent_anew(shell: StrictShell, noise: Path, tmp_path: Path) -> None:
    source, place = Source.of(noise), Place(str(tmp_path / "file"), 0o644, "", False)
    name = f".runbook.{place.label()}.{source.sha256[:16]}.999999999.abcdefgh"
    for content in (bytes(9 * MIB), bytes(50 * MIB)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        assert shell.put(noise, place.path).resumed == 0
        assert (tmp_path / "file").read_bytes() == noise.read_bytes() and os.listdir(tmp_path) == ["file"]
        (tmp_path / "file").unlink()


def test_what_others_can_write_to_is_not_gone_on_with(noise: Path, tmp_path: Path) -> None:
    source, place = Source.of(noise), Place(str(tmp_path / "file"), 0o644, "", False)
    name = tmp_path / f".runbook.{place.label()}.{source.sha256[:16]}.999999999.abcdefgh"
    name.write_bytes(noise.read_bytes()[:9 * MIB])
    name.chmod(0o666)
    assert LocalShell(Notes()).put(noise, place.path).resumed == 0
    assert name.exists(), "it is somebody else's"


def test_what_is_left_of_another_content_is_taken_away(noise: Path, tmp_path: Path) -> None:
    place = Place(str(tmp_path / "file"), 0o644, "", False)
    name = tmp_path / f".runbook.{place.label()}.{'0' * 16}.999999999.abcdefgh"
    name.touch(mode=0o600)
    LocalShell(Notes()).put(noise, place.path)
    assert os.listdir(tmp_path) == ["file"]


def test_the_holes_of_a_file_are_not_sent(shell: StrictShell, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"begins" * 100)
        file.seek(60 * MIB + 12345)
        file.write(b"between" * 100_000)
        file.truncate(100 * MIB + 7)
    what = Source.of(source)
    assert sum(map(len, what.pieces())) < 2 * MIB
    sent = shell.put(source, str(target), mode=0o600)
    assert sent.sha256 == what.sha256 and target.stat().st_size == 100 * MIB + 7
    assert target.stat().st_blocks * 512 < 4 * MIB, "nor written there"
    subprocess.run(["cmp", source, target], check=True)
    assert shell.put(source, str(target), mode=0o600).already


@pytest.mark.parametrize("start", [0, 3 * MIB])
def test_a_file_with_holes_is_gone_on_with(tmp_path: Path, start: int) -> None:
    source, place = tmp_path / "source", Place(str(tmp_path / "there" / "file"), 0o644, "", False)
    (tmp_path / "there").mkdir()
    with source.open("wb") as file:
        file.write(os.urandom(5 * MIB))
        file.seek(40 * MIB)
        file.write(os.urandom(5 * MIB + 3))
    what = Source.of(source)
    assert what.parts == ((0, 5 * MIB), (40 * MIB, 45 * MIB + 3))
    name = tmp_path / "there" / f".runbook.{place.label()}.{what.sha256[:16]}.999999999.abcdefgh"
    with source.open("rb") as file:
        name.write_bytes(file.read(40 * MIB + start))
    name.chmod(0o600)
    assert LocalShell(Notes()).put(what, place.path).resumed == 40 * MIB + start
    assert Path(place.path).read_bytes() == source.read_bytes()


def test_many_holes_become_few_parts_that_hold_all_content(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        for number in range(300):
            file.seek(number * 3 * MIB)
            file.write(b"x")
        file.flush()
        size = file.tell()
        parts = parts_of(file.fileno(), size)
    assert 1 < len(parts) <= 200 and parts[0][0] == 0 and parts[-1][1] == size
    assert all(start % GRAIN == 0 for start, _ in parts)
    assert all(any(start <= number * 3 * MIB < end for start, end in parts) for number in range(300))


def test_a_file_of_nothing_but_a_hole_is_one(shell: StrictShell, tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        file.truncate(64 * MIB)
    shell.put(tmp_path / "source", str(tmp_path / "target"))
    assert (tmp_path / "target").stat().st_size == 64 * MIB and (tmp_path / "target").stat().st_blocks < 1000


def throttled(shell: StrictShell, rate: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A line of so many bytes a second, and what went over it."""
    went: list[int] = []
    real = shell.carry_out

    def slow(feed: Iterator[bytes]) -> Iterator[bytes]:
        for piece in feed:
            went.append(len(piece))
            time.sleep(len(piece) / rate)
            yield piece

    monkeypatch.setattr(shell, "carry_out",
                        lambda command, *, feed=None, **more: real(command, feed=feed and slow(feed), **more))
    return went


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """12 MiB that pack to half, and take their time."""
    file = tmp_path / "digits"
    file.write_bytes(os.urandom(6 * MIB).hex().encode())
    return file


@pytest.mark.parametrize(("seen", "packed"), [(1e5, True), (1e12, False)])
def test_it_is_packed_where_the_line_was_seen_to_be_slow(
        shell: StrictShell, digits: Path, monkeypatch: pytest.MonkeyPatch, seen: float, packed: bool) -> None:
    went = throttled(shell, 1e12, monkeypatch)
    monkeypatch.setattr(shell, "_pace", Pace(seen))
    shell.put(digits, str(digits.with_name("target")))
    assert digits.with_name("target").read_bytes() == digits.read_bytes()
    size = digits.stat().st_size
    assert sum(went) < 0.7 * size if packed else sum(went) == size


@pytest.mark.long
def test_the_first_piece_tells_what_the_line_carries(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Notes()
    shell = LocalShell(notes)
    went = throttled(shell, 1.5e6, monkeypatch)
    shell.put(digits, str(digits.with_name("target")))
    assert digits.with_name("target").read_bytes() == digits.read_bytes()
    assert str(notes.ended[0]["packing"]).startswith("packed: deflate leaves 0.5")
    assert 1e5 < shell._pace.rate < 2e6 and sum(went) < 0.9 * digits.stat().st_size


def test_what_nothing_packs_is_not_packed(noise: Path, tmp_path: Path) -> None:
    notes = Notes()
    LocalShell(notes).put(noise, str(tmp_path / "file"))
    assert str(notes.ended[0]["packing"]).startswith("as it is: deflate leaves 1.0")


@pytest.mark.parametrize(("ratio", "rate", "line", "packed"), [
    (0.2, 100e6, 10e6, True), (0.2, 100e6, 500e6, False), (0.9, 100e6, 10e6, False), (0.5, 20e6, 30e6, False)])
def test_packing_is_a_matter_of_line_and_processor(ratio: float, rate: float, line: float, packed: bool) -> None:
    assert decide_packing(1_000_000_000, Sample(ratio, rate), line).packed is packed


def changing(file: Path, how: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is changed after it was hashed, before it is read again."""
    real = Source.pieces

    def pieces(self: Source, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        how(file)
        return real(self, start, stop)

    monkeypatch.setattr(Source, "pieces", pieces)


@pytest.mark.parametrize("how", [lambda file: os.truncate(file, LARGE), lambda file: file.write_bytes(b"x" * 20 * MIB),
                                 lambda file: file.unlink()], ids=["shorter", "other", "gone"])
def test_a_file_that_changes_while_it_is_sent_is_named_and_the_old_one_stays(
        shell: StrictShell, tmp_path: Path, how: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "there" / "file"
    target.parent.mkdir()
    source.write_bytes(os.urandom(12 * MIB))
    target.write_bytes(b"old")
    changing(source, how, monkeypatch)
    with pytest.raises(TransferFailed, match="source changed while it was sent; what was there is intact"):
        shell.put(source, str(target))
    assert target.read_bytes() == b"old"


def test_a_small_file_is_read_once_whoever_changes_it_then(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    what = Source.of(tmp_path / "source")
    (tmp_path / "source").write_bytes(b"another")
    LocalShell(Notes()).put(what, str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == b"content"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own wants root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_without_room_is_told_before_a_byte_is_sent(shell: StrictShell, noise: Path, small_disk: Path) -> None:
    (small_disk / "file").write_bytes(b"old")
    with pytest.raises(TransferFailed, match="no room for 41943040 bytes, 25[0-9]* are free"):
        shell.put(noise, str(small_disk / "file"))
    assert (small_disk / "file").read_bytes() == b"old" and os.listdir(small_disk) == ["file"]


def test_a_disk_that_becomes_full_in_the_middle_leaves_the_old_file_and_gives_the_room_back(
        tmp_path: Path, small_disk: Path) -> None:
    (small_disk / "file").write_bytes(b"old")
    (tmp_path / "source").write_bytes(os.urandom(16 * MIB))
    source, go_on = Source.of(tmp_path / "source"), threading.Event()
    shell, ended = LocalShell(Notes()), []
    place = Place(str(small_disk / "file"), 0o644, "", False)
    thread = threading.Thread(target=lambda: ended.append(shell.carry_out(
        receive_large(source, place, Kept()), feed=slowly(source, 8 * MIB, go_on))))
    thread.start()
    await_size(small_disk, 8 * MIB)
    (small_disk / "somebody else's").write_bytes(bytes(15 * MIB))
    go_on.set()
    thread.join(20)
    assert ended[0].exit_code == 74 and b"No space left on device" in ended[0].stderr
    assert (small_disk / "file").read_bytes() == b"old"
    assert sorted(os.listdir(small_disk)) == ["file", "somebody else's"]


def test_a_folder_that_nobody_may_write_to_is_named(sshd: Sshd, noise: Path, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    place = Place(str(folder / "file"), 0o644, "", False)
    command = receive_large(Source.of(noise), place, Kept())
    found = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command.words],
                           input=b"", capture_output=True, timeout=20)
    assert found.returncode == 73 and b"Permission denied" in found.stderr and os.listdir(folder) == []


def test_progress_is_told_where_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    said: list[str] = []
    assert list(watched([b"x" * 1_000_000] * 5, said.append, name="/srv/x", done=1_000_000, size=9_000_000))
    assert said == ["/srv/x: 3 of 9 MB, 1.0 MB/s, 6 s left", "/srv/x: 5 of 9 MB, 1.0 MB/s, 4 s left"]


def test_progress_reaches_whoever_follows_the_journal(
        digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Notes()
    shell = LocalShell(notes)
    shell._pace.rate = 1e12
    throttled(shell, 5e6, monkeypatch)
    shell.put(digits, str(tmp_path / "file"))
    kind, host, fields = notes.written[0]
    assert (kind, host, fields["about"]) == ("note", "local", "transfer") and " of 13 MB, " in str(fields["text"])


def test_nothing_is_left_where_an_unexpected_end_comes_early(shell: StrictShell, noise: Path, tmp_path: Path) -> None:
    ended = shell.carry_out(receive_large(Source.of(noise), Place(str(tmp_path / "file"), 0o644, "", False), Kept()),
                            feed=[b"a little"])
    assert ended.exit_code == 65 and b"broke off" in ended.stderr and os.listdir(tmp_path) == []


def test_a_missing_folder_is_named_for_a_large_file_too(shell: StrictShell, noise: Path, tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="No such file or directory"):
        shell.put(noise, str(tmp_path / "none" / "file"))


def test_a_file_for_several_hosts_is_read_once_until_it_changes(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    reading = Source.of.__func__
    monkeypatch.setattr(Source, "of", classmethod(lambda cls, what: read.append(what) or reading(cls, what)))
    with ThreadPoolExecutor(3) as hosts:
        found = list(hosts.map(Source.once, [noise] * 3))
    assert read == [noise] and len({id(one) for one in found}) == 1
    noise.touch()
    assert Source.once(noise).sha256 == found[0].sha256 and read == [noise, noise]
