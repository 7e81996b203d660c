"""The testbed: real hosts in namespaces of this machine, so that everything can be rehearsed with no server."""
