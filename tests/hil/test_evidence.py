"""How a distribution is judged and kept."""

from __future__ import annotations

import json

from hil_tests.bench.evidence import Evidence, Measurement, quantile


def measured(values, bound=50.0, uncertainty=0.0, segments=None):
    return Measurement(
        "L3", "STOP", "ms", bound, 20.0, uncertainty, values, segments or {}, "test_stop.py::t"
    )


def test_the_uncertainty_counts_against_the_device():
    assert not measured([10.0, 49.9], uncertainty=0.1).misses()
    assert "0.200 uncertainty" in measured([10.0, 49.9], uncertainty=0.2).misses()


def test_a_miss_says_which_segment_it_was():
    text = measured([10.0, 60.0], segments={"detected_ms": [1.0, 48.0]}).misses()
    assert "max 60.000" in text and "detected_ms 48.000" in text


def test_nothing_measured_is_a_miss():
    assert "nothing was measured" in measured([]).misses()


def test_a_quantile_is_a_value_that_was_measured():
    values = [float(i) for i in range(1, 101)]
    assert quantile(values, 0.5) == 50.0
    assert quantile(values, 0.99) == 99.0
    assert quantile(values, 1.0) == 100.0
    assert quantile([7.0], 0.999) == 7.0


def test_results_hold_every_value(tmp_path):
    evidence = Evidence(dut={"kind": "sim"}, measurements=[measured([1.0, 2.0])])
    document = json.loads(evidence.write(tmp_path).read_text())
    assert document["measurements"][0]["values"] == [1.0, 2.0]
