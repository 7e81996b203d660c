"""What a binary is: read from its own bytes, judged against a target."""

from runbook.elf.binary import Binary, Linking, read
from runbook.elf.verify import verdict_on

__all__ = ["Binary", "Linking", "read", "verdict_on"]
