"""What is in a member's data directory, read from the first bytes of its write-ahead log."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from runbook.chapters.etcd.layout import DATA
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

METADATA = 1
"""The record that names member and cluster, the second of every log file (wal/wal.go, metadataType)."""

VARINT, LENGTH_DELIMITED = 0, 2  # protobuf's wire types


@dataclass(frozen=True)
class DataDirectory:
    """Whether it is there, what lies in it, and whose cluster's it is (None: it has no log that tells)."""

    there: bool
    names: tuple[str, ...]
    cluster: int | None

    @property
    def empty(self) -> bool:
        return not self.names

    def __str__(self) -> str:
        if not self.there:
            return "no data directory"
        if self.empty:
            return "an empty data directory"
        return "a data directory of a cluster" if self.cluster is not None else "a data directory of something else"


def cluster_in(log: bytes) -> int | None:
    """The cluster's number from the head of a log file; None where it is no log of etcd.

    A frame is eight bytes, little endian: the lower 56 bits the record's length, the upper 8 its padding
    (wal/encoder.go); then the record as protobuf: type, CRC, data; then the metadata: member, cluster.
    """
    at = 0
    while at + 8 <= len(log):
        frame = int.from_bytes(log[at : at + 8], "little")
        length, padding = frame & ((1 << 56) - 1), (frame >> 56) & 7
        record = _fields(log[at + 8 : at + 8 + length])
        if not length or len(log) < at + 8 + length or not isinstance(record.get(1), int):
            return None
        if record[1] == METADATA and isinstance(record.get(3), bytes):
            found = _fields(record[3]).get(2)  # type: ignore[arg-type]
            return found if isinstance(found, int) else None
        at += 8 + length + padding
    return None


def _fields(message: bytes) -> dict[int, int | bytes]:
    """The fields of a protobuf message by number: varints and byte strings; stops at anything else."""
    fields: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, at = _varint(message, at)
        if key & 7 == VARINT:
            fields[key >> 3] = value
        elif key & 7 == LENGTH_DELIMITED and at + value <= len(message):
            fields[key >> 3] = message[at : at + value]
            at += value
        else:
            break
    return fields


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value & ((1 << 64) - 1), at


def parse_data(text: str) -> DataDirectory:
    """Raises ValueError where the answer is not that of the question."""
    parts = sections(text)
    names = tuple(sorted(name for name in parts.get("names", "").splitlines() if name))
    try:
        log = base64.b64decode(parts.get("log", ""), validate=False)
    except binascii.Error as error:
        raise ValueError(f"the head of the log did not arrive whole: {error}") from error
    return DataDirectory("there" in parts, names, cluster_in(log))


DATA_DIRECTORY = Question(
    Script(
        '[ -d "$1" ] || exit 0\n'
        "echo '== there'; echo '== names'; ls -A \"$1\"\n"
        "echo '== log'; for log in \"$1\"/member/wal/*.wal; do last=$log; done\n"
        '[ ! -f "$last" ] || head -c 512 "$last" | base64',
        (DATA,),
        sudo=True,
    ),
    parse_data,
    "etcd_data",
)
