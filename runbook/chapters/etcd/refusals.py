"""Who must not get in: each is tried on every member, and the reason of the refusal is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from runbook.chapter import Chapter
from runbook.chapters.etcd.credentials import CHECK, Credential, Credentials, credentials_question
from runbook.chapters.etcd.layout import CLIENTS, CTL, PKI, UNIT
from runbook.chapters.etcd.sign import find_trusted, trusted_by
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.sections import sections
from runbook.pki.authority import Authority
from runbook.pki.request import checked
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.verdict import Verdict, Verdicts, failed, passed, skipped

REFUSED = "who has no right is refused"
LAPSED_SINCE = timedelta(days=-1)

# TLS alerts in openssl's words: those of TLS 1.3 (RFC 8446, section 6.2), and what TLS 1.2 has for the same. To who
# shows no certificate it says `handshake failure` (RFC 5246, section 7.4.6), and etcd 3.5.5 goes no higher (its
# client/pkg/transport/listener.go).
NONE_SHOWN = ("certificate required", "bad certificate", "handshake failure")
EXPECTED = {
    "no certificate": NONE_SHOWN,
    "a certificate of another authority": ("unknown ca", "bad certificate"),
    "a lapsed certificate": ("certificate expired", "bad certificate"),
    "plain HTTP": ("first record does not look like a TLS handshake",),
    "no certificate at the peer port": NONE_SHOWN,
    "a client's certificate at the peer port": ("unknown ca", "bad certificate"),
}

# -ign_eof: under TLS 1.3 the refusal comes after the handshake, so the client has to stay until it is told.
# Plain HTTP gets no answer that etcdctl would show; the member's own log says what it made of it.
TRY = Script(
    """\
client=$1 peer=$2 key=$3 certificate=$4 ctl=$5 unit=$6
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT PIPE TERM
cat >"$folder/lapsed.crt"
since=$(date '+%Y-%m-%d %H:%M:%S')
"$ctl" --endpoints "http://$client" --command-timeout 1s --dial-timeout 1s get / >"$folder/plain" 2>&1 </dev/null &
plain=$!
openssl req -x509 -new -key "$key" -subj /CN=another -days 1 -out "$folder/other.crt" 2>/dev/null
try() {
  echo "== $1"; to=$2; shift 2
  timeout 10 openssl s_client -connect "$to" -ign_eof "$@" </dev/null 2>&1 | grep -i alert
}
try 'no certificate' "$client"
try 'a certificate of another authority' "$client" -cert "$folder/other.crt" -key "$key"
[ ! -s "$folder/lapsed.crt" ] || try 'a lapsed certificate' "$client" -cert "$folder/lapsed.crt" -key "$key"
try 'no certificate at the peer port' "$peer"
try "a client's certificate at the peer port" "$peer" -cert "$certificate" -key "$key"
echo '== plain HTTP'
wait "$plain" && echo 'it was answered'
journalctl -u "$unit" --since "$since" -o cat --no-pager | grep 'rejected connection'
:
""",
    sudo=True,
    limit=90.0,
)


@dataclass(frozen=True)
class Refusals:
    """What was said to each who was tried; empty where nobody was refused."""

    said: dict[str, str]

    def wrong(self) -> list[str]:
        """Who got in, or was refused for a reason that is not the one that was put to the test."""
        return [f"{who} was {f'refused with `{said}`' if said else 'not refused'}"
                for who, said in self.said.items() if said not in EXPECTED[who]]  # fmt: skip

    def __str__(self) -> str:
        return "; ".join(f"{who}: {said or 'not refused'}" for who, said in self.said.items())


def parse_refusals(text: str) -> Refusals:
    """The words of each alert; of plain HTTP, those of the member's log."""
    parts = sections(text)
    said: dict[str, str] = {}
    for who, expected in EXPECTED.items():
        if who not in parts:
            continue
        if who == "plain HTTP":
            found = expected[0] if expected[0] in parts[who] and "it was answered" not in parts[who] else ""
        else:
            alert = re.search(r"alert ([a-z ]+?)\s*(?::|$)", parts[who], re.MULTILINE)
            found = alert[1] if alert else ""
        said[who] = found
    return Refusals(said)


def strangers_refused(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a member; a lapsed certificate is made for the test, where the authority's key is at hand."""
    question = credentials_question(wanted.site.service.name)
    members = chapter.fleet.with_role("etcd")
    held = {one.host: one[question] for one in members.ask(question)}
    known = trusted_by(held).get(CLIENTS)
    authority = find_trusted(CLIENTS, known, chapter.run) if known else None

    def tried(shell: Shell) -> Refusals:
        lapsed = _lapsed(shell.name, held[shell.name], authority, wanted) if authority else ""
        member = wanted.member(shell.name)
        assert member is not None
        peer = member.peer_url.removeprefix("https://")
        words = (f"127.0.0.1:{member.client_port}", peer, f"{PKI}/check.key", f"{PKI}/check.crt", CTL, UNIT)
        return parse_refusals(shell.run(TRY.command(*words, stdin=lapsed.encode())).text)

    outcomes = members.each(tried)
    found: list[Verdict] = []
    for host in members.names:
        if host in outcomes.errors:
            found.append(failed(REFUSED, outcomes.errors[host].what, host))
        elif wrong := outcomes[host].wrong():
            found.append(failed(REFUSED, "; ".join(wrong), host))
        else:
            found.append(passed(REFUSED, str(outcomes[host]), host))
    if authority is None:
        why = "the authority's key is in no run of this site, so no lapsed certificate can be made"
        found.append(skipped("a lapsed certificate is refused", why))
    return Verdicts(tuple(found))


def _lapsed(host: str, held: Credentials, authority: Authority, wanted: Wanted) -> str:
    """A certificate of the right authority for the check's own key, which ended yesterday; as PEM."""
    credential = _check(host, wanted)
    request = checked(held.of(credential).request, credential.identity, host)
    return authority.sign(request, credential.identity, at=wanted.at, lifetime=LAPSED_SINCE).pem


def _check(host: str, wanted: Wanted) -> Credential:
    return next(one for one in wanted.credentials(host) if one.name == CHECK)
