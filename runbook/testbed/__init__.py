"""The testbed: real hosts in namespaces of this machine, to rehearse everything with no server."""
