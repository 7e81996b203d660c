"""What is true of each architecture, and where it is from."""

import platform
import shutil
from pathlib import Path

import pytest

from runbook import targets
from runbook.errors import TargetError
from runbook.targets import FOLDER, load_target, of_elf, of_machine, read_target

ALL = ("alpha", "amd64", "arm64", "loong64", "riscv64", "sw64")


def test_six_targets_are_described():
    assert targets.names() == ALL


@pytest.mark.parametrize("name", ALL)
def test_every_fact_of_a_target_has_a_source(name):
    target = load_target(name)
    facts = {f"{section}.{key}"
             for section in ("names", "elf", "memory", "registers", "passing", "syscall", "go")
             for key in vars(getattr(target, section))}
    facts |= {f"constants.{key}" for key in target.constants}
    assert facts == set(target.sources)
    assert all(len(source) > 5 for source in target.sources.values())


def test_only_what_was_never_measured_is_called_expected():
    assert [name for name in ALL if load_target(name).standing == "expected"] == ["sw64"]


def test_every_target_lists_the_same_constants_so_that_they_can_be_compared():
    assert len({frozenset(load_target(name).constants) for name in ALL}) == 1


def test_sw64_has_the_names_that_differ_from_each_other():
    target = load_target("sw64")
    assert (target.goarch, target.names.uname[0], target.oci) == ("sw64", "sw_64", "linux/sw64")
    assert target.names.multiarch == "sw_64-linux-gnu"
    assert target.elf.machines == (0x9916, 268)
    assert target.memory.page_sizes == (8192,)
    assert target.registers.integer_arguments[0] == "$16"
    assert target.constants["O_PATH"] == 0o40000000
    assert not target.go.upstream and target.go.ports[-1] == "1.22.6"


def test_sw64_and_alpha_share_registers_and_constants_but_not_their_call_instruction():
    sw64, alpha = load_target("sw64"), load_target("alpha")
    assert sw64.registers.integer_arguments == alpha.registers.integer_arguments
    assert sw64.constants == alpha.constants
    assert sw64.syscall.instruction != alpha.syscall.instruction


@pytest.mark.parametrize(("machine", "name"), [
    ("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64"),
    ("loongarch64", "loong64"), ("sw_64", "sw64"), ("alpha", "alpha"),
])
def test_a_machine_is_known_by_its_uname(machine, name):
    assert of_machine(machine).name == name


def test_an_unknown_machine_has_no_target():
    assert of_machine("s390x") is None
    assert of_elf(22) == ()


@pytest.mark.parametrize(("number", "name"), [
    (62, "amd64"), (183, "arm64"), (243, "riscv64"), (258, "loong64"),
    (0x9916, "sw64"), (268, "sw64"), (0x9026, "alpha"),
])
def test_a_binary_is_known_by_its_e_machine(number, name):
    assert [target.name for target in of_elf(number)] == [name]


def test_no_two_targets_claim_the_same_machine():
    machines = [one for name in ALL for one in load_target(name).names.uname]
    numbers = [one for name in ALL for one in load_target(name).elf.machines]
    assert len(set(machines)) == len(machines)
    assert len(set(numbers)) == len(numbers)


def test_elf_numbers_agree_with_pyelftools():
    from elftools.elf.enums import ENUM_E_MACHINE

    for name, known in {"amd64": "EM_X86_64", "arm64": "EM_AARCH64", "riscv64": "EM_RISCV",
                        "loong64": "EM_LOONGARCH"}.items():
        assert load_target(name).elf.machines == (ENUM_E_MACHINE[known],)


def test_this_machines_constants_are_those_of_its_target():
    import errno
    import mmap
    import os
    import signal
    import socket

    target = of_machine(platform.machine())
    if target is None:
        pytest.skip(f"no target describes {platform.machine()}")
    here = {"SIGCHLD": signal.SIGCHLD, "SIGUSR1": signal.SIGUSR1,
            "EAGAIN": errno.EAGAIN, "ENOSYS": errno.ENOSYS,
            "O_NONBLOCK": os.O_NONBLOCK, "O_PATH": os.O_PATH, "SOCK_NONBLOCK": socket.SOCK_NONBLOCK,
            "MAP_ANONYMOUS": mmap.MAP_ANONYMOUS, "MADV_DONTNEED": mmap.MADV_DONTNEED}
    assert {name: int(value) for name, value in here.items()} == \
        {name: target.constants[name] for name in here}
    assert mmap.PAGESIZE in target.memory.page_sizes


def test_a_targets_name_says_which_is_the_nearest():
    with pytest.raises(TargetError, match="did you mean `riscv64`"):
        load_target("risc-v64")


@pytest.fixture
def copy(tmp_path):
    def damaged(old: str, new: str, name: str = "sw64") -> Path:
        text = (FOLDER / "sw64.toml").read_text()
        assert old in text
        file = tmp_path / f"{name}.toml"
        file.write_text(text.replace(old, new, 1))
        return file
    shutil.copy(FOLDER / "sw64.toml", tmp_path)
    return damaged


@pytest.mark.parametrize(("old", "new", "message"), [
    ("cache_line = {", "cache_lin = {", "memory.cache_lin: unknown key; did you mean `cache_line`?"),
    ("cache_line = { is = 128,", 'cache_line = { is = "128",', "memory.cache_line: expected a whole number"),
    ("is = 128, source", "is = 100, source", "100 is no power of two"),
    ('is = "$26", source', 'is = "$26", sauce', "registers.return_address: expected `{ is = VALUE"),
    ('name = "sw64"', 'name = "sw65"', "name: the file is called sw64.toml"),
    ("upstream = { is = false", "upstream = { is = true", "go.since: contradicts `upstream`"),
    ('is = ["$9", ', 'is = ["$16", ', "registers.callee_saved: names an argument register"),
    ("is = [0x9916, 268]", "is = []", "elf.machines: is empty"),
    ("bits = { is = 64", "bits = { is = 48", "elf.bits: expected 32 or 64"),
    ('what = "etcd', 'wat = "etcd', "did you mean `what`?"),
    ('"sw_64-sunway-linux-gnu", ', '"sw_64-sunway", ', "names.triplets: 'sw_64-sunway' is no GNU triplet"),
    ('"sw_64-unknown-linux-gnu", ', '"sw_64-sunway-linux-gnu", ', "names.triplets: names one twice"),
    ('kernel = { is = "sw_64"', 'kernel = { is = ""', "names.kernel: '' is no name of an architecture"),
    ('"/lib/ld-linux.so.2"', '"ld-linux.so.2"', "elf.interpreters: 'ld-linux.so.2' does not begin at the root"),
])
def test_a_damaged_target_file_is_named_with_line_and_key(copy, old, new, message):
    with pytest.raises(TargetError) as caught:
        read_target(copy(old, new))
    assert message in caught.value.what
    assert caught.value.what.startswith("sw64.toml:")


def test_a_missing_fact_is_named(copy):
    text = (FOLDER / "sw64.toml").read_text()
    line = next(one for one in text.splitlines() if one.startswith("page_sizes"))
    with pytest.raises(TargetError, match="memory: the key `page_sizes` is missing"):
        read_target(copy(line + "\n", ""))
