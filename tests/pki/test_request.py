from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runbook.pki.identity import Identity, Use, server_identity
from runbook.pki.request import RequestRefused, checked, parse_request


def test_a_request_of_openssl_is_read_as_it_was_asked(asked: Callable[..., str], member: Identity) -> None:
    request = parse_request(asked(member))
    assert request.common_name == "node1"
    assert request.dns == {"node1", "localhost"}
    assert request.addresses == {"192.0.2.11", "127.0.0.1"}
    assert request.differs_from(member) == ""


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"common_name": "node2"}, "the common name is node1, asked for was node2"),
        ({"dns": frozenset({"node1"})}, "the DNS names is"),
        ({"addresses": frozenset({"192.0.2.12", "127.0.0.1"})}, "the addresses is"),
        ({"organization": "ward-8"}, "the organization"),
    ],
)
def test_a_request_for_something_else_is_refused(
    asked: Callable[..., str], member: Identity, change: dict[str, object], word: str
) -> None:
    with pytest.raises(RequestRefused, match=word) as refused:
        checked(asked(member), replace(member, **change), "node1")
    assert "remove the .csr" in str(refused.value)


def test_another_kind_of_key_is_refused(asked: Callable[..., str], member: Identity) -> None:
    with pytest.raises(RequestRefused, match="curve is secp384r1, asked for was secp256r1"):
        checked(asked(member, "P-384"), member, "node1")


def test_a_request_that_another_key_signed_is_refused(asked: Callable[..., str], member: Identity) -> None:
    pem = asked(member)
    lines = pem.splitlines()
    body = "".join(lines[1:-1])
    flipped = body[:-8] + ("A" if body[-8] != "A" else "B") + body[-7:]
    damaged = "\n".join([lines[0], *(flipped[at : at + 64] for at in range(0, len(flipped), 64)), lines[-1], ""])
    with pytest.raises(RequestRefused, match="cannot be read"):
        checked(damaged, member, "node1")


def test_what_is_no_request_is_refused_with_its_host(member: Identity) -> None:
    with pytest.raises(RequestRefused, match="node3: the request for node1"):
        checked("hello\n", member, "node3")


@pytest.mark.parametrize("name", ["a,IP:10.0.0.1", "a/CN=root", "", "x" * 65, "ümlaut", "a\nb"])
def test_a_name_that_would_change_a_subject_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name in a certificate"):
        Identity(name, "ward-7", frozenset({Use.CLIENT}))


def test_a_host_that_is_known_by_name_has_no_address_but_loopback() -> None:
    identity = server_identity("node1", "node1.example.org", "ward-7", frozenset({Use.SERVER}))
    assert identity.dns == {"node1", "localhost", "node1.example.org"}
    assert identity.addresses == {"127.0.0.1"}


def test_a_host_may_have_an_address_of_version_6() -> None:
    identity = server_identity("node1", "2001:DB8::1", "ward-7", frozenset({Use.SERVER}))
    assert identity.addresses == {"127.0.0.1", "2001:db8::1"}
    assert identity.alternative_names == "DNS:localhost,DNS:node1,IP:127.0.0.1,IP:2001:db8::1"
