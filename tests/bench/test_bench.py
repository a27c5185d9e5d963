"""The bench's own arithmetic; nothing here is timed."""

import base64

from bench import client, run
from bench.client import Load


def test_a_quantile_is_a_measured_value_in_milliseconds():
    load = Load(times=[n / 1000 for n in range(1, 101)], elapsed=2.0)
    assert (round(load.quantile(0.5)), round(load.quantile(0.95)), load.rate) == (51, 96, 50.0)


def test_a_load_without_answers_divides_nothing():
    assert (Load().quantile(0.95), Load().rate) == (0.0, 0.0)


def test_the_code_is_the_one_of_rfc_6238(monkeypatch):
    monkeypatch.setattr(client.time, "time", lambda: 1111111109)
    assert client.code(base64.b32encode(b"12345678901234567890").decode()) == "081804"


def test_growth_compares_the_same_work_of_the_same_person():
    row = {"work": "file", "who": "nurse", "p50_ms": 10, "p95_ms": 20}
    rows = [
        row | {"size": "10k"},
        row | {"size": "100k", "p95_ms": 22},
        row | {"size": "100k", "who": "dac", "p95_ms": 90},
    ]
    assert run.growth(rows) == [{"from": "10k", "work": "file", "who": "nurse", "p50": 1.0, "p95": 1.1}]


def test_a_note_of_pgbench_names_its_circle_and_its_own_queue():
    from bench.sql import write_scripts

    defer = ["SELECT defer('{\"(notify,cercle.tell,0)\"}')"]
    writer = {"circles": ["c0", "c1"], "role": "r", "user": "u"}
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        (script,) = write_scripts(Path(folder), writer, defer)
        text = script.read_text()
    assert "(bench,cercle.tell" in text and "circle:c1" in text and text.endswith("COMMIT;\n")
