"""What makes a host odd without harming it: its login shell, its locale, its programs, its rights, its network."""

from __future__ import annotations

from pathlib import Path

from runbook.errors import UsageError
from runbook.testbed.deed import HOST, NET, Deed, Fault, Words, absolute, number
from runbook.testbed.layout import Layout, Place

SYSTEMS = Path(__file__).with_name("os")
"""`/etc/os-release` of systems with RPM packages, as they were recorded (tests/recorded/index.toml says where)."""

HOME, SHELL = 6, 7
"""Fields of a line of /etc/passwd (`man 5 passwd`)."""

FIELD = """
awk -F: -v OFS=: -v user="$1" -v field="$2" -v value="$3" '$1 == user { $field = value } { print }' \
    /etc/passwd >/etc/passwd.odd && cat /etc/passwd.odd >/etc/passwd && rm /etc/passwd.odd
"""

WRAPPER = "/usr/local/bin/odd-shell-"

GREETING = """#!/bin/sh
echo '****************************************'
echo '*  Authorized use only. 仅供授权使用。 *'
echo '****************************************'
printf 'last login: never'
exec /bin/bash "$@"
"""
NOISE = """#!/bin/sh
echo 'stty: standard input: Inappropriate ioctl for device' >&2
exec /bin/bash "$@"
"""
ABROAD = """#!/bin/sh
LANG=$(cat "$0.locale") LC_ALL=$LANG LANGUAGE=${LANG%%.*}
export LANG LC_ALL LANGUAGE
exec /bin/bash "$@"
"""

RPM_LIKE = ("apt", "apt-get", "apt-cache", "dpkg", "dpkg-query")


def _field(user: str, number: int, value: str) -> Words:
    return ("sh", "-c", FIELD, "sh", user, str(number), value)


def _written(path: str, content: str, mode: str) -> Words:
    return ("sh", "-c", 'printf "%s" "$2" >"$1" && chmod "$3" "$1"', "sh", path, content, mode)


def _shell(layout: Layout, name: str, text: str, *more: Words, extra: tuple[str, ...] = ()) -> Deed:
    """The operator's login shell is a script that ends in bash."""
    path = WRAPPER + name
    return Deed(HOST, (_written(path, text, "755"), *more,
                       _field(layout.operator, SHELL, path)),
                (_field(layout.operator, SHELL, "/bin/bash"), ("rm", "-rf", path, *extra)))


def banner(layout: Layout, place: Place) -> Deed:
    return _shell(layout, "banner", GREETING)


def noise(layout: Layout, place: Place) -> Deed:
    return _shell(layout, "noise", NOISE)


LOCALEDEF = """
command -v localedef >/dev/null || exit 0
localedef --no-archive -i "${1%%.*}" -f "${1#*.}" "/usr/lib/locale/$1" >/dev/null 2>&1 || :
"""


def locale(layout: Layout, place: Place, name: str) -> Deed:
    """Its messages and numbers are of another language; where its data cannot be made, it is a name without any."""
    if not name.replace("_", "").replace(".", "").replace("-", "").isalnum():
        raise UsageError(f"{name}: not the name of a locale", next="write it as de_DE.UTF-8")
    told = f"{WRAPPER}locale.locale"
    return _shell(layout, "locale", ABROAD, _written(told, name, "644"), ("sh", "-c", LOCALEDEF, "sh", name),
                  extra=(told, f"/usr/lib/locale/{name}"))


HIDE = """
for name; do
    path=$(command -v "$name") || continue
    mount --bind /dev/null "$(readlink -f "$path")" || exit
done
"""
SHOW = """
for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin; do
    for name; do
        [ ! -c "$folder/$name" ] || umount "$folder/$name" || exit
    done
done
"""


def _hidden(*programs: str) -> tuple[Words, Words]:
    return ("sh", "-c", HIDE, "sh", *programs), ("sh", "-c", SHOW, "sh", *programs)


def without(layout: Layout, place: Place, programs: str) -> Deed:
    """As a host with busybox, or with coreutils and a POSIX shell only."""
    hide, show = _hidden(*programs.split(","))
    return Deed(HOST, (_field(layout.operator, SHELL, "/bin/dash"), hide),
                (show, _field(layout.operator, SHELL, "/bin/bash")))


def home(layout: Layout, place: Place, folder: str) -> Deed:
    was = f"/home/{layout.operator}"
    return Deed(HOST, (("install", "-d", "-m", "700", "-o", layout.operator, "-g", layout.operator, absolute(folder)),
                       _field(layout.operator, HOME, folder)),
                (_field(layout.operator, HOME, was), ("rm", "-rf", folder)))


RIGHTS = "/etc/sudoers.d/zz-odd"


def few_rights(layout: Layout, place: Place, programs: str) -> Deed:
    """`sudo -n` for some commands only: a shell is none of them."""
    allowed = ", ".join(absolute(program) for program in programs.split(","))
    rule = f"{layout.operator} ALL=(ALL:ALL) PASSWD: ALL, NOPASSWD: {allowed}\n"
    return Deed(HOST, (_written(RIGHTS, rule, "440"),), (("rm", "-f", RIGHTS),))


RELEASE = "/usr/lib/os-release"


def system(layout: Layout, place: Place, name: str) -> Deed:
    """It calls itself another distribution, and has none of Debian's package tools."""
    known = sorted(file.name.removesuffix(".os-release") for file in SYSTEMS.glob("*.os-release"))
    if name not in known:
        raise UsageError(f"there is no recorded system `{name}`", next=f"there are {', '.join(known)}")
    text = (SYSTEMS / f"{name}.os-release").read_text()
    hide, show = _hidden(*RPM_LIKE)
    return Deed(HOST, (("mv", RELEASE, f"{RELEASE}.before"), _written(RELEASE, text, "644"), hide),
                (show, ("mv", f"{RELEASE}.before", RELEASE)))


CONFIG = "/etc/ssh/sshd_config"

LISTENS = """
i=0
until ssh-keyscan -p "$1" 127.0.0.1 2>/dev/null | grep -q .; do
    i=$((i + 1))
    [ $i -lt 100 ] || exit 1
    sleep 0.05
done
"""
"""Until sshd listens at port `$1`: after a reload it listens to nobody for a moment."""


def port(layout: Layout, place: Place, word: str) -> Deed:
    """sshd listens there too, and still at 22, where the testbed looks whether a host is up."""
    add = 'cp -p "$1.before" "$1" && printf "Port 22\\nPort %s\\n" "$2" >>"$1"'
    reload = ("systemctl", "reload", "ssh")
    there = ("sh", "-c", LISTENS, "sh", word)
    return Deed(HOST, (("mv", CONFIG, f"{CONFIG}.before"),
                       ("sh", "-c", add, "sh", CONFIG, str(number(word, 1, 65535))), reload, there),
                (("mv", f"{CONFIG}.before", CONFIG), reload, ("sh", "-c", LISTENS, "sh", "22")))


FAKED = "/usr/lib/*/faketime/libfaketime.so.1"
CLOCK = """
library=$(ls $2) || { echo "no libfaketime on this machine: apt-get install libfaketime" >&2; exit 1; }
cp -p "$1.before" "$1" || exit
sed -i '/^SetEnv/d' "$1"
before=$(sed -n 's/^SetEnv *//p' "$1.before")
printf 'SetEnv %s LD_PRELOAD=%s FAKETIME=%ss DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1\\n' "$before" "$library" "$3" >>"$1"
"""
"""The first SetEnv counts (`man 5 sshd_config`), so that there is one."""


def clock(layout: Layout, place: Place, seconds: str) -> Deed:
    """SSH sessions are told another time of day, but for what sudo runs, which takes no LD_PRELOAD over, and for static
    programs: the kernel has one clock for all hosts, and a time namespace shifts the monotonic ones only."""
    sign, digits = ("-", seconds[1:]) if seconds.startswith("-") else ("+", seconds)
    apart = f"{sign}{number(digits, 1, 10_000_000)}"
    reload = ("systemctl", "reload", "ssh")
    there = ("sh", "-c", LISTENS, "sh", "22")
    change = ("sh", "-c", CLOCK, "sh", CONFIG, FAKED, apart)
    return Deed(HOST, (("mv", CONFIG, f"{CONFIG}.before"), change, reload, there),
                (("mv", f"{CONFIG}.before", CONFIG), reload, there))


def ipv6_only(layout: Layout, place: Place) -> Deed:
    chains = "; ".join(f"add chain inet odd {hook} {{ type filter hook {hook} priority -299; }}; "
                       f'add rule inet odd {hook} {way} != "lo" meta nfproto ipv4 drop'
                       for hook, way in (("input", "iifname"), ("output", "oifname")))
    return Deed(NET, (("nft", f"add table inet odd; {chains}"),), (("nft", "delete table inet odd"),))


ODDITIES = {
    "banner": Fault("the login shell greets on stdout", (), banner),
    "noise": Fault("the login shell complains on stderr", (), noise),
    "locale": Fault("the login shell speaks another language", (("NAME", "de_DE.UTF-8"),), locale),
    "without": Fault("some programs are not there, and the login shell is dash", (("PROGRAMS", "bash"),), without),
    "home": Fault("the operator's home is elsewhere", (("FOLDER", "/home/the operator's own"),), home),
    "few-rights": Fault("`sudo -n` for some commands only", (("PROGRAMS", "/usr/bin/systemctl"),), few_rights),
    "system": Fault("it has RPM packages: openeuler or kylin", (("NAME", "openeuler"),), system),
    "port": Fault("sshd listens at another port too", (("PORT", "2222"),), port),
    "clock": Fault("SSH sessions see a clock that is so many seconds ahead, or behind", (("SECONDS", "300"),), clock),
    "ipv6-only": Fault("no IPv4 packet comes or goes", (), ipv6_only),
}
"""By name."""
