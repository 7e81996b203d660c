"""A user that is there for a while: deleted again whatever happens, and noted where it could not be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.temporary_user import TemporaryUser
from runbook.contents import title_of
from runbook.errors import RunbookError
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.site import load_site


class Store(BaseHTTPRequestHandler):
    """Keeps users. `silent`: it makes one and hangs up; `keeps`: it deletes none."""

    users: set[str]
    silent = keeps = False

    def do_POST(self) -> None:
        self.users.add(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["id"])
        if not self.silent:
            self._answer(201)

    def do_DELETE(self) -> None:
        if not self.keeps:
            self.users.discard(self.path.rpartition("/")[2])
        self._answer(503 if self.keeps else 204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[tuple[type[Store], int]]:
    kind = type("OneStore", (Store,), {"users": set()})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kind, server.server_address[1]
        server.shutdown()


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chapter:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    file = tmp_path / "site.toml"
    file.write_text('schema = 1\nname = "here"\ntarget = "amd64"\n[[host]]\nname = "a"\naddress = "local"\n'
                    'roles = ["service"]\n')
    run = Run.start(load_site(file))
    fleet = Fleet.open(run.site, recorder=run.journal)
    return Chapter(title_of("08"), run, fleet, check=False, confirm="", options={})


def test_it_is_there_within_and_gone_after(chapter: Chapter, store: tuple[type[Store], int]) -> None:
    kind, port = store
    with TemporaryUser(chapter, chapter.site.host("a"), port, "u1", "somebody") as user:
        assert kind.users == {"u1"} and user.path == "/users/u1"
    assert kind.users == set() and not user.left


def test_an_unanswered_post_is_deleted_all_the_same(chapter: Chapter, store: tuple[type[Store], int]) -> None:
    kind, port = store
    kind.silent = True
    with pytest.raises(RunbookError, match="a user could not be made: no answer"), \
            TemporaryUser(chapter, chapter.site.host("a"), port, "u1", "somebody"):
        raise AssertionError("the block was entered")
    assert kind.users == set()


def test_what_could_not_be_deleted_is_noted_and_hides_no_other_error(
    chapter: Chapter, store: tuple[type[Store], int]
) -> None:
    kind, port = store
    kind.keeps = True
    user = TemporaryUser(chapter, chapter.site.host("a"), port, "u1", "somebody")
    with pytest.raises(ZeroDivisionError), user:
        raise ZeroDivisionError
    assert user.left.startswith("status 503")
    lines = [json.loads(line) for line in (chapter.run.folder / "journal.jsonl").read_text().splitlines()]
    left = [line for line in lines if line.get("about") == "left"]
    assert len(left) == 1 and "a: the user at /users/u1 could not be deleted: status 503" in left[0]["text"]
