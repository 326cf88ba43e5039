"""The answers are those of the command line, value by value, at many instants."""

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import rapsheet
from conftest import NOW, SAMPLES_NOW, run

INSTANTS = [SAMPLES_NOW, "2026-11-22T17:00:00Z", "2026-11-26T05:00:00Z", "2026-12-31T00:00:00Z", "2020-01-01T00:00:00Z"]


def lines(values: list[str]) -> list[str]:
    """The values that the command line reads as one line each, as they are."""
    return [value for value in values if value.strip() and "\n" not in value and "\r" not in value]


def command_line(path: Path, values: list[str], at: str, output: str) -> list[str]:
    stdin = "\n".join(values).encode() + b"\n"
    printed = run("lookup", "--snapshot", path, "--now", at, "--output", output, stdin=stdin, codes=(0, 2))
    return printed.decode().splitlines()


def score_rows(scores: pa.Array) -> list[tuple[str, ...]]:
    """What the columns of `--output tsv` say after the first one; None where the value is no indicator."""
    rows = []
    for row in scores.to_pylist():
        rows.append(None if row["status"] is None else (
            str(row["status"]), str(row["detected_by"]), ",".join(row["assessments"]), ",".join(row["providers"])))
    return rows


@pytest.mark.parametrize("at", INSTANTS)
def test_lookups_are_those_of_the_command_line(
    samples: rapsheet.Snapshot, samples_path: Path, values: list[str], at: str
) -> None:
    asked = lines(values)[::7]
    expected = [json.loads(line) for line in command_line(samples_path, asked, at, "jsonl")]
    assert len(expected) == len(asked)
    blocked = 0
    for found, row in zip(samples.lookup_many(asked, at, errors="return"), expected, strict=True):
        if isinstance(found, rapsheet.IndicatorError):
            assert found.reason == row["error"], row
        else:
            assert found is not None and found.to_dict() == row
            blocked += found.is_blocked
    assert blocked > 50 or at > "2026-12" or at < "2021"


@pytest.mark.parametrize("at", INSTANTS)
def test_columns_are_those_of_the_command_line(
    samples: rapsheet.Snapshot, samples_path: Path, values: list[str], at: str
) -> None:
    asked = lines(values)
    scores = pa.array(samples.score(pa.array(asked), at))
    printed = [tuple(line.split("\t")) for line in command_line(samples_path, asked, at, "tsv")]
    expected = [row[1:] if row[1].isdigit() else None for row in printed]
    assert score_rows(scores) == expected
    assert scores.null_count == 0


@pytest.mark.parametrize("at", INSTANTS)
def test_what_matched_is_the_most_specific_source(samples: rapsheet.Snapshot, values: list[str], at: str) -> None:
    asked = values[::5]
    scores = pa.array(samples.score(pa.array(asked), at)).to_pylist()
    checked = 0
    for row, found in zip(scores, samples.lookup_many(asked, at, errors="return"), strict=True):
        if isinstance(found, rapsheet.IndicatorError):
            assert row == dict.fromkeys(["status", "detected_by", "assessments", "providers", "matched"])
            continue
        assert found is not None
        assert (row["status"], row["detected_by"]) == (found.status, found.detected_by)
        deciding = [source for source in found.sources if source.status == found.status]
        assert sorted(row["providers"]) == sorted({source.provider for source in deciding})
        assert row["assessments"] == list(found.assessments)
        if not deciding:
            assert row["matched"] is None
        else:
            assert row["matched"] in {source.matched for source in deciding}
            checked += 1
    assert checked > 50 or at > "2026-12" or at < "2021"


def test_each_row_has_an_instant_of_its_own(samples: rapsheet.Snapshot, values: list[str]) -> None:
    base = datetime.fromisoformat(SAMPLES_NOW)
    instants = [base + timedelta(hours=7 * step) for step in range(-40, 40)]
    own = [instants[at % len(instants)] for at in range(len(values))]
    scores = pa.array(samples.score(pa.array(values), pa.array(own, pa.timestamp("us", "UTC"))))
    listed = 0
    for start, instant in enumerate(instants):
        rows = pa.array(range(start, len(values), len(instants)))
        expected = pa.array(samples.score(pa.array(values).take(rows), instant))
        assert scores.take(rows).equals(expected), instant
        listed += expected.field("matched").null_count < len(rows)
    assert listed > 20


def test_rows_equal_lookup_at(samples: rapsheet.Snapshot, samples_path: Path, values: list[str]) -> None:
    asked = [value for value in lines(values) if not value.startswith("-")][::97]
    at = "2026-11-24T01:02:03Z"
    scores = pa.array(samples.score(pa.array(asked), pa.array([datetime.fromisoformat(at)] * len(asked))))
    printed = run("lookup", "--snapshot", samples_path, "--at", at, "--now", SAMPLES_NOW, "--output", "tsv",
                  stdin="\n".join(asked).encode(), codes=(0, 2))
    rows = [tuple(line.split("\t")) for line in printed.decode().splitlines()]
    assert score_rows(scores) == [row[1:] if row[1].isdigit() else None for row in rows]


def test_instants_are_read_in_all_forms(sample: rapsheet.Snapshot) -> None:
    instant = datetime(2026, 8, 23, 12, tzinfo=UTC)
    forms = [NOW, instant, instant.replace(tzinfo=None), int(instant.timestamp()), "2026-08-23T14:00:00+02:00",
             instant.astimezone(timezone(timedelta(hours=-7))), instant + timedelta(microseconds=999_999)]
    for at in forms:
        assert sample.lookup("192.0.2.7", at).at == instant, at
        assert len(sample.score(pa.array(["192.0.2.7"]), at)) == 1
    present = datetime.now(UTC).replace(microsecond=0)
    assert present <= sample.lookup("192.0.2.7").at <= present + timedelta(seconds=5)
    for at, exception in [("yesterday", ValueError), (True, TypeError), (1.5, TypeError), (2**70, ValueError),
                          (instant.date(), TypeError), ([NOW], TypeError)]:
        with pytest.raises(exception, match="RFC 3339|Arrow"):
            sample.lookup("192.0.2.7", at)  # type: ignore[arg-type]
    assert sample.lookup("192.0.2.7", -1).status in (3, 5)


def test_instants_are_of_the_years_that_can_be_written(sample: rapsheet.Snapshot) -> None:
    first, last = -62_135_596_800, 253_402_300_799
    value = pa.array(["192.0.2.7"])
    for at in (first, last):
        assert sample.lookup("192.0.2.7", at).at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
        assert len(sample.score(value, pa.array([at], pa.timestamp("s")))) == 1
    milliseconds = int(datetime.fromisoformat(NOW).timestamp()) * 1000
    for at in (first - 1, last + 1, milliseconds, 2**63 - 1, -(2**63)):
        with pytest.raises(ValueError, match="years 1 to 9999, found .*; were milliseconds given"):
            sample.lookup("192.0.2.7", at)
        with pytest.raises(ValueError, match="were milliseconds given"):
            sample.score(value, pa.array([at], pa.timestamp("s")))
    with pytest.raises(ValueError, match="were milliseconds given"):
        sample.score(pa.array(["a.example"] * 3), pa.array([None, 0, (last + 1) * 1000], pa.timestamp("ms")))
    # A value that is null has no instant, whatever its place holds.
    hidden = pa.Array.from_buffers(pa.timestamp("s"), 1, [pa.py_buffer(b"\0"), pa.py_buffer(b"\xff" * 7 + b"\x7f")])
    assert len(sample.score(value, hidden)) == 1


def test_fractions_of_a_second_are_cut_off(sample: rapsheet.Snapshot) -> None:
    last = pd.Timestamp("2026-08-23T11:59:59.999999999")
    assert sample.lookup("192.0.2.7", last).at == datetime(2026, 8, 23, 11, 59, 59, tzinfo=UTC)
    assert sample.lookup("192.0.2.7", datetime(1969, 12, 31, 23, 59, 59, 1)).at == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(ValueError, match="NaT is no time"):
        sample.lookup("192.0.2.7", pd.NaT)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [(64 << 10) - 1, 64 << 10])
def test_the_longest_value_is_that_of_the_command_line(
    sample: rapsheet.Snapshot, sample_path: Path, length: int
) -> None:
    url = "http://evilpanel.com/".ljust(length, "a")
    row = json.loads(command_line(sample_path, [url], NOW, "jsonl")[0])
    answer = sample.lookup_many([url], NOW, errors="return")[0]
    found = getattr(answer, "reason", getattr(answer, "status", None))
    assert found == row.get("error", row.get("status")) == (1 if length < 64 << 10 else "too-long")
    for kind in (pa.string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        status = pa.array(sample.score(pa.array([url], kind), NOW)).field("status").to_pylist()
        assert status == [1 if length < 64 << 10 else None]


def test_logs_are_searched_as_the_command_line_does(
    samples: rapsheet.Snapshot, samples_path: Path, values: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "x.log"
    text = "".join(f"10.0.0.1 - GET {value} 200\n" for value in lines(values))
    log.write_bytes(text.encode() * 12 + b"no line end 45.9.20.5")
    printed = run("score", "--snapshot", samples_path, "--now", SAMPLES_NOW, "--input", "text", "--output", "jsonl", log)
    expected = [json.loads(line) for line in printed.decode().splitlines()]
    assert len(log.read_bytes()) > 3 << 20, "several blocks"
    assert [hit.to_dict() for hit in samples.scan(log, SAMPLES_NOW)] == expected
    assert len(expected) > 1000
    packed = tmp_path / "x.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    places = [(hit.line, hit.offset, hit.indicator) for hit in samples.scan(str(packed), SAMPLES_NOW)]
    assert places == [(row["line"], row["offset"], row["indicator"]) for row in expected]
    hit = next(samples.scan(b"GET 45.9.20.5", SAMPLES_NOW))
    assert (hit.file, hit.line, hit.offset, hit.type, hit.status) == (None, 1, 4, "ipv4", 1)
    assert list(samples.scan(b"")) == [] and len(list(samples.scan(b"192.0.2.1", all=True))) == 1


def test_a_log_that_cannot_be_read_is_an_error(sample: rapsheet.Snapshot, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sample.scan(tmp_path / "missing.log")
    with pytest.raises(TypeError, match="bytes, or a path"):
        sample.scan(7)  # type: ignore[arg-type]
    damaged = tmp_path / "x.gz"
    damaged.write_bytes(b"\x1f\x8b\x08\x00" + b"\x00" * 40)
    with pytest.raises(OSError, match="x.gz"):
        list(sample.scan(damaged))


def test_facts_are_those_of_the_command_line(samples: rapsheet.Snapshot, samples_path: Path) -> None:
    printed = json.loads(run("info", "--snapshot", samples_path, "--now", SAMPLES_NOW, "--output", "json"))
    assert samples.info(SAMPLES_NOW) == printed
    # A server says more of a feed than the command line prints.
    feeds = [{key: feed[key] for key in row} for feed, row in zip(samples.feeds(SAMPLES_NOW), printed["feeds"], strict=True)]
    assert feeds == printed["feeds"] and len(feeds) > 20
