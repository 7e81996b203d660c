"""A host's BMC answers, its sensors follow their files, and its power button works."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

from runbook.testbed import bmc, host
from runbook.testbed.bed import Bed, up
from runbook.testbed.layout import Layout
from tests.testbed.small_bed import SmallBed, ssh_to


def ipmitool(layout: Layout, name: str, *words: str) -> str:
    assert layout.bmc_password
    return subprocess.run(
        ["ipmitool", "-C", "3", "-I", "lanplus", "-H", str(layout.place(name).bmc_address),
         "-U", layout.bmc_user, "-E", *words], capture_output=True, text=True, check=True, timeout=20,
        env=os.environ | {"IPMI_PASSWORD": layout.bmc_password.read_text().strip()}).stdout


def soon(question: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_every_sensor_is_read_in_its_unit(bed: Bed) -> None:
    lines = ipmitool(bed.layout, "node2", "sdr").splitlines()
    assert [[cell.strip() for cell in line.split("|")] for line in lines] == [
        ["CPU Temp", "45 degrees C", "ok"], ["Fan 1", "5400 RPM", "ok"], ["Power", "120 Watts", "ok"]]


def test_a_sensor_follows_its_file_and_logs_a_threshold(bed: Bed) -> None:
    place = bed.layout.place("node3")
    file = bmc.file_of(place, bmc.SENSORS[0])
    file.write_text("97\n")
    try:
        assert soon(lambda: "97 degrees C      | cr" in ipmitool(bed.layout, "node3", "sdr"))
        assert "Upper Critical going high | Asserted" in ipmitool(bed.layout, "node3", "sel", "list")
    finally:
        file.write_text(f"{bmc.SENSORS[0].first}\n")
    assert soon(lambda: "45 degrees C" in ipmitool(bed.layout, "node3", "sdr"))


def test_the_power_button_turns_a_host_off_and_on_and_its_bmc_stays(small: SmallBed) -> None:
    layout = up(small.file).layout
    lone = layout.place("lone")
    assert "is on" in ipmitool(layout, "lone", "chassis", "power", "status")
    ipmitool(layout, "lone", "chassis", "power", "off")
    assert soon(lambda: not host.power(lone).on)
    assert "is off" in ipmitool(layout, "lone", "chassis", "power", "status")
    assert not host.answers(lone)
    ipmitool(layout, "lone", "chassis", "power", "on")
    host.await_boot(lone, time.monotonic() + 20)
    assert ssh_to(layout, "lone", "hostname") == "lone"
    before = host.power(lone)
    ipmitool(layout, "lone", "chassis", "power", "reset")
    assert soon(lambda: host.power(lone).holder not in (before.holder, 0))
