from __future__ import annotations

import pickle
import ssl
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from runbook.errors import RunbookError
from runbook.pki.authority import Authority, find_authority, make_authority
from runbook.pki.certificate import Standing, parse_certificate
from runbook.pki.identity import Identity, Use
from runbook.pki.request import checked
from runbook.remote.secret import KNOWN


def test_openssl_accepts_what_the_authority_signed(
    authority: Authority, asked: Callable[..., str], member: Identity, now: datetime, tmp_path: Path
) -> None:
    signed = authority.sign(checked(asked(member), member, "node1"), member, at=now)
    (tmp_path / "host.crt").write_text(signed.pem)
    for purpose in ("sslserver", "sslclient"):
        told = subprocess.run(
            [
                "openssl",
                "verify",
                "-x509_strict",
                "-purpose",
                purpose,
                "-CAfile",
                str(authority.key_file.with_suffix(".crt")),
                str(tmp_path / "host.crt"),
            ],
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stderr
    assert signed.names(member)
    assert signed.is_signed_by(authority.certificate)


def test_a_client_certificate_does_not_serve(
    authority: Authority, asked: Callable[..., str], now: datetime, tmp_path: Path
) -> None:
    client = Identity("users", "ward-7", frozenset({Use.CLIENT}))
    signed = authority.sign(checked(asked(client), client, "node1"), client, at=now)
    (tmp_path / "host.crt").write_text(signed.pem)
    told = subprocess.run(
        [
            "openssl",
            "verify",
            "-purpose",
            "sslserver",
            "-CAfile",
            str(authority.key_file.with_suffix(".crt")),
            str(tmp_path / "host.crt"),
        ],
        capture_output=True,
        text=True,
    )
    assert told.returncode != 0
    assert "purpose" in told.stderr


def test_extensions_are_those_of_rfc_5280(
    authority: Authority, asked: Callable[..., str], member: Identity, now: datetime
) -> None:
    leaf = x509.load_pem_x509_certificate(
        authority.sign(checked(asked(member), member, "node1"), member, at=now).pem.encode()
    )
    root = x509.load_pem_x509_certificate(authority.certificate.pem.encode())
    for certificate, is_authority in ((leaf, False), (root, True)):
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert (basic.critical, basic.value.ca) == (True, is_authority)
        assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (
            True,
            is_authority,
            not is_authority,
        )
        assert 0 < certificate.serial_number < 2**159
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own
    assert basic.value.path_length == 0


def test_the_key_is_for_its_owner_alone_and_masked_everywhere(authority: Authority) -> None:
    assert authority.key_file.stat().st_mode & 0o777 == 0o600
    assert authority.key_file.parent.stat().st_mode & 0o777 == 0o700
    pem = authority.key_file.read_text()
    for line in pem.splitlines()[1:-1]:
        assert line not in KNOWN.mask(pem)
        assert line.encode() not in pickle.dumps(authority)
    assert "BEGIN PRIVATE KEY" not in repr(authority)


def test_an_authority_is_not_made_twice(authority: Authority, now: datetime) -> None:
    before = authority.key_file.read_bytes()
    with pytest.raises(RunbookError, match="already"):
        make_authority("another", "ward-7", authority.key_file.parent, "clients", at=now)
    assert authority.key_file.read_bytes() == before
    assert find_authority(authority.key_file.parent, "clients") == authority
    assert find_authority(authority.key_file.parent, "peers") is None


def test_two_authorities_do_not_stand_for_each_other(
    authority: Authority, asked: Callable[..., str], member: Identity, now: datetime
) -> None:
    other = make_authority("clients of ward-7", "ward-7", authority.key_file.parent, "other", at=now)
    signed = authority.sign(checked(asked(member), member, "node1"), member, at=now)
    assert not signed.is_signed_by(other.certificate)
    assert not signed.is_signed_by(signed)


@pytest.mark.parametrize(
    ("lifetime", "standing"),
    [
        (timedelta(days=365), Standing.VALID),
        (timedelta(days=29), Standing.LAPSING),
        (timedelta(days=-1), Standing.LAPSED),
    ],
)
def test_a_certificate_knows_where_it_stands(
    authority: Authority,
    asked: Callable[..., str],
    member: Identity,
    now: datetime,
    lifetime: timedelta,
    standing: Standing,
) -> None:
    signed = authority.sign(checked(asked(member), member, "node1"), member, at=now, lifetime=lifetime)
    assert signed.standing(now) == standing
    assert signed.standing(signed.not_before - timedelta(seconds=1)) == Standing.EARLY


def test_no_certificate_outlives_its_authority(
    authority: Authority, asked: Callable[..., str], member: Identity, now: datetime
) -> None:
    signed = authority.sign(checked(asked(member), member, "node1"), member, at=now, lifetime=timedelta(days=9999))
    assert signed.not_after == authority.certificate.not_after


def test_a_text_without_a_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="."):
        parse_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_a_certificate_on_an_unknown_curve_is_read_without_its_key(tmp_path: Path) -> None:
    key, crt = str(tmp_path / "k"), tmp_path / "c"
    subprocess.run(["openssl", "ecparam", "-name", "SM2", "-genkey", "-noout", "-out", key], check=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-new", "-key", key, "-sm3", "-subj", "/CN=sm", "-out", str(crt)],
        check=True,
    )
    assert parse_certificate(crt.read_text()).curve == ""


def test_pythons_own_tls_reads_the_certificate(authority: Authority) -> None:
    context = ssl.create_default_context(cadata=authority.certificate.pem)
    assert context.cert_store_stats()["x509_ca"] >= 1
