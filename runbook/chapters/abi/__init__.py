"""The application binary interface: whether the hosts are what their target's data says."""
