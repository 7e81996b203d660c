"""A user of the deployed service that is there for as long as something is tried with it, and deleted after it."""

from __future__ import annotations

import json
from types import TracebackType

from runbook.chapter import Chapter
from runbook.chapters.request import request
from runbook.errors import RunbookError
from runbook.site import Host

CREATED, NO_CONTENT, NOT_FOUND, CONFLICT = 201, 204, 404, 409  # RFC 9110, 15.3.2, 15.3.5, 15.5.5 and 15.5.10
USERS = "/users"


class TemporaryUser:
    """Made by `with`, on one host. Afterwards `left` says why it could not be deleted; empty: it is gone.

    A `POST` without an answer may have made it all the same, so it is deleted then too. What is left is noted in the
    journal, and never takes the place of the error that ended the block.
    """

    def __init__(self, chapter: Chapter, host: Host, port: int, user: str, name: str) -> None:
        self.left = ""
        self.body = {"id": user, "name": name}
        self.path = f"{USERS}/{user}"
        self._chapter, self._host, self._port = chapter, host, port

    def __enter__(self) -> TemporaryUser:
        """Raises RunbookError where it cannot be made, and the errors of the host. One that is there is as good."""
        try:
            shell = self._chapter.fleet[self._host.name]
            made = request(shell, self._host, self._port, "POST", USERS, json.dumps(self.body))
        except BaseException:
            self._delete()
            raise
        if made.status in (CREATED, CONFLICT):  # a killed run may have left it
            return self
        if not made.status:
            self._delete()
        raise RunbookError(f"{self._host.name}: a user could not be made: {made}",
                           next=f"`journalctl -u runbook-{self._chapter.site.service.name}` on {self._host.name}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._delete()

    def _delete(self) -> None:
        try:
            gone = request(self._chapter.fleet[self._host.name], self._host, self._port, "DELETE", self.path)
        except RunbookError as error:
            self.left = error.what
        else:
            self.left = "" if gone.status in (NO_CONTENT, NOT_FOUND) else str(gone)
        if self.left:
            self._chapter.note("left", f"{self._host.name}: the user at {self.path} could not be deleted: {self.left}")
