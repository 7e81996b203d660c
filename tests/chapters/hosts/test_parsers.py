"""Every parser reads what real systems printed; the index says which systems."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from runbook.chapters.hosts import observe
from runbook.chapters.hosts.boot import parse_boot
from runbook.chapters.hosts.clock import parse_clock, parse_time_keeper
from runbook.chapters.hosts.kernel import (
    parse_cgroups,
    parse_kernel_config,
    parse_limits,
    parse_security,
)
from runbook.chapters.hosts.memory import parse_disks, parse_memory, parse_numa
from runbook.chapters.hosts.processor import cpu_from, parse_caches, parse_cpu
from runbook.chapters.hosts.system import (
    parse_init,
    parse_libc,
    parse_os_release,
    parse_packages,
    parse_uname,
)
from runbook.chapters.hosts.tools import parse_container_tools, parse_sudo, parse_tools

RECORDED = Path(__file__).resolve().parents[2] / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def test_every_recording_is_in_the_index_and_every_entry_is_there() -> None:
    index = tomllib.loads((RECORDED / "index.toml").read_text())
    listed = {f"{folder}/{name}" for folder, entry in index.items() for name in entry if name != "system"}
    there = {str(file.relative_to(RECORDED)) for file in RECORDED.rglob("*") if file.is_file()} - {
        "index.toml"
    }
    assert listed == there


@pytest.mark.parametrize(
    ("file", "identity", "version", "shown"),
    [
        ("kylin-v10-aarch64/os-release", "kylin", "V10", "Kylin Linux Advanced Server V10 (Tercel)"),
        ("openeuler-22.03-x86_64/os-release", "openEuler", "22.03", "openEuler 22.03 (LTS-SP1)"),
        ("openeuler-25.03-riscv64/os-release", "openEuler", "25.03", "openEuler 25.03"),
        ("debian-12-x86_64/os-release", "debian", "12", "Debian GNU/Linux 12 (bookworm)"),
    ],
)
def test_distributions_are_called_as_they_call_themselves(
    file: str, identity: str, version: str, shown: str
) -> None:
    release = parse_os_release(recorded(file))
    assert (release.id, release.version_id, str(release)) == (identity, version, shown)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cgroups", "cgroup v1, 12 controllers"),
        ("container_tools", "containerd 1.6.20~ds1, runc 1.1.5+ds1, ctr 1.6.20~ds1, docker 28.2.2"),
        ("disks", "12 GiB free where least is"),
        ("init", "systemd 252, running"),
        ("kernel_config", "has what containers need"),
        ("limits", "1024 open files, transparent huge pages madvise"),
        ("numa", "1 NUMA node"),
        ("packages", "packages by apt-get"),
        ("security", "no security module in force"),
        ("sudo", "operator may use sudo"),
        ("time_keeper", "nothing sets the clock"),
        ("tools", "has every tool that the runbook needs"),
    ],
)
def test_what_a_testbed_host_printed_is_read_in_one_line(name: str, shown: str) -> None:
    (question,) = {one for one in observe.START_QUESTIONS + observe.HOST_QUESTIONS if one.name == name}
    assert str(question.parse(recorded(f"testbed-host/{name.replace('_', '-')}"))) == shown


def test_how_a_host_came_up_is_read_part_by_part() -> None:
    """systemd-analyze's line and the boot partition as documented; a machine with firmware was not at hand."""
    boot = parse_boot(recorded("kylin-v10-sw_64/boot-written-from-docs"))
    assert boot.seconds == {"firmware": 65.5, "loader": 2.25, "kernel": 3.004, "initrd": 1.1, "userspace": 24.86}
    assert boot.grub == ("/boot/efi/EFI/kylin/grub.cfg",) and boot.image == "compressed by gzip" and boot.symbols
    assert boot.reserved == ((0x80000000, 0x9FFFFFFF, "System RAM"), (0x80400000, 0x80FFFFFF, "Kernel code"))
    assert str(boot).startswith("firmware 65.5 s, loader 2.25 s, kernel 3 s")


def test_a_bzimage_is_told_by_its_header_and_an_unprivileged_iomem_by_its_zeros() -> None:
    boot = parse_boot("== image\n 4d 5a ea 07\n== header\nHdrS\n== iomem\n00000000-00000000 : System RAM\n")
    assert boot.image == "bzImage" and boot.reserved == () and not boot.symbols
    assert parse_boot("== image\n 4d 5a 00 91\n== header\n\n").image == "EFI program"


@pytest.mark.parametrize("text", ["", "# nothing\n", "HOME_URL=x\n"])
def test_a_host_without_an_os_release_does_not_answer(text: str) -> None:
    with pytest.raises(ValueError, match="no /etc/os-release"):
        parse_os_release(text)


def test_the_kernels_version_is_a_number_on_sunway_too() -> None:
    uname = parse_uname(recorded("kylin-v10-sw_64/uname"))
    assert (uname.machine, uname.version, uname.nodename) == ("sw_64", (4, 19), "node02")


@pytest.mark.parametrize(
    ("file", "model", "vendor", "count", "sockets", "feature"),
    [
        ("kylin-v10-sw_64/cpuinfo-written-from-docs", "SW3231 CPU @ 2.40GHz", "sunway", 64, 2, "simd"),
        ("openeuler-25.03-riscv64/cpuinfo", "thead,c910", "0x5b7", 4, None, "zicsr"),
        ("ubuntu-18.04-aarch64/cpuinfo", "", "0x48", 1, None, "asimd"),
        ("aosc-loongarch64/cpuinfo", "Loongson-3C6000", "Loongson-64bit", 32, 1, "lasx"),
        ("debian-12-x86_64/cpuinfo", "AMD EPYC", "AuthenticAMD", 2, 1, "avx2"),
    ],
)
def test_processors_are_read_from_cpuinfo_alone(
    file: str, model: str, vendor: str, count: int, sockets: int | None, feature: str
) -> None:
    cpu = cpu_from(recorded(file), "")
    assert (cpu.model, cpu.vendor, cpu.count, cpu.sockets) == (model, vendor, count, sockets)
    assert feature in cpu.features


@pytest.mark.parametrize(
    ("file", "model", "count", "sockets", "feature"),
    [
        ("kylin-v10-sw_64/lscpu-zh", "SW3231 CPU @ 2.40GHz", 64, 2, "vpn"),
        ("openeuler-22.03-x86_64/lscpu-zh", "Hygon C86 7390 32-core Processor", 8, 4, None),
        ("euleros-2-aarch64/lscpu", "Kunpeng-920", 192, 4, "asimd"),
        ("loongarch64-3a5000/lscpu", "Loongson-3A5000-HV", 4, 1, "lsx"),
        ("riscv64-milkv-pioneer/lscpu", "", 64, 1, None),
    ],
)
def test_processors_are_read_from_lscpu_alone_in_english_and_chinese(
    file: str, model: str, count: int, sockets: int, feature: str | None
) -> None:
    cpu = cpu_from("", recorded(file))
    assert (cpu.model, cpu.count, cpu.sockets) == (model, count, sockets)
    assert feature is None or feature in cpu.features


def test_the_count_of_online_processors_wins_over_a_cpuinfo_that_was_cut() -> None:
    text = "== online\n256\n== cpuinfo\n" + recorded("debian-12-x86_64/cpuinfo") + "\n== lscpu\n"
    assert parse_cpu(text).count == 256


def test_no_processor_at_all_is_no_answer() -> None:
    with pytest.raises(ValueError, match="processor"):
        parse_cpu("== online\n== cpuinfo\n== lscpu\n")


def test_memory_is_in_bytes() -> None:
    memory = parse_memory(recorded("ubuntu-18.04-aarch64/meminfo"))
    assert (memory.total, memory.available, memory.huge_page) == (1006904 * 1024, 671300 * 1024, 2048 * 1024)
    with pytest.raises(ValueError, match="MemTotal"):
        parse_memory("")


def test_nodes_and_their_distances_are_read_and_no_numa_is_no_error() -> None:
    two = "node1|32-63|20 10|Node 1 MemTotal: 1024 kB\nnode0|0-31|10 20|Node 0 MemTotal: 2048 kB\n"
    numa = parse_numa(two)
    assert [node.number for node in numa.nodes] == [0, 1] and numa.nodes[0].memory == 2048 * 1024
    assert numa.furthest == 2.0
    assert parse_numa("").nodes == () and str(parse_numa("")) == "0 NUMA nodes"


def test_caches_come_from_sysfs_and_the_line_from_getconf_where_sysfs_is_empty() -> None:
    caches = parse_caches(recorded("debian-12-x86_64/caches"))
    assert caches.line == 64 and {cache.level for cache in caches.caches} == {1, 2, 3}
    assert caches.caches[0].size == 32 << 10
    assert parse_caches("== getconf\n128\n== sysfs\n").line == 128
    assert parse_caches("== getconf\nundefined\n== sysfs\n").line is None


def test_disks_are_read_with_and_without_their_type() -> None:
    with_type = (
        "== /\nFilesystem     Type 1024-blocks    Used Available Capacity Mounted on\n"
        "/dev/vda       ext4    264212084 15851100  79650164      17% /\n"
    )
    without = (
        "== /opt\nFilesystem 1024-blocks Used Available Capacity Mounted on\n"
        "map auto home 100 40 60 40% /with a blank\n"
    )
    disks = parse_disks(with_type + without)
    assert disks.free("/") == 79650164 * 1024 and dict(disks.by_folder)["/"].kind == "ext4"
    assert dict(disks.by_folder)["/opt"].mounted == "/with a blank"
    with pytest.raises(ValueError, match="df"):
        parse_disks("== /\n")


def test_both_cgroup_hierarchies_are_told_apart() -> None:
    v2 = parse_cgroups("== mounted\ncgroup2fs\n== v2\ncpu io memory pids\n== v1\n")
    assert v2.unified and v2.controllers == {"cpu", "io", "memory", "pids"}
    v1 = parse_cgroups(
        "== mounted\ntmpfs\n== v2\n== v1\n#subsys_name\thierarchy\ncpu\t1\t1\t1\nmisc\t0\t1\t0\n"
    )
    assert not v1.unified and v1.controllers == {"cpu"}


def test_a_kernel_without_overlayfs_says_so_and_a_secret_configuration_is_no_answer() -> None:
    config = parse_kernel_config("CONFIG_NAMESPACES=y\nCONFIG_VETH=m\n# CONFIG_OVERLAY_FS is not set\n")
    assert config.missing("overlay") == ("OVERLAY_FS",) and "overlay without OVERLAY_FS" in str(config)
    assert config.options["VETH"] == "m"
    with pytest.raises(ValueError, match="neither /proc/config.gz"):
        parse_kernel_config("")


def test_security_modules_are_named_and_kylins_own_too() -> None:
    text = "== lsm\ncapability,kysec\n== selinux\n1\n== apparmor\nN\n== kysec\nKySec status: enabled\n"
    security = parse_security(text)
    assert security.modules == ("capability", "kysec") and security.selinux == "Enforcing"
    assert security.kysec == "enabled" and security.enforcing
    nothing = parse_security("== lsm\n\n== selinux\n\n== apparmor\n== kysec\n")
    assert not nothing.enforcing and str(nothing) == "no security module in force"


def test_limits_that_the_kernel_does_not_have_are_none() -> None:
    limits = parse_limits(
        "== open files\nunlimited\n== pid_max\n32768\n== huge pages\nalways [madvise] never\n"
    )
    assert (limits.open_files, limits.pid_max, limits.somaxconn) == (None, 32768, None)
    assert limits.huge_pages == "madvise"


def test_process_1_is_systemd_only_where_systemctl_agrees() -> None:
    init = parse_init(
        "== process 1\nsystemd\n== systemd\nsystemd 243 (v243-58.p03.ky10)\n== state\nrunning\n"
    )
    assert init.is_systemd and init.version == 243 and init.state == "running"
    assert not parse_init("== process 1\ninit\n== systemd\nsystemd 252 (x)\n== state\noffline\n").is_systemd
    assert parse_init("== process 1\n== systemd\nsystemd 252 (x)\n== state\ndegraded\n").is_systemd
    assert not parse_init("== process 1\nsh\n== systemd\n== state\n").is_systemd


def test_the_c_library_is_told_from_three_spellings() -> None:
    assert str(parse_libc("== getconf\nglibc 2.28\n== ldd\n")) == "glibc 2.28"
    assert str(parse_libc("== getconf\n== ldd\nldd (GNU libc) 2.28\n")) == "glibc 2.28"
    assert str(parse_libc("== getconf\n== ldd\nmusl libc (x86_64)\nVersion 1.2.4\n")) == "musl 1.2.4"
    with pytest.raises(ValueError, match="C library"):
        parse_libc("== getconf\n== ldd\nsh: ldd: not found\n")


def test_tools_that_are_absent_are_named() -> None:
    there = "\n".join(name for name in ("cat", "date", "sha256sum"))
    tools = parse_tools(f"== there\n{there}\n== stat\n\n== date\n%N\n")
    assert "chmod" in tools.missing and "cat" not in tools.missing and not tools.nanoseconds
    assert "lacks" in str(tools)


def test_container_tools_tell_their_versions_in_their_own_ways() -> None:
    found = parse_container_tools(
        "== containerd\ncontainerd github.com/containerd/containerd v1.7.13 7c3aca7a\n"
        "== runc\nrunc version 1.1.12\ncommit: v1.1.12\n"
        "== isula\nVersion 2.0.18, commit 1\n"
        "== ctr\nctr: something is wrong\n"
    )
    assert dict(found.versions) == {"containerd": "1.7.13", "runc": "1.1.12", "isula": "2.0.18", "ctr": ""}
    assert str(parse_container_tools("")) == "no container tools"


def test_sudo_that_is_refused_shows_what_sudo_said() -> None:
    assert parse_sudo("== user\nroot\n== sudo\n").allowed
    assert parse_sudo("== user\noperator\n== sudo\n0\n").allowed
    refused = parse_sudo("== user\noperator\n== sudo\nsudo: a password is required\n")
    assert not refused.allowed and "a password is required" in str(refused)
    assert "sudo is absent" in str(parse_sudo("== user\noperator\n== sudo\n"))


def test_a_date_without_nanoseconds_is_known_to_a_second() -> None:
    assert parse_clock("1781234567.123456789\n").seconds == pytest.approx(1781234567.123456789)
    assert parse_clock("1781234567.%N\n").resolution == 1.0
    with pytest.raises(ValueError, match="date"):
        parse_clock("date: bad format")


def test_who_sets_the_clock_is_told_with_its_state() -> None:
    chrony = parse_time_keeper(
        "== active\nchronyd\n== timedatectl\n== chrony\nLeap status     : Not synchronised\n"
    )
    assert (chrony.service, chrony.synchronized) == ("chronyd", False)
    assert str(parse_time_keeper("== active\n== timedatectl\n== chrony\n")) == "nothing sets the clock"


def test_package_managers_are_in_order_of_preference() -> None:
    assert parse_packages("rpm\nyum\ndnf\n").tools == ("dnf", "yum", "rpm")
    assert str(parse_packages("")) == "no package manager"


@pytest.mark.parametrize(
    "question",
    dict.fromkeys(observe.START_QUESTIONS + observe.HOST_QUESTIONS),
    ids=lambda question: question.name,
)
def test_every_question_is_answered_by_a_posix_shell_on_this_machine(question) -> None:  # type: ignore[no-untyped-def]
    asked = subprocess.run(question.script.command().words, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    try:
        assert str(question.parse(asked.stdout))
    except ValueError as unanswered:
        assert len(str(unanswered)) > 10


@pytest.mark.parametrize(
    "question",
    dict.fromkeys(observe.START_QUESTIONS + observe.HOST_QUESTIONS),
    ids=lambda question: question.name,
)
@pytest.mark.parametrize("text", ["", "\n\n", "== a\n== b\n", "\udcff\udcfe|:=\n" * 3, "x" * 100_000])
def test_no_parser_raises_more_than_a_value_error(question, text: str) -> None:  # type: ignore[no-untyped-def]
    try:
        assert str(question.parse(text))
    except ValueError:
        pass


def test_questions_have_names_of_their_own() -> None:
    names = [question.name for question in dict.fromkeys(observe.START_QUESTIONS + observe.HOST_QUESTIONS)]
    assert len(names) == len(set(names))
