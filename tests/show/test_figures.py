"""Figures: small, complete, and with every span where it belongs."""

import json

from runbook.show.figures import Span, bars, timeline


def test_a_figure_of_one_bar_is_small():
    assert len(bars({"node1": 3.0}, "s").to_json()) < 1000


def test_every_bar_says_its_value_and_unit():
    assert list(bars({"node1": 3.0, "node2": 4.5}, "s").data[0].text) == ["3 s", "4.5 s"]


def test_a_timeline_has_one_row_a_host_in_the_order_of_the_spans():
    spans = [
        Span("node2", 0, 1, "command", "true"),
        Span("node1", 1, 2, "step", "write"),
        Span("node2", 2, 1, "step", "restart"),
    ]
    figure = timeline(spans)
    assert list(figure.layout.yaxis.categoryarray) == ["node1", "node2"]
    assert [trace.name for trace in figure.data] == ["step", "command"]
    assert list(figure.data[0].base) == [1, 2] and list(figure.data[0].x) == [2, 1]


def test_a_failed_span_has_the_colour_of_failure():
    figure = timeline([Span("node1", 0, 1, "command", "false", "fail"), Span("node1", 1, 1, "command", "true")])
    colours = figure.data[0].marker.color
    assert colours[0] != colours[1]


def test_a_timeline_of_nothing_is_still_a_figure():
    assert json.loads(timeline([]).to_json())["data"] == []
