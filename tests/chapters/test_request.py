"""One request to a service on a host: by its curl, or from here, with the same answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runbook.chapters.request import Answer, parse_answer, request, request_from_here
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import Host, load_site

BODY = '{"name": "it\'s \\"quoted\\" $HOME `id` %s"}'


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, and 201 to a POST."""

    def do_GET(self) -> None:
        self._answer(404 if self.path == "/missing" else 200, f'{{"path": "{self.path}"}}')

    def do_POST(self) -> None:
        self._answer(201, self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    file = tmp_path / "site.toml"
    file.write_text('schema = 1\nname = "here"\ntarget = "amd64"\n[[host]]\nname = "a"\naddress = "local"\n'
                    'roles = ["service"]\n')
    return load_site(file).host("a")


@pytest.fixture
def without_curl(journal: Journal, tmp_path: Path) -> Iterator[LocalShell]:
    """A host whose PATH has a shell and nothing more."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "timeout", "env"):
        os.symlink(f"/usr/bin/{name}", programs / name)
    shell = LocalShell(journal, env={"PATH": str(programs)})
    yield shell
    shell.close()


def test_by_curl_and_from_here_the_answer_is_the_same(
    local: LocalShell, without_curl: LocalShell, host: Host, port: int
) -> None:
    for shell, asked_from in ((local, ""), (without_curl, "a")):
        assert request(shell, host, port, "GET", "/ping") == Answer(200, '{"path": "/ping"}', asked_from)
        assert request(shell, host, port, "POST", "/users", BODY) == Answer(201, BODY, asked_from)
        assert request(shell, host, port, "GET", "/missing").status == 404


def test_no_answer_is_an_answer_with_the_reason(local: LocalShell, host: Host) -> None:
    for answer in (request(local, host, 1, "GET", "/ping"), request_from_here(host, 1, "GET", "/ping")):
        assert answer.status == 0 and "refused" in str(answer).lower() or "connect" in str(answer), str(answer)
        assert str(answer).startswith("no answer: ")


def test_no_answer_to_this_machine_says_that_the_host_has_no_curl(without_curl: LocalShell, host: Host) -> None:
    assert "asked from here: install curl on a" in str(request(without_curl, host, 1, "GET", "/ping"))


def test_a_curlrc_of_the_users_own_changes_nothing(journal: Journal, host: Host, port: int, tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text("include\n")  # headers in the body
    shell = LocalShell(journal, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    assert request(shell, host, port, "GET", "/ping") == Answer(200, '{"path": "/ping"}')
    shell.close()


def test_an_error_body_gives_its_words() -> None:
    assert str(Answer(503, '{"error": "the store cannot be asked now"}')) == "status 503: the store cannot be asked now"
    assert Answer(200, "[1]").json == {} and Answer(200, "not json").json == {}


def test_an_answer_that_is_cut_has_no_status(host: Host) -> None:
    assert parse_answer("== body\nhalf") == Answer(0, "half")
    assert parse_answer("== no curl\n") is None
