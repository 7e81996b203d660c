"""Keys and requests as hosts make them: by openssl, in a folder of the test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook.pki.authority import Authority, make_authority
from runbook.pki.identity import Identity, Use, server_identity

BOTH = frozenset({Use.SERVER, Use.CLIENT})


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def member() -> Identity:
    return server_identity("node1", "192.0.2.11", "ward-7", BOTH)


@pytest.fixture
def authority(tmp_path: Path, now: datetime) -> Authority:
    return make_authority("clients of ward-7", "ward-7", tmp_path / "authorities", "clients", at=now)


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., str]:
    """A request by openssl, as PEM; `curve` is openssl's name of one."""

    def ask(identity: Identity, curve: str = "P-256") -> str:
        key = tmp_path / "host.key"
        subprocess.run(
            [
                "openssl",
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                f"ec_paramgen_curve:{curve}",
                "-out",
                str(key),
            ],
            check=True,
            capture_output=True,
        )
        names = ["-addext", f"subjectAltName={identity.alternative_names}"] if identity.alternative_names else []
        made = subprocess.run(
            ["openssl", "req", "-new", "-key", str(key), "-subj", identity.subject, *names],
            check=True,
            capture_output=True,
            text=True,
        )
        return made.stdout

    return ask
