"""The site file: what it says, and what is refused with file, line and key."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.errors import SiteError
from runbook.remote.secret import Reference
from runbook.site import ROOT, GoSource, find_site, load_site

GOOD = '''\
schema = 1
name = "ward-7"
target = "sw64"
protected = true
language = "zh"

[ssh]
user = "operator"
key = "file:~/.ssh/id_ed25519"
known_hosts = "known_hosts"

[[host]]
name = "node1"
address = "192.0.2.11"
roles = ["service", "etcd", "bmc"]
port = 2222
  [host.bmc]
  address = "192.0.2.111"
  password = "env:BMC_PASSWORD"

[[host]]
name = "node2"
address = "192.0.2.12"
roles = ["service"]
user = "other"
key = "file:keys/two"
host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

[toolchain]
go = "dir:go-port"

[[accept]]
risk = "etcd-unsupported-architecture"
by = "the head of operations"
reason = "three ports have run it for a year"
until = 2027-06-30
'''


@pytest.fixture
def write(tmp_path):
    def written(text: str, name: str = "site.toml") -> Path:
        file = tmp_path / name
        file.write_text(text)
        return file
    return written


def refusal(file: Path | str) -> str:
    with pytest.raises(SiteError) as caught:
        load_site(file)
    assert caught.value.exit_code == 2
    assert caught.value.next
    return caught.value.what


def test_a_good_site_is_read_with_its_defaults(write):
    site = load_site(write(GOOD))
    assert (site.name, site.target, site.protected, site.drills, site.language) == \
        ("ward-7", "sw64", True, False, "zh")
    assert [host.name for host in site.hosts_with("service")] == ["node1", "node2"]
    assert [host.name for host in site.hosts_with("load")] == []
    assert site.host("node1").bmc.password == Reference("env:BMC_PASSWORD")
    assert (site.service.port, site.etcd.profile, site.load.depth) == (8080, "ecdsa", "rehearsal")


def test_keys_at_a_host_override_those_of_ssh(write):
    site = load_site(write(GOOD))
    first, second = (host.ssh for host in site.hosts)
    assert (first.user, first.port) == ("operator", 2222)
    assert (second.user, second.port) == ("other", 22)
    assert second.host_key.startswith("SHA256:") and not first.host_key


def test_relative_paths_start_beside_the_site_file(write):
    file = write(GOOD)
    site = load_site(file)
    assert site.ssh.known_hosts == file.parent / "known_hosts"
    assert site.host("node2").ssh.key == Reference(f"file:{file.parent}/keys/two")
    assert site.host("node1").ssh.key == Reference(f"file:{Path.home()}/.ssh/id_ed25519")
    assert site.toolchain.go == GoSource("dir", str(file.parent / "go-port"))


def test_a_missing_ssh_table_leaves_known_hosts_beside_the_file(write):
    file = write('name = "a"\ntarget = "amd64"\n[[host]]\nname = "n"\naddress = "h"\nroles = []\n')
    assert load_site(file).host("n").ssh.known_hosts == file.parent / "known_hosts"


def test_the_resolved_site_is_the_same_site_again(write, tmp_path):
    site = load_site(write(GOOD))
    again = load_site(write(site.resolved_toml(), "again.toml"))
    assert replace(again, file=site.file) == site


def test_the_resolved_site_of_a_run_finds_its_files_from_the_runs_folder(tmp_path):
    site = load_site(ROOT / "sites/example-sw64.toml")
    folder = ROOT / "reports/20270101-ward-7"
    text = site.resolved_toml(folder)
    assert 'known_hosts = "../../sites/known_hosts"' in text
    assert str(ROOT) not in text


def test_the_resolved_site_keeps_references_and_no_secret(write, monkeypatch):
    monkeypatch.setenv("BMC_PASSWORD", "correct horse")
    text = load_site(write(GOOD)).resolved_toml()
    assert '"env:BMC_PASSWORD"' in text
    assert "correct horse" not in text


def test_every_reference_of_a_site_is_listed_once(write):
    file = write(GOOD)
    assert [str(one) for one in load_site(file).references()] == \
        [f"file:{Path.home()}/.ssh/id_ed25519", f"file:{file.parent}/keys/two", "env:BMC_PASSWORD"]


def test_an_accepted_risk_counts_until_its_last_day(write):
    site = load_site(write(GOOD))
    assert site.accepts("etcd-unsupported-architecture", date(2027, 6, 30)).by == "the head of operations"
    assert site.accepts("etcd-unsupported-architecture", date(2027, 7, 1)) is None
    assert site.accepts("another", date(2027, 1, 1)) is None


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("protected", "protectd", 4, "protectd: unknown key; did you mean `protected`?"),
    ('user = "operator"', 'usr = "operator"', 8, "ssh.usr: unknown key; did you mean `user`?"),
    ("[toolchain]", "[toolchian]", 29, "toolchian: unknown key; did you mean `toolchain`?"),
    ("protected = true", 'protected = "yes"', 4, "protected: expected true or false, found a string"),
    ("port = 2222", "port = true", 16, "host[1].port: expected a whole number, found true or false"),
    ("port = 2222", "port = 0", 16, "host[1].port: expected 1 to 65535"),
    ("until = 2027-06-30", "until = 2027-06-30T00:00:00", 36, "found a date with a time"),
    ('roles = ["service"]', 'roles = ["sevice"]', 24, "unknown value `sevice`; did you mean `service`?"),
    ('roles = ["service"]', 'roles = ["etcd", "etcd"]', 24, "names something twice"),
    ('roles = ["service"]', 'roles = ["bmc"]', 24, "the role `bmc` needs a [host.bmc]"),
    ('roles = ["service"]', 'roles = "service"', 24, "expected an array, found a string"),
    ("192.0.2.12", "192.0.2.11\"\nport = \"22", 24, "host[2].port: expected a whole number, found a string"),
    ('name = "node2"', 'name = "node1"', 22, "host[2].name: is already that of host[1]"),
    ('target = "sw64"', 'target = "sw46"', 3, "unknown target; did you mean `sw64`?"),
    ('language = "zh"', 'language = "fr"', 5, "unknown value; known are en, zh"),
    ("schema = 1", "schema = 2", 1, "schema: expected 1 to 1"),
    ('name = "ward-7"', 'name = "../x"', 2, "lower-case letters, digits and `-`"),
    ("SHA256:A", "MD5:A", 27, "host_key: expected `SHA256:` and 43 characters"),
    ("dir:go-port", "go-port", 30, "toolchain.go: expected `dir:PATH`"),
    ("dir:go-port", "host:node3:/go", 30, "toolchain.go: unknown host; did you mean `node"),
    ("dir:go-port", "version:1.26.8", 30, "no release of upstream Go builds for sw64"),
    ("env:BMC_PASSWORD", "vault:x", 19, "bmc.password: expected `env:NAME` (an environment variable)"),
    ('name = "ward-7"\n', "", 1, "the key `name` is missing"),
    ("[ssh]", "[[ssh]]", 7, "ssh: expected a table, found an array"),
    ("[[accept]]", "[accept]", 32, "accept: expected [[accept]], found a table"),
])
def test_what_is_wrong_is_named_with_file_line_and_key(write, old, new, line, message):
    file = write(GOOD.replace(old, new, 1))
    text = refusal(file)
    assert any(one.startswith(f"{file}:{line}: ") and message in one for one in text.splitlines()), text


def test_an_address_is_refused_where_host_and_port_are_those_of_another(write):
    text = GOOD.replace("192.0.2.12", "192.0.2.11")
    assert load_site(write(text)).host("node2").ssh.port == 22      # another port: another sshd
    same_port = write(text.replace("port = 2222\n", ""))
    assert "host[2].address: is already that of host[1]" in refusal(same_port)


def test_two_hosts_do_not_share_a_bmc(write):
    bmc = '  [host.bmc]\n  address = "192.0.2.111"\n\n[toolchain]'
    assert "host[2].bmc.address: is already that of host[1]" in refusal(write(GOOD.replace("[toolchain]", bmc)))


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "~nobody-of-that-name/site.toml", ""])
def test_a_path_that_cannot_be_one_is_refused(path):
    with pytest.raises(SiteError):
        load_site(path)


def test_a_site_without_hosts_is_refused(write):
    hostless = 'name = "a"\ntarget = "amd64"\n'
    assert "the key `host` is missing" in refusal(write(hostless))
    assert "host: expected at least one [[host]]" in refusal(write(hostless + "host = []\n"))


def test_everything_that_is_wrong_is_said_at_once_in_the_files_order(write):
    text = GOOD.replace("protected", "protectd").replace("2222", '"x"').replace("dir:", "")
    lines = [int(re.match(r".*?:(\d+):", one)[1]) for one in refusal(write(text)).splitlines()]
    assert lines == [4, 16, 30]


@pytest.mark.parametrize("key", ["password", "passwrod"])
def test_a_plain_text_password_is_refused_and_never_repeated(write, key):
    text = GOOD.replace('password = "env:BMC_PASSWORD"', f'{key} = "correct-horse"')
    error = refusal(write(text))
    assert "correct-horse" not in error
    assert ":19: host[1].bmc." in error


def test_a_plain_text_password_is_answered_with_what_to_write_instead(write):
    error = refusal(write(GOOD.replace("env:BMC_PASSWORD", "correct-horse")))
    assert "`env:NAME` (an environment variable), `file:PATH` (a file of mode 0600) or `prompt:`" in error


def test_a_file_that_is_no_toml_is_refused_at_its_line(write):
    file = write('name = "a"\nthis is prose\n')
    assert refusal(file).startswith(f"{file}:2: not TOML: ")


def test_a_file_that_is_not_utf8_is_refused_at_its_line(tmp_path):
    file = tmp_path / "site.toml"
    file.write_bytes(b'name = "a"\n# \xff\n')
    assert refusal(file) == f"{file}:2: not UTF-8"


def test_a_folder_is_no_site_file(tmp_path):
    assert "Is a directory" in refusal(tmp_path)


def test_a_missing_file_says_how_to_write_one():
    with pytest.raises(SiteError) as caught:
        load_site("sites/nowhere.toml")
    assert "runbook new-site sites/nowhere.toml" in caught.value.next
    assert "sites/example-sw64.toml" in caught.value.next


def test_a_site_is_found_from_the_projects_root_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_site("sites/example-sw64.toml") == ROOT / "sites/example-sw64.toml"


def test_a_site_of_the_working_folder_goes_before_that_of_the_root(tmp_path, monkeypatch, write):
    (tmp_path / "sites").mkdir()
    write(GOOD, "sites/example-sw64.toml")
    monkeypatch.chdir(tmp_path)
    assert len(load_site("sites/example-sw64.toml").hosts) == 2


def test_an_unknown_host_is_answered_with_the_nearest(write):
    with pytest.raises(SiteError, match="did you mean `node1`"):
        load_site(write(GOOD)).host("nod1")


def test_deep_nesting_and_long_numbers_are_refused_like_other_errors(write):
    assert "not TOML" in refusal(write("a = " + "[" * 20_000))
    assert "not TOML" in refusal(write("a = " + "9" * 5_000))


SCRAPS = st.sampled_from([
    "[", "]", "[[", "]]", '"', "'", "=", "\n", "#", ".", "{", "}", '"""', "'''", "\\", "\0", "\x7f", "é",
    "[[host]]", "[ssh]", "true", "-1", "1e999", "nan", "0x", "[]", "{}", "2027-02-30",
    "ssh.key = 1\n", "host = 3\n", "[host]\n",
])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_site_gives_a_site_error_or_a_site_and_nothing_else(tmp_path, data):
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 30))
        text = text[:at] + data.draw(SCRAPS) + text[at + cut:]
    file = tmp_path / "site.toml"
    file.write_text(text)
    try:
        load_site(file)
    except SiteError as error:
        assert error.what.startswith(str(file))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_random_bytes_give_a_site_error(tmp_path, data):
    file = tmp_path / "site.toml"
    file.write_bytes(data)
    with pytest.raises(SiteError):
        load_site(file)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["name", "target", "host", "ssh", "accept", "x"]), VALUES))
def test_any_document_that_toml_can_hold_gives_a_site_error_or_a_site(document):
    from runbook.site import site_from

    with pytest.raises(SiteError, match="here.toml:1: "):
        site_from(document, "", Path("/nowhere/here.toml"), "here.toml")


def test_reading_a_site_needs_no_heavy_module():
    code = ("import sys; from runbook.site import load_site; load_site('sites/example-sw64.toml'); "
            "print(*({'fabric', 'paramiko', 'IPython', 'pandas', 'plotly', 'difflib'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_host_without_a_key_or_passphrase_of_its_own_writes_none(write):
    text = load_site(write(GOOD)).resolved_toml()
    first = text[text.index('name = "node1"'):text.index("[host.bmc]")]
    assert "port = 2222" in first and "user" not in first and "key" not in first
