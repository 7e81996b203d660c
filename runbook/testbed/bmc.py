"""The management controller of each host: OpenIPMI's simulator, whose sensors follow files."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from runbook.testbed.keeper import keep
from runbook.testbed.layout import Layout, Place

ADDRESS = "0x20"
"""A BMC's own address on its bus (IPMI v2.0, 5.5)."""

POLL_MILLISECONDS = 500


@dataclass(frozen=True)
class Sensor:
    """One threshold sensor, as its record describes it (IPMI v2.0, table 43-1 and section 43.17)."""

    name: str
    number: int
    kind: int                             # sensor type code, table 42-3
    unit: int                             # sensor unit type code, section 43.17
    first: int                            # its reading until its file is changed
    factor: int                           # of the reading, in the unit
    upper: tuple[int, int, int]           # non-critical, critical, non-recoverable

    def record(self) -> bytes:
        """The full sensor record that ipmitool reads; the value is the reading times the factor."""
        body = bytes([
            0x20, 0x00, self.number,      # owner, LUN, number
            0x07, 0x01,                   # entity: system board, first
            0x7F, 0x68,                   # initialised with events and scanning; readable thresholds
            self.kind, 0x01,              # type; event type: threshold
            0x80, 0x02, 0x80, 0x02,       # upper critical, going high: asserted, deasserted
            0x38, 0x38,                   # readable: the three upper thresholds
            0x00, self.unit, 0x00,        # unsigned, no rate; base unit; no modifier
            0x00, self.factor, 0x00, 0x00, 0x00, 0x00, 0x00,  # linear: M, B = 0, exponents 0
            0x00, self.first, 0xFF, 0x00, 0xFF, 0x00,  # nominal, normal and possible readings
            self.upper[2], self.upper[1], self.upper[0], 0x00, 0x00, 0x00,
            0x01, 0x01, 0x00, 0x00, 0x00,  # hysteresis, reserved, OEM
            0xC0 | len(self.name),        # name: 8-bit characters
        ]) + self.name.encode("ascii")
        # record id (given by the simulator), SDR version 5.1, full sensor, length
        return bytes([0x00, 0x00, 0x51, 0x01, len(body)]) + body


SENSORS = (
    Sensor("CPU Temp", 1, kind=0x01, unit=1, first=45, factor=1, upper=(85, 95, 105)),      # degrees C
    Sensor("Fan 1", 2, kind=0x04, unit=18, first=54, factor=100, upper=(200, 220, 250)),    # turns a minute
    Sensor("Power", 3, kind=0x0B, unit=6, first=60, factor=2, upper=(200, 230, 250)),       # watts
)


def file_of(place: Place, sensor: Sensor) -> Path:
    """The file whose number (0 to 255) a sensor reads: `cpu-temp`, `fan-1`, `power`."""
    return place.sensors / sensor.name.lower().replace(" ", "-")


def lan_conf(name: str, address: IPv4Address, user: str, password: str, chassis: Path) -> str:
    """The simulator's configuration (`man ipmi_lan`)."""
    return f"""\
name "{name}"
set_working_mc {ADDRESS}
  startlan 1
    addr {address} 623
    priv_limit admin
    allowed_auths_admin md5
    guid {name.encode().hex().ljust(32, '0')[:32]}
  endlan
  chassis_control "/bin/sh {chassis}"
  user 2 true "{user}" "{password}" admin 10 md5
"""


def emulator_commands(place: Place) -> str:
    """The simulator's start-up commands: one controller and its sensors (`man ipmi_sim_cmd`)."""
    lines = [f"mc_setbmc {ADDRESS}", f"mc_add {ADDRESS} 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02",
             f"sel_enable {ADDRESS} 1000 0x0a"]
    for sensor in SENSORS:
        which = f"{ADDRESS} 0 {sensor.number}"
        lines.append(f"sensor_add {which} 0x{sensor.kind:02x} 0x01 poll {POLL_MILLISECONDS} "
                     f'file "{file_of(place, sensor)}"')
        high, higher, highest = sensor.upper
        lines.append(f"sensor_set_threshold {which} readable 111000 {highest} {higher} {high} 0 0 0")
        bits = "000001010000000"          # upper non-critical and upper critical, going high
        lines.append(f"sensor_set_event_support {which} enable scanning per-state {' '.join([bits] * 4)}")
        lines.append(f"main_sdr_add {ADDRESS} " + " ".join(f"0x{byte:02x}" for byte in sensor.record()))
    return "\n".join([*lines, f"mc_enable {ADDRESS}"]) + "\n"


CHASSIS = """\
# What the simulator calls for the power button: get power, set power 0|1, set reset 1.
# The fifo is opened for both ways: so it never waits for a supervisor that is dead.
state=${0%/*}
action=$1
shift
while [ $# -gt 0 ]; do
    case $action,$1 in
    get,power) if [ "$(cat "$state/power")" = off ]; then echo power:0; else echo power:1; fi ;;
    set,power) shift; if [ "$1" = 0 ]; then echo off; else echo on; fi 1<>"$state/orders" ;;
    set,reset) shift; echo reset 1<>"$state/orders" ;;
    check,*) ;;
    *) exit 1 ;;
    esac
    shift
done
"""


def start(layout: Layout, place: Place, password: str) -> None:
    """Start the BMC of a host in its own network, which is there."""
    assert place.bmc_address
    place.sensors.mkdir()
    for sensor in SENSORS:
        file_of(place, sensor).write_text(f"{sensor.first}\n")
    chassis = place.state / "chassis"
    chassis.write_text(CHASSIS)  # run by /bin/sh: Debian mounts /run noexec
    memory = place.state / "bmc-memory"
    memory.mkdir()
    lan, commands = place.state / "lan.conf", place.state / "bmc.emu"
    lan.touch(mode=0o600)
    lan.write_text(lan_conf(place.name, place.bmc_address, layout.bmc_user, password, chassis))
    commands.write_text(emulator_commands(place))
    keep(layout.group, ["nsenter", f"--net={place.bmc_namespace}", "--", "ipmi_sim", "-c", str(lan),
                        "-f", str(commands), "-s", str(memory), "-n"], place.state / "bmc.log", Path("/"))
