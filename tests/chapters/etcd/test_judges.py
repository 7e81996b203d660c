from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runbook.chapters.etcd import judges
from runbook.chapters.etcd.scratch import Evidence, Start, parse_tried
from runbook.claims.hearing import hear
from runbook.verdict import Basis

MODULES = {judges.GRPC: "v1.83.2"}


@pytest.fixture
def evidence(recorded: Callable[[str], str]) -> Evidence:
    tried = parse_tried(recorded("tried"))
    return Evidence("node3", "riscv64", "riscv64", True, tried, True, MODULES, False, Basis.EMULATED)


def test_every_judge_agrees_with_the_ledger(evidence: Evidence) -> None:
    heard = {claim.id: (claim.expected, judgement.holds) for claim, judgement in hear("05_etcd_mtls", evidence)}
    assert set(heard) >= {"3.2-a", "3.2-b", "3.2-c", "3.2-e", "3.2-g", "3.2-h"}
    for id, (expected, holds) in heard.items():
        assert expected is None or holds is expected, id


def test_a_supported_target_does_not_show_the_gate(evidence: Evidence) -> None:
    judgement = judges.etcd_runs_behind_its_gate(replace(evidence, gated=False))
    assert judgement.holds is None and "does not show" in judgement.why


def test_without_a_control_that_serves_a_failure_proves_nothing(evidence: Evidence) -> None:
    broken = replace(evidence, tried=replace(evidence.tried, p256=Start(False, 1, "disk full")))
    for judge in (
        judges.an_sm2_certificate_stops_etcd,
        judges.the_suite_is_no_option,
        judges.client_cert_auth_closes_the_client_port,
    ):
        assert judge(broken).holds is None


def test_an_etcd_that_took_sm2_would_be_told_so(evidence: Evidence) -> None:
    took = replace(evidence, tried=replace(evidence.tried, sm2=Start(True, None, ""), suite_variable="TLS_SM4_GCM_SM3"))
    assert judges.an_sm2_certificate_stops_etcd(took).holds is True
    assert judges.the_variable_selects_nothing(took).holds is True


def test_a_c_core_would_be_seen(evidence: Evidence) -> None:
    patched = replace(evidence, modules=MODULES | {"example.org/boringssl-sm": "v1.0.0"})
    assert judges.etcd_has_no_c_core(patched).holds is True
    assert judges.etcd_has_no_c_core(replace(evidence, modules={})).holds is None
