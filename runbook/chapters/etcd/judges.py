"""The article's claims on etcd that etcd itself and openssl can decide: `article says / measured here`."""

from __future__ import annotations

from runbook.chapters.etcd.scratch import SUITE, Evidence
from runbook.chapters.etcd.wanted import GATE
from runbook.claims.judge import Judgement, judges
from runbook.verdict import Basis

GRPC = "google.golang.org/grpc"


@judges("3.2-a")
def etcd_runs_behind_its_gate(evidence: Evidence) -> Judgement:
    closed, opened = evidence.tried.closed, evidence.tried.open
    if not evidence.gated:
        return _cannot(f"{evidence.target} is among the architectures that etcd supports: its gate does not show")
    if closed is None or opened is None:
        return _cannot("etcd could not be started aside")
    opens = f"with {GATE}={evidence.goarch} its cluster is {'' if evidence.cluster_healthy else 'not '}healthy"
    measured = f"on {evidence.target}: exit {closed.exit_code} as it comes; {opens}"
    return Judgement(opened.exit_code == 0 and evidence.cluster_healthy, measured, evidence.basis)


@judges("3.2-b")
def etcd_has_no_c_core(evidence: Evidence) -> Judgement:
    if GRPC not in evidence.modules:
        return _cannot("the program does not tell its modules")
    foreign = [name for name in evidence.modules if "boringssl" in name.lower()]
    how = f"with {', '.join(foreign)}" if foreign else "no BoringSSL among its modules"
    cgo = "compiled with cgo" if evidence.cgo else "compiled without cgo"
    return Judgement(bool(foreign) or evidence.cgo, f"{GRPC} {evidence.modules[GRPC]}, {how}, {cgo}", Basis.NATIVE)


@judges("3.2-c")
def the_variable_selects_nothing(evidence: Evidence) -> Judgement:
    without, with_it = evidence.tried.suite_plain, evidence.tried.suite_variable
    if not without or not with_it:
        return _cannot("no suite was agreed on with etcd started aside")
    measured = f"{with_it} with GRPC_SSL_CIPHER_SUITES={SUITE}, {without} without"
    return Judgement(without != with_it, measured, evidence.basis)


@judges("3.2-e")
def an_sm2_certificate_stops_etcd(evidence: Evidence) -> Judgement:
    sm2, plain = evidence.tried.sm2, evidence.tried.p256
    if sm2 is None:
        return _cannot(f"{evidence.host}'s openssl makes no SM2 certificate")
    if plain is None or not plain.serves:
        return _cannot("etcd did not serve with P-256 either")
    return Judgement(sm2.serves, f"with SM2 {sm2}; with P-256 it {plain}", evidence.basis)


@judges("3.2-g")
def the_suite_is_no_option(evidence: Evidence) -> Judgement:
    option, plain = evidence.tried.option, evidence.tried.p256
    if option is None or plain is None or not plain.serves:
        return _cannot("etcd did not serve without the option either")
    return Judgement(option.serves, f"with --cipher-suites {SUITE} {option}", evidence.basis)


@judges("3.2-h")
def client_cert_auth_closes_the_client_port(evidence: Evidence) -> Judgement:
    tried = evidence.tried
    if tried.p256 is None or not tried.p256.serves:
        return _cannot("etcd did not serve")
    at_peer = f"refused ({tried.stranger_at_peer_port})" if tried.stranger_at_peer_port else "let in"
    own = "reads" if tried.own_enters else "refused"
    measured = (
        f"no certificate: {tried.stranger or 'let in'}; one of its authority: {own}; "
        f"at the peer port, which has an option of its own, no certificate: {at_peer}"
    )
    return Judgement(bool(tried.stranger) and tried.own_enters, measured, evidence.basis)


def _cannot(why: str) -> Judgement:
    return Judgement(None, "", why=why)
