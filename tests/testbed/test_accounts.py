"""A host's accounts are this machine's system accounts and the operator."""

from __future__ import annotations

from runbook.testbed import accounts

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
sshd:x:104:65534::/run/sshd:/usr/sbin/nologin
ada:x:1000:1000:Ada,,,:/home/ada:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = """\
root:x:0:
operator:x:37:
ada:x:1000:
nogroup:x:65534:
"""


def test_people_of_the_machine_are_not_known_on_a_host() -> None:
    names = [line.partition(":")[0] for line in accounts.passwd(PASSWD, "operator").splitlines()]
    assert names == ["root", "sshd", "nobody", "operator"]


def test_the_group_that_debian_calls_operator_becomes_the_operators_own() -> None:
    assert accounts.group(GROUP, "operator").splitlines() == ["root:x:0:", "nogroup:x:65534:", "operator:x:1000:"]


def test_nobody_has_a_password_and_nobody_is_locked() -> None:
    lines = accounts.shadow(accounts.passwd(PASSWD, "operator")).splitlines()
    assert [line.split(":")[:2] for line in lines] == [["root", "*"], ["sshd", "*"], ["nobody", "*"], ["operator", "*"]]
