"""Load on the service: open and closed loop, latencies and errors, beside what the hosts have to do for it."""
