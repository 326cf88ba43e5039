"""Columns of every type, shape and producer, and hostile ones."""

import ctypes
import os
import random
import resource
import struct
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import rapsheet
from conftest import NOW, SAMPLES_NOW

#: How many hostile values there are. The full size is 1,000,000.
HOSTILE = int(os.environ.get("RAPSHEET_TEST_VALUES", "100000"))

COLUMN: list[str | None] = ["192.0.2.7", None, "www.evilpanel.com", "1.2.3", "www.example", "http://evilpanel.com/a/b", "",
                            "192.0.2.0/28", "http://x-very-long-name-of-a-host.evilpanel.com/with/a/path", None]
TYPES = [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()]
KEYS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


def score(snapshot: rapsheet.Snapshot, column: object, at: object = NOW) -> pa.Array:
    scores = snapshot.score(column, at)  # type: ignore[call-overload]
    found = pa.array(scores) if isinstance(scores, rapsheet.Scores) else pa.chunked_array(scores)
    found.validate(full=True)
    assert len(found) == len(scores)
    return found


@pytest.fixture
def expected(sample: rapsheet.Snapshot) -> pa.Array:
    return score(sample, pa.array(COLUMN))


def test_the_fields_and_what_they_hold(expected: pa.Array) -> None:
    words = pa.list_(pa.string())
    assert expected.type == pa.struct([("status", pa.uint8()), ("detected_by", pa.uint32()), ("assessments", words),
                                       ("providers", words), ("matched", pa.string())])
    rows = expected.to_pylist()
    nothing = dict.fromkeys(rows[0])
    unlisted = {"status": 5, "detected_by": 0, "assessments": [], "providers": [], "matched": None}
    address = {"status": 1, "detected_by": 1, "assessments": ["scanner"], "providers": ["addresses.example"]}
    name = {"status": 1, "detected_by": 1, "assessments": ["phishing"], "providers": ["names.example"],
            "matched": "evilpanel.com"}
    assert rows == [{**address, "matched": "192.0.2.0/24"}, None, name, nothing, unlisted, name, nothing,
                    {**address, "matched": "192.0.2.0/24"}, name, None]
    for field in expected.type:
        assert expected.field(field.name).is_null().to_pylist()[1], "nulls are null in each field, too"


@pytest.mark.parametrize("data_type", TYPES, ids=str)
def test_all_types_of_text(sample: rapsheet.Snapshot, expected: pa.Array, data_type: pa.DataType) -> None:
    column = pa.array(COLUMN).cast(data_type) if "view" not in str(data_type) else pa.array(
        [value if value is None or "string" in str(data_type) else value.encode() for value in COLUMN], data_type)
    assert score(sample, column).equals(expected)
    assert score(sample, column[2:7]).equals(expected[2:7])
    assert score(sample, column[:0]).equals(expected[:0])
    full = pa.array([value for value in column.to_pylist() if value is not None], data_type)
    assert score(sample, full[1:4]).equals(expected.drop_null()[1:4])
    instants = pa.array([datetime.fromisoformat(NOW)] * len(column), pa.timestamp("s"))
    assert score(sample, column, instants).equals(expected)


@pytest.mark.parametrize("keys", KEYS, ids=str)
@pytest.mark.parametrize("data_type", TYPES[:2] + TYPES[3:5], ids=str)
def test_dictionaries(
    sample: rapsheet.Snapshot, expected: pa.Array, keys: pa.DataType, data_type: pa.DataType
) -> None:
    values = pa.array(["unused.example", *dict.fromkeys(value for value in COLUMN if value is not None), None])
    places = {value: at for at, value in enumerate(values.to_pylist())}
    # Null once as a key, and once as a value.
    codes = pa.array([places[value] if at > 1 else places[value] if value else None for at, value in enumerate(COLUMN)], keys)
    column = pa.DictionaryArray.from_arrays(codes, values.cast(data_type))
    assert score(sample, column).equals(expected)
    assert score(sample, column[3:9]).equals(expected[3:9])
    assert score(sample, column[:0]).equals(expected[:0])
    instants = pa.array([datetime.fromisoformat(NOW)] * len(column), pa.timestamp("s"))
    assert score(sample, column, instants).equals(expected)
    assert score(sample, pa.chunked_array([column, column[4:]])).combine_chunks().slice(0, 10).equals(expected)


def test_chunks_stay_as_they_are(sample: rapsheet.Snapshot, expected: pa.Array) -> None:
    column = pa.array(COLUMN)
    chunked = pa.chunked_array([column[:3], column[:0], column[3:4], column[4:]])
    found = score(sample, chunked)
    assert [len(chunk) for chunk in found.chunks] == [3, 0, 1, 6]
    assert found.combine_chunks().equals(expected)
    none = score(sample, pa.chunked_array([], pa.string()))
    assert none.num_chunks == 0 and none.type == expected.type
    # Instants in chunks of their own.
    instants = pa.chunked_array([pa.array([datetime.fromisoformat(NOW)] * count, pa.timestamp("s")) for count in (1, 0, 5, 4)])
    assert score(sample, chunked, instants).combine_chunks().equals(expected)
    assert score(sample, column, instants).equals(expected)


def test_a_column_of_nulls_is_one_of_nulls(sample: rapsheet.Snapshot) -> None:
    for column in (pa.nulls(5), pa.nulls(5, pa.string()), pa.nulls(5, pa.string_view()),
                   pa.nulls(5, pa.dictionary(pa.int8(), pa.string()))):
        assert score(sample, column).to_pylist() == [None] * 5
        assert score(sample, column, pa.nulls(5)).to_pylist() == [None] * 5


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "+02:00", "America/New_York"])
def test_instants_of_all_units_and_zones(samples: rapsheet.Snapshot, unit: str, zone: str | None) -> None:
    instants = [datetime(2026, 11, 1 + day, 3, 4, 5, tzinfo=UTC) for day in range(28)] + [datetime(1969, 7, 20, tzinfo=UTC)]
    column = pa.array(["45.9.20.5"] * len(instants))
    own = pa.array(instants, pa.timestamp(unit, "UTC")).cast(pa.timestamp(unit, zone))
    expected = [samples.lookup("45.9.20.5", instant).status for instant in instants]
    assert score(samples, column, own).field("status").to_pylist() == expected
    assert len(set(expected)) > 1


def test_a_null_instant_is_the_present(samples: rapsheet.Snapshot) -> None:
    column = pa.array(["45.9.20.5", "45.9.20.5"])
    built = datetime.fromisoformat(SAMPLES_NOW)
    found = score(samples, column, pa.array([None, built], pa.timestamp("s")))
    assert found[0].as_py() == score(samples, column[:1], None)[0].as_py()
    assert found[1].as_py() == score(samples, column[:1], built)[0].as_py()


@pytest.mark.parametrize("dtype", ["object", "category", "string[python]", "string[pyarrow]", "string_view", "dictionary"])
def test_columns_of_pandas(sample: rapsheet.Snapshot, expected: pa.Array, dtype: str) -> None:
    arrow = {"string_view": pa.string_view(), "dictionary": pa.dictionary(pa.int32(), pa.string())}
    series = pd.Series(COLUMN, dtype=pd.ArrowDtype(arrow[dtype]) if dtype in arrow else dtype)
    for column in (series, pd.Index(series), series.array if dtype != "object" else series):
        found = score(sample, column)
        assert (found if isinstance(found, pa.Array) else found.combine_chunks()).equals(expected), type(column)
    assert score(sample, pd.Series([None, None], dtype=object)).to_pylist() == [None, None]
    with pytest.raises(TypeError, match="cast it to string"):
        score(sample, pd.Series([1, 2]))


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_instants_of_pandas(samples: rapsheet.Snapshot, zone: str | None) -> None:
    series = pd.Series(pd.to_datetime(["2026-11-23", "2020-01-01", "2026-11-25"])).dt.tz_localize(zone)
    column = pa.array(["45.9.20.5"] * 3)
    expected = [samples.lookup("45.9.20.5", at.to_pydatetime()).status for at in series]
    for at in (series, pd.DatetimeIndex(series), series.astype(pd.ArrowDtype(pa.timestamp("us", zone)))):
        assert score(samples, column, at).field("status").to_pylist() == expected
    assert len(set(expected)) > 1
    assert score(samples, column, pd.Series([pd.NaT] * 3)).equals(score(samples, column, pa.nulls(3)))


def test_views_of_one_long_text_are_not_copied_whole(sample: rapsheet.Snapshot) -> None:
    # Copied whole, 50,000 values of 1 MB would be 50 GB.
    long, count = b"a" * (1 << 20), 50_000
    text = pa.py_buffer(long + b"http://evilpanel.com/".ljust(60_000, b"a"))
    views = np.zeros((count, 4), np.int32)
    views[:, 0], views[:, 1] = len(long), int.from_bytes(b"aaaa", "little")
    views[::1000] = (60_000, int.from_bytes(b"http", "little"), 0, len(long))
    column = pa.Array.from_buffers(pa.string_view(), count, [None, pa.py_buffer(views), text])
    codes = pa.array(np.arange(count, dtype=np.int32))
    before = peak()
    for values in (column, pa.DictionaryArray.from_arrays(codes, column)):
        status = score(sample, values).field("status")
        assert status[::1000].to_pylist() == [1] * 50 and status.null_count == count - 50
        nulls = pa.Array.from_buffers(pa.string_view(), count, [pa.py_buffer(b"\x55" * (count // 8 + 1)), pa.py_buffer(views), text])
        assert score(sample, nulls).field("status")[::1000].to_pylist() == [1] * 50
    assert peak() - before < 64 << 20


def peak() -> int:
    """The most memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class Raw:
    """An array as C would hand it over, with any numbers. It is released by no one, and lives as long as this."""

    def __init__(self, format: bytes | None, length: int, buffers: list[bytes | None], offset: int = 0,
                 count: int | None = None, wrong: int = 0) -> None:
        release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.released)
        owned = [None if one is None else ctypes.create_string_buffer(one, len(one) + 64) for one in buffers]
        places = (ctypes.c_void_p * max(1, len(buffers)))(*[ctypes.cast(one, ctypes.c_void_p) if one else None for one in owned])
        text = None if format is None else ctypes.create_string_buffer(format)
        name = ctypes.create_string_buffer(b"")
        self.schema = (ctypes.c_void_p * 9)(ctypes.addressof(text) if text else None, ctypes.addressof(name), None, 2, 0, None,
                                            None, ctypes.cast(release, ctypes.c_void_p), None)
        count = len(buffers) if count is None else count
        self.array = (ctypes.c_int64 * 10)(length, 0, offset, count, 0, ctypes.addressof(places), 0, 0,
                                           ctypes.cast(release, ctypes.c_void_p).value or 0, 0)
        self.kept, self.wrong = (release, owned, places, text, name), wrong

    def released(self, place: int) -> None:
        field = 8 if place == ctypes.addressof(self.array) else 7
        ctypes.c_int64.from_address(place + 8 * field).value = 0

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        pair = (make(ctypes.addressof(self.schema), b"arrow_schema", None), make(ctypes.addressof(self.array), b"arrow_array", None))
        return pair + pair[:1] * self.wrong if self.wrong >= 0 else pair[:1]


def ends(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (Raw(b"u", 1, [None, ends(0, 9), b"192.0.2.7"]), [1]),
        (Raw(b"u", 0, [None, None, None]), []),
        (Raw(b"z", 0, [None, None, None]), []),
        (Raw(b"U", 0, [None, None, None]), []),
        (Raw(b"u", 2, [None, ends(0, 0, 0), None]), [None, None]),
        (Raw(b"n", 3, []), [None] * 3),
        (Raw(b"n", 3, [None]), [None] * 3),
        (Raw(b"vu", 0, [None, None, None]), []),
        (Raw(b"u", -1, [None, ends(0, 9), b"192.0.2.7"]), "length"),
        (Raw(b"u", 1 << 62, [None, ends(0, 9), b"192.0.2.7"]), "length"),
        (Raw(b"u", 1, [None, ends(0, 9), b"192.0.2.7"], offset=-1), "offset"),
        (Raw(b"u", 1, [None, ends(0, 9), b"192.0.2.7"], offset=(1 << 63) - 1), "offset"),
        (Raw(b"n", -1, []), "length"),
        (Raw(b"u", 1, [None, ends(0, -9), b"192.0.2.7"]), "length of -9"),
        (Raw(b"u", 1, [None, None, b"192.0.2.7"]), "buffer 1"),
        (Raw(b"u", 1, [None, ends(0, 9), None]), "buffer 2"),
        (Raw(b"u", 1, [None, ends(0, 9)]), "3 buffers"),
        (Raw(b"u", 1, [], count=-1), "3 buffers"),
        (Raw(b"vu", 1, [None, b"\0" * 16]), "3 buffers"),
        (Raw(b"vu", 1, [None, b"\0" * 16, b"text", struct.pack("<q", -1)]), "length of -1"),
        (Raw(None, 1, [None, ends(0, 9), b"192.0.2.7"]), "without a format"),
        (Raw(b"\xff\xfe", 1, [None, ends(0, 9), b"192.0.2.7"]), "not UTF-8"),
        (Raw(b"?", 1, [None, ends(0, 9), b"192.0.2.7"]), "cannot be read"),
    ],
    ids=str,
)
def test_numbers_of_arrays_are_checked(sample: rapsheet.Snapshot, raw: Raw, found: list[int | None] | str) -> None:
    if isinstance(found, list):
        assert score(sample, raw).field("status").to_pylist() == found
    else:
        with pytest.raises(ValueError, match=found):
            sample.score(raw, NOW)  # type: ignore[call-overload]


@pytest.mark.parametrize("wrong", [-1, 1, 2])
def test_a_pair_is_two_capsules(sample: rapsheet.Snapshot, wrong: int) -> None:
    with pytest.raises(TypeError, match="PyCapsule interface"):
        sample.score(Raw(b"u", 0, [None, None, None], wrong=wrong), NOW)  # type: ignore[call-overload]


def test_a_stream_of_nulls_is_one_of_nulls(sample: rapsheet.Snapshot) -> None:
    nulls = pa.chunked_array([pa.nulls(2), pa.nulls(0), pa.nulls(3)])
    assert score(sample, nulls).to_pylist() == [None] * 5
    present = score(sample, pa.array(["192.0.2.7"] * 5), nulls)
    assert present.field("status").to_pylist() == [sample.lookup("192.0.2.7").status] * 5


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        (COLUMN, "lookup_many"),
        ("192.0.2.7", "pyarrow.array"),
        (np.array(["192.0.2.7"]), "pyarrow.array"),
        (pa.array([1, 2]), "cast it to string"),
        (pa.array([["192.0.2.7"]]), "cast it to string"),
        (pa.array([1, 1]).dictionary_encode(), "cast it to string"),
        (pa.table({"name": ["192.0.2.7"]}), "pass one of them"),
        (pa.array([{"name": "192.0.2.7"}]), "pass one of them"),
        (None, "pyarrow.array"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_column_of_text_is_a_type_error(sample: rapsheet.Snapshot, column: object, remedy: str) -> None:
    with pytest.raises(TypeError, match=remedy):
        sample.score(column)  # type: ignore[call-overload]


def test_instants_that_do_not_fit_are_errors(sample: rapsheet.Snapshot) -> None:
    column = pa.array(COLUMN)
    with pytest.raises(ValueError, match="3 instants for 10 values"):
        sample.score(column, pa.array([None] * 3, pa.timestamp("s")))
    for instants in (pa.array([1] * 10), pa.array([NOW] * 10), pa.array([datetime(2026, 8, 23)] * 10).cast(pa.date32())):
        with pytest.raises(TypeError, match="cast it to timestamp"):
            sample.score(column, instants)


def test_a_capsule_is_used_once(sample: rapsheet.Snapshot) -> None:
    class Once:
        def __init__(self, capsules: object) -> None:
            self.capsules = capsules

        def __arrow_c_array__(self, requested_schema: object = None) -> object:
            return self.capsules

    taken = Once(pa.array(COLUMN).__arrow_c_array__())
    assert len(sample.score(taken, NOW)) == 10  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="taken before"):
        sample.score(taken, NOW)  # type: ignore[call-overload]
    for wrong in (None, 7, (None, None), pa.array(COLUMN).__arrow_c_array__()[::-1]):
        with pytest.raises(TypeError, match="PyCapsule interface"):
            sample.score(Once(wrong), NOW)  # type: ignore[call-overload]


def test_arrays_that_lie_about_their_text(sample: rapsheet.Snapshot) -> None:
    text = pa.py_buffer(b"\xff\xfe.example" + b"evilpanel.com" + b"\x00" * 4)
    for kind, width in ((pa.string(), np.int32), (pa.large_string(), np.int64)):
        # Invalid UTF-8; then offsets that turn back, and negative ones.
        offsets = np.array([0, 10, 23, 5, -7, 23, 27], width)
        column = pa.Array.from_buffers(kind, 6, [None, pa.py_buffer(offsets), text])
        status = score(sample, column).field("status").to_pylist()
        assert status[:2] == [None, 1] and len(status) == 6
    views = np.array([[40, 0, 99, 0], [40, 0, 0, 2**31 - 1], [13, 0, 0, 12], [2**31 - 1, 0, 0, 0]], np.int32)
    column = pa.Array.from_buffers(pa.string_view(), 4, [None, pa.py_buffer(views), text])
    assert score(sample, column).field("status").to_pylist() == [None] * 4
    codes = pa.Array.from_buffers(pa.int8(), 3, [None, pa.py_buffer(np.array([9, -1, 0], np.int8))])
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["192.0.2.7"]), safe=False)
    assert score(sample, column).field("status").to_pylist() == [None, None, 1]


def hostile(count: int) -> list[bytes | None]:
    """Values that no one would store: of any bytes, of any length, nearly indicators, or nothing."""
    chosen = random.Random(7)
    pieces = [b"evilpanel.com", b"192.0.2.7", b"http://", b"://", b"/", b".", b"..", b":", b"[", b"]", b"@", b"%00", b"\x00", b" ",
              b"\n", b"\xff", b"\xc3\xa9", "\u2603".encode(), b"xn--", b"-", b"_", b"0.0.0.0/8", b"&amp;", b"&#", b"=3D", b"*.",
              b"999999999999", b"::", b"a" * 64, b"/33"]
    values: list[bytes | None] = [None, b"", b"x" * (1 << 20), b"a." * (1 << 19), b"http://evilpanel.com/" + b"y" * (1 << 20)]
    while len(values) < count:
        kind = chosen.random()
        if kind < 0.05:
            values.append(None)
        elif kind < 0.3:
            values.append(chosen.randbytes(chosen.randrange(80)))
        else:
            values.append(b"".join(chosen.choices(pieces, k=chosen.randrange(1, 7))))
    return values


def test_hostile_values(samples: rapsheet.Snapshot) -> None:
    values = hostile(HOSTILE)
    column = pa.array(values, pa.binary())
    found = score(samples, column, SAMPLES_NOW)
    assert found.is_null().equals(column.is_null()), "nulls stay nulls, and nothing else is null"
    cut = len(column) // 3
    chunks = pa.chunked_array([column[:cut], column[cut:cut], column[cut:]])
    assert score(samples, chunks, SAMPLES_NOW).combine_chunks().equals(found)
    assert score(samples, column.dictionary_encode(), SAMPLES_NOW).equals(found)
    instants = pa.array([datetime.fromisoformat(SAMPLES_NOW)] * len(column), pa.timestamp("ms"))
    assert score(samples, column, instants).equals(found)
    # The last ones, one by one.
    some = values[: 5] + values[-2000:]
    rows = found.take(pa.array([*range(5), *range(len(values) - 2000, len(values))])).to_pylist()
    for value, row in zip(some, rows, strict=True):
        if value is None:
            assert row is None
            continue
        try:
            verdict = samples.lookup(value, SAMPLES_NOW)
        except rapsheet.IndicatorError:
            assert row["status"] is None, value
        else:
            assert (row["status"], row["detected_by"]) == (verdict.status, verdict.detected_by), value


def test_hostile_texts_one_by_one(sample: rapsheet.Snapshot) -> None:
    for text, reason in [("\ud800.example", "bad-encoding"), ("a" * (1 << 20), "too-long"), ("", "bad-label"),
                         ("evil\x00.example", "control-char"), (b"\xff.example", "bad-encoding")]:
        with pytest.raises(rapsheet.IndicatorError) as caught:
            sample.lookup(text)
        assert caught.value.reason == reason, text
        assert len(str(caught.value)) < 500
    for other in (None, 7, ["192.0.2.7"], bytearray(b"192.0.2.7")):
        with pytest.raises(TypeError, match="str or bytes"):
            sample.lookup(other)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pass it to lookup"):
        sample.lookup_many("192.0.2.7")
    with pytest.raises(ValueError, match="raise"):
        sample.lookup_many([], errors="ignore")  # type: ignore[call-overload]
    with pytest.raises(rapsheet.IndicatorError, match="leading-zero"):
        sample.lookup_many(["192.0.2.7", "010.0.0.1"])
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(sample.lookup("192.0.2.7"))
    assert sample.lookup_many([None, "www.example"])[0] is None
