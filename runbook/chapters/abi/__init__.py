"""The target's binary interface, measured instead of read: calling convention, page size, cache line."""
