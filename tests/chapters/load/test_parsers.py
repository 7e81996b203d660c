"""What the programs print, as the testbed's hosts printed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runbook.chapters.load.closed_loop import parse_asked, parse_turn
from runbook.chapters.load.effort import Effort, of_one_kernel, parse_effort
from runbook.chapters.load.open_loop import parse_sent
from runbook.chapters.load.schedule import Schedule

Recorded = Callable[[str], str]
LOST = """1.0 2.0
Running 1s test @ http://198.18.0.11:8080/ping
  2 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20s   333.00us   2.00m    90.00%
    Req/Sec     3.57k   456.20     4.41k    60.00%
  Latency Distribution
     50%    1.20s
     75%    1.30s
     90%    1.50s
     99%    2.00m
  7100 requests in 1.00s, 1.25MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 17
Requests/sec:   7093.47
"""


def test_the_open_loop_has_its_turns_and_all_of_them_as_one(recorded: Recorded, wanted: Schedule) -> None:
    ping, user = parse_sent(recorded("open-loop"), wanted)
    assert (ping.route, user.route) == ("/ping", "a user from etcd")
    assert len(ping.turns) == 5 and all(turn.requests == 100 and turn.success == 1 for turn in ping.turns)
    assert ping.whole.requests == 500 and ping.whole.errors == ()
    assert 0.0005 < ping.whole.p50 < ping.whole.p90 < ping.whole.p99 <= ping.whole.longest < 0.1
    assert user.whole.p50 > ping.whole.p50
    assert all(0 < turn.ended - turn.began < 1.5 for turn in ping.turns)
    shares = [share for share, _ in ping.distribution]
    assert shares == sorted(shares) and shares[0] == 0.0 and len(shares) > 20
    assert ping.distribution[-1][1] == pytest.approx(ping.whole.longest, rel=0.01)


def test_a_cut_answer_of_the_open_loop_is_none(recorded: Recorded, wanted: Schedule) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse_sent(recorded("open-loop")[:9000], wanted)


def test_the_closed_loop_has_its_turns(recorded: Recorded, wanted: Schedule) -> None:
    ping, user = parse_asked(recorded("closed-loop"), wanted)
    assert (ping.host, ping.errors, len(ping.turns)) == ("node1", 0, 5)
    assert ping.turns[0].rate == 7293.57 and ping.turns[0].p50 == pytest.approx(684e-6)
    assert ping.turns[0].own_deviation == "691.37" and ping.turns[0].total_deviation == ""
    assert ping.rate.mean > user.rate.mean > 100


def test_what_went_wrong_in_the_closed_loop_is_counted() -> None:
    turn = parse_turn(LOST)
    assert (turn.errors, turn.refused) == (10, 17)
    assert (turn.p50, turn.p99) == (1.2, 120.0)


def test_words_that_are_not_wrks_are_refused() -> None:
    with pytest.raises(ValueError, match="how many requests"):
        parse_turn("1.0 2.0\nunable to connect to 198.18.0.11:8080 Connection refused\n")


def test_the_look_at_a_host_tells_cpu_and_memory_over_time(recorded: Recorded) -> None:
    effort = parse_effort(recorded("effort"), "node1")
    assert (effort.cpus, effort.hertz, effort.pid) == (2, 100, 3197)
    assert len(effort.samples) > 40 and effort.stayed
    assert all(0 <= percent <= 100 for _, percent in effort.busy)
    assert 0 < max(cpus for _, cpus in effort.own) <= 2.5
    assert all(50 << 20 < held < 100 << 20 for _, held in effort.held)
    assert [at for at, _ in effort.busy] == [one.at for one in effort.samples[1:]]


def test_hosts_that_share_one_kernel_are_found_out(recorded: Recorded) -> None:
    effort, other = (parse_effort(recorded(name), name) for name in ("effort", "effort-node2"))
    assert of_one_kernel([effort, other]) and not of_one_kernel([effort])
    assert not of_one_kernel([effort, replace(effort, booted=effort.booted + 1)])
    assert not of_one_kernel([effort, replace(effort, switches=effort.switches * 2)])


def test_a_process_that_went_away_did_not_stay(recorded: Recorded) -> None:
    lines = recorded("effort").splitlines()
    lines[-1] = lines[-1].rpartition("|")[0] + "| "
    effort: Effort = parse_effort("\n".join(lines), "node1")
    assert effort.samples[-1].ticks is None and not effort.stayed


def test_a_look_that_was_cut_is_none() -> None:
    with pytest.raises(ValueError, match="did not tell"):
        parse_effort("== ground\n100\n", "node1")
