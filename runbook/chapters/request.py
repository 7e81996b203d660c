"""One request over HTTP to a service on a host: by the host's own curl, else from the machine that runs the runbook."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, replace

from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.site_tables import Host

LIMIT = 10.0  # seconds for one answer
MOST = 1 << 20  # bytes of a body that are read

ASK = Script(
    r"""
url=$1 method=$2 body=$3 limit=$4
command -v curl >/dev/null 2>&1 || { echo '== no curl'; exit 0; }
set --
[ -z "$body" ] || set -- -H 'Content-Type: application/json' --data-binary "$body"
said=$(curl -q -sS -m "$limit" --noproxy '*' -X "$method" "$@" -w '\n== status\n%{http_code}\n' "$url" 2>&1)
printf '== body\n%s\n' "$said"
""",
    limit=LIMIT + 10.0,
)
"""Nothing of the answer is interpreted on the host; an error is curl's own words in place of a body."""


@dataclass(frozen=True)
class Answer:
    """What came: the status (0: no answer), and the body or the reason for its absence."""

    status: int
    body: str
    asked_from: str = ""  # where it was not the host itself that asked

    @property
    def json(self) -> dict[str, object]:
        """The body's object; empty where it is none."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    def __str__(self) -> str:
        said = self.body.strip().splitlines()
        words = str(self.json.get("error") or (said[-1] if said else "nothing was said"))
        if self.status:
            return f"status {self.status}: {words}"
        hint = f" (asked from here: install curl on {self.asked_from}, or let this machine reach the port)"
        return f"no answer: {words}{hint if self.asked_from else ''}"


def parse_answer(text: str) -> Answer | None:
    """None where the host has no curl."""
    parts = sections(text)
    if "no curl" in parts:
        return None
    status = parts.get("status", "").strip()
    return Answer(int(status) if status.isdecimal() else 0, parts.get("body", "").strip())


def request(shell: Shell, host: Host, port: int, method: str, path: str, body: str = "") -> Answer:
    """Asks the service on its own host, on loopback; where that has no curl, over the network, and says so.

    Raises the errors of `Shell.run`; no answer is an answer too.
    """
    words = (f"http://127.0.0.1:{port}{path}", method, body, f"{LIMIT:g}")
    answer = parse_answer(shell.run(ASK.command(*words)).text)
    return answer or replace(request_from_here(host, port, method, path, body), asked_from=host.name)


def request_from_here(host: Host, port: int, method: str, path: str, body: str = "") -> Answer:
    """The same over the network, as a client elsewhere has it."""
    connection = http.client.HTTPConnection("127.0.0.1" if host.is_local else host.address, port, timeout=LIMIT)
    try:
        connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
        said = connection.getresponse()
        return Answer(said.status, said.read(MOST).decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error) or type(error).__name__)
    finally:
        connection.close()
