"""Secrets: known ones are masked in every spelling, others by the name that stands before them."""

from __future__ import annotations

import base64
import string
import textwrap
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.remote.secret import KNOWN, MASK, Reference, Secret
from runbook.remote.telltale import hush, hush_bytes
from tests.sought import Sought, forms


def test_every_form_of_a_secret_is_masked_in_the_middle_of_a_text() -> None:
    secret = Secret("c4nary+of/the mask?ü&").reveal()
    sought = Sought({"it": secret})
    for form in forms(secret):
        said = b"before " + form + b" after"
        assert sought.held(said)
        assert not sought.held(KNOWN.mask_bytes(said)) and not sought.held(KNOWN.mask(said.decode()).encode())


@given(st.text(string.printable, max_size=90), st.text(string.printable, max_size=90), st.sampled_from([64, 76, 400]))
def test_base64_of_a_text_with_a_secret_is_masked_however_its_lines_are_broken(
    before: str, after: str, width: int
) -> None:
    secret = Secret("c4nary-of-7-the-mask").reveal()
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    said = f"== file\n{textwrap.fill(encoded, width)}\n== next\n".encode()
    assert not Sought({"it": secret}).held(KNOWN.mask_bytes(said))
    assert KNOWN.mask_bytes(said).startswith(b"== file\n") and KNOWN.mask_bytes(said).endswith(b"\n== next\n")


KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB0m\nabcd+/==\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("password = hunter2z", "password = ***"),
        ("  'clientSecret': 'two words'", "  'clientSecret': '***'"),
        ('{"text": "a \\"api_key\\": \\"ab&cd\\" b"}', '{"text": "a \\"api_key\\": \\"***\\" b"}'),
        ("node:\n  - db_password: hunter2z\n", "node:\n  - db_password: ***\n"),
        ('"text": "a:\\n  password: hunter2z\\nb"', '"text": "a:\\n  password: ***\\nb"'),
        ("Environment=DATABASE_PASSWORD=abc", "Environment=DATABASE_PASSWORD=***"),
        ("password = &quot;canary&quot; b", "password = &quot;***&quot; b"),
        ("pull https://me:abc@registry/x", "pull https://me:***@registry/x"),
        ("Authorization: Basic bWU6YWJj", "Authorization: Basic ***"),
        (KEY, "-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\n"),
        (KEY[:40], "-----BEGIN EC PRIVATE KEY-----***"),
        (repr(KEY), "'-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\\n'"),
    ],
)
def test_what_is_a_secret_by_its_name_is_hidden(said: str, kept: str) -> None:
    assert hush(said) == kept and hush_bytes(said.encode()).decode() == kept
    assert hush(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        'password = "env:BMC_PASSWORD"', "sudo: a password is required",
        "node1: sudo without a password: pass, changes can be made as root", "PasswordAuthentication no",
        "ETCD_INITIAL_CLUSTER_TOKEN=testbed", "ETCD_CLIENT_CERT_AUTH=true", "http://node1:8080/ping",
        "-----BEGIN CERTIFICATE-----\nMHcCAQEEIB0m\n", "password=\nnext=1",
    ],
)
def test_what_is_none_stays(said: str) -> None:
    assert hush(said) == said and hush_bytes(said.encode()) == said.encode()


def test_base64_that_holds_what_is_a_secret_by_its_name_is_hidden() -> None:
    unit = "[Service]\nEnvironment=DATABASE_PASSWORD=abcdefgh\nExecStart=/bin/true --some --more --words\n"
    said = b"== unit\n" + base64.encodebytes(unit.encode()) + b"== state\nActiveState=active\n"
    assert KNOWN.mask_bytes(said) == b"== unit\n***\n== state\nActiveState=active\n"
    assert KNOWN.mask_bytes(b"it is " + unit.encode().hex().encode() + b".") == b"it is ***."
    other = b"== unit\n" + base64.encodebytes(unit.replace("PASSWORD", "PLACE").encode())
    assert KNOWN.mask_bytes(other) == other


def test_a_control_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    canary = uuid.uuid4().hex + "/+"
    sought = Sought({"it": canary})
    for number, form in enumerate(forms(canary)):
        (tmp_path / str(number)).write_bytes(b"x" + form + b"y")
    (tmp_path / "broken").write_text("\n".join(textwrap.wrap(base64.b64encode(b"ab" + canary.encode()).decode(), 9)))
    (tmp_path / quote(canary, safe="")).touch()
    found, count = sought.in_files(tmp_path)
    assert len(found) == count and count > 12
    assert not Sought({"it": uuid.uuid4().hex}).in_files(tmp_path)[0]


def test_a_reference_that_asks_is_told_from_those_that_do_not() -> None:
    assert [Reference(text).asks for text in ("prompt:", "env:A", "file:b")] == [True, False, False]
    assert MASK == "***"
