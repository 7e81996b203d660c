"""What is to be done on a host: first its account and keys, then, with certificates, its member."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runbook.chapters.etcd.credentials import (
    Credential,
    Credentials,
    Held,
    credentials_question,
    trust_of,
)
from runbook.chapters.etcd.enter import enter, entered_question
from runbook.chapters.etcd.gate import fit
from runbook.chapters.etcd.layout import CTL, DATA, PKI, SETTINGS, USER, UTL, service_folder
from runbook.chapters.etcd.observe import FILES, GROUND, Files
from runbook.chapters.etcd.sign import Signed
from runbook.chapters.etcd.signed import checked, unchecked
from runbook.chapters.etcd.start import start_member
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.etcd.wants import wants_signature
from runbook.chapters.hosts.system import UNAME
from runbook.pki.request import parse_request
from runbook.plan import Folder, Place, Plan, Remove, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.question import HostAnswers

MAKE_KEY = r"""
umask 077
[ -s "$1" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve \
  -out "$1" || exit
settings='[req]\ndistinguished_name = name\n[name]\n[extensions]\nsubjectAltName = %s\n'
printf "$settings" "${4:-}" | openssl req -new -key "$1" -subj "$3" -config /dev/stdin \
  ${4:+-reqexts extensions} -out "$2" || exit
chmod "$5" "$1" && chown "$6" "$1"
"""
"""openssl before 1.1.1 has no -addext, and before 1.1.0 writes a curve's parameters out, which Go does not read. The
host's own openssl.cnf has no say."""


def prepare(seen: HostAnswers, wanted: Wanted) -> Plan:
    """Account, folders and keys; raises Blocked where something stands in the way."""
    fit(seen, wanted)
    steps: list[Step] = []
    if wanted.member(seen.host) is not None:
        steps += [*_account(seen), *_folders(seen[FILES])]
    held = seen[credentials_question(wanted.site.service.name)]
    for credential in wanted.credentials(seen.host):
        steps += _key(credential, held, wanted.at)
    return Plan(*steps, because="account, folders and keys are there, and no certificate is about to lapse")


def member(seen: HostAnswers, wanted: Wanted, signed: Signed) -> Plan:
    """Certificates, programs, data directory, the running member, and the service's way to it.

    `seen` is from after `prepare`.
    """
    fit(seen, wanted)
    service, host = wanted.site.service.name, wanted.host(seen.host)
    held, files = seen[credentials_question(service)], seen[FILES]
    steps = [*_certificates(host.name, held, wanted, signed)]
    if wanted.member(host.name) is not None:
        steps += [*_tools(host.name, seen[UNAME].machine, files, wanted), *_data(files), *start_member(seen, wanted)]
    if host.has("service"):
        renewed = any(action.path.startswith(f"{service_folder(service)}/") for step in steps for action in step.do
                      if isinstance(action, Replace))
        steps += enter(seen[entered_question(service)], wanted.cluster, service, renewed=renewed)
    return Plan(*steps, because="certificates, programs and configuration are as wanted, and the member runs")


def _account(seen: HostAnswers) -> Iterator[Step]:
    if not seen[GROUND].account:
        yield Step(
            why=f"there is no account {USER}",
            do=(Run("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", DATA,
                    "--shell", "/usr/sbin/nologin", USER),),
            undo=(Run("userdel", USER),),
        )  # fmt: skip


def _folders(files: Files) -> Iterator[Step]:
    wanted = (Folder(SETTINGS), Folder(PKI, 0o750, f"root:{USER}"))
    missing = tuple(one for one in wanted if not files.is_folder(one.path, one.mode, one.owner))
    if missing:
        yield Step(
            why=f"{' and '.join(one.path for one in missing)} with the rights that keys need",
            do=missing,
            undo=tuple(RemoveFolder(one.path) for one in reversed(missing)),
        )


def _key(credential: Credential, held: Credentials, at: datetime) -> Iterator[Step]:
    own = held.of(credential)
    rights = f"{credential.mode:o} {credential.owner}"
    why = wants_signature(credential, held, at)
    if own.has_key and own.key_rights == rights and (not why or _asks_for(credential, own)):
        return
    identity = credential.identity
    make = Run("sh", "-c", MAKE_KEY, "sh", credential.key, credential.request, identity.subject,
               identity.alternative_names, f"{credential.mode:04o}", credential.owner)  # fmt: skip
    folders = tuple(Folder(path) for path in _own_folders(credential))
    gone = () if own.has_key else (Remove(credential.key), Remove(credential.request))
    yield Step(
        why=f"a key and a request for {identity}, made on the host"
        if not own.has_key
        else f"a new request for {identity}: it {why or 'has a key with other rights'}",
        do=(*folders, make),
        undo=(*gone, *(RemoveFolder(folder.path) for folder in reversed(folders))),
    )


def _asks_for(credential: Credential, own: Held) -> bool:
    try:
        request = parse_request(own.request)
    except ValueError:
        return False
    return not request.differs_from(credential.identity) and request.public_key == own.public_key


def _own_folders(credential: Credential) -> tuple[str, ...]:
    """The folders of a service's credential: its settings may have none yet. A member's are a step of their own."""
    folder = credential.stem.rpartition("/")[0]
    return () if folder == PKI else (folder.rpartition("/")[0], folder)


def _certificates(host: str, held: Credentials, wanted: Wanted, signed: Signed) -> Iterator[Step]:
    writes: list[Replace] = []
    for path, authority in trust_of(wanted.host(host), wanted.site.service.name).items():
        pem = signed.authorities.get(authority)
        was = held.trusted.get(path)
        if pem is not None and (was is None or was.pem != pem):
            writes.append(Replace(path, pem, was=was and was.pem))
    named = []
    for credential in wanted.credentials(host):
        pem = signed.certificates.get((host, credential.stem))
        if pem is not None:
            was = held.of(credential).certificate
            writes.append(Replace(credential.certificate, pem, was=was and was.pem))
            named.append(f"{credential.name} {wants_signature(credential, held, wanted.at)}")
    if writes:
        yield Step(
            why="; ".join(named) or "the authorities that are trusted",
            do=tuple(writes),
            undo=tuple(Restore(one.path) for one in reversed(writes)),
        )


def _tools(host: str, machine: str, files: Files, wanted: Wanted) -> Iterator[Step]:
    programs = {CTL: wanted.programs.etcdctl[machine], UTL: wanted.programs.etcdutl}
    missing = {path: built for path, built in programs.items()
               if not files.is_file(path, built.sha256, 0o755, "root:root")}
    if missing:
        do, undo = [], []
        for path, built in missing.items():
            do += [Place(path, built.path, built.sha256), *checked(host, path, built, wanted.seals)]
            undo[:0] = [*unchecked(path, built, wanted.seals), Restore(path)]
        yield Step(
            why=f"{' and '.join(missing)} of etcd {wanted.programs.version}",
            do=tuple(do),
            undo=tuple(undo),
        )


def _data(files: Files) -> Iterator[Step]:
    """Taken back with all that is in it: a member that is gone has no use for it, and a later one must not find it."""
    folder = Folder(DATA, 0o700, f"{USER}:{USER}")
    if files.is_folder(folder.path, folder.mode, folder.owner):
        return
    emptied = () if files.get(DATA) else (Run("rm", "-rf", "--", f"{DATA}/member"),)
    yield Step(
        why=f"{DATA} for the member's data; THE UNDO REMOVES THE DATA TOO" if emptied else f"the rights of {DATA}",
        do=(folder,),
        undo=(*emptied, RemoveFolder(DATA)),
    )
