"""Look-ups in Spark: a column of verdicts for a column of indicators, and the same as a function of SQL.

A job answers from one snapshot, whatever is published while it runs. The driver takes the digest of the
file when a job is planned, and a worker that finds another file fails and says which. Each Python worker
maps the file itself, so that the processes of an executor share its memory; a broadcast would give each of
them a copy. That is also why a job holds a path and a digest, and neither the bytes nor an open snapshot.

>>> from rapsheet.spark import annotate
>>> scored = annotate(events, "src_ip", "rapsheet.rap", at=events.time)       # doctest: +SKIP
>>> scored.where("rapsheet.status = 1").show()                                # doctest: +SKIP
"""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pyspark
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from . import _spark_worker
from ._errors import SnapshotError
from ._rapsheet import Snapshot
from ._spark_worker import Pin, digest, open_pinned

if TYPE_CHECKING:
    Instant = datetime.datetime | str | int | None

__all__ = ["RESULT", "annotate", "register"]

#: The type of the column of answers: as ``Snapshot.score`` gives, but that Spark has no unsigned numbers.
RESULT = T.StructType(
    [
        T.StructField("status", T.IntegerType()),
        T.StructField("detected_by", T.IntegerType()),
        T.StructField("assessments", T.ArrayType(T.StringType(), containsNull=False)),
        T.StructField("providers", T.ArrayType(T.StringType(), containsNull=False)),
        T.StructField("matched", T.StringType()),
    ]
)

_VALUE, _AT = "__rapsheet_value", "__rapsheet_at"
_LOG = logging.getLogger(__name__)


def annotate(
    df: DataFrame,
    column: str | Column,
    snapshot: str | os.PathLike[str] | Snapshot,
    at: Instant | Column = None,
    *,
    into: str = "rapsheet",
) -> DataFrame:
    """The data frame with one more column, a struct of type ``RESULT``, named ``into``.

    ``column`` holds addresses, names or URLs, as strings. The struct is null where they are null; its
    fields are null where they are no indicator.

    ``snapshot`` is a path on the driver, whose file Spark ships to the executors. ``file:///path`` is a
    file that lies on every host and on the driver: nothing is shipped, and all executors of a host share
    its memory.

    ``at`` is the instant of all answers: None for the instant of this call, a datetime, an RFC 3339 text,
    or seconds since 1970; or a column of timestamps, such as ``df.time``. Where that is null, it is the
    instant of this call.

    The metadata of the column says which snapshot answers: ``df.schema["rapsheet"].metadata["rapsheet"]``
    has its SHA-256 and when it was built. Spark writes them into Parquet files, too.
    """
    if into in df.columns:
        raise ValueError(f"into: the data frame has a column {into!r}; pass another name")
    value = F.col(column) if isinstance(column, str) else column
    _check(df, value, "column", (T.StringType, T.CharType, T.VarcharType, T.BinaryType), "cast it to string")
    instants = at if isinstance(at, Column) else None
    if instants is not None:
        _check(df, instants, "at", (T.TimestampType, T.TimestampNTZType), "cast it to timestamp")
    pin, instant = _plan(df.sparkSession, snapshot, None if isinstance(at, Column) else at)
    add = _add_by_udf if hasattr(F, "arrow_udf") else _add_by_map
    _LOG.info("column %s: snapshot %s, built at %s", into, pin.sha256, pin.built_at)
    return add(df, into, value, instants, pin, instant)


def register(
    spark: SparkSession,
    name: str,
    snapshot: str | os.PathLike[str] | Snapshot,
    at: Instant = None,
) -> None:
    """Makes a function of SQL: ``name(value)`` gives the struct of ``annotate``, and ``name(value,
    instant)`` with a timestamp of each row.

    It answers from the snapshot of this call, for as long as the session lives; after a new one was
    published, register again. This needs Spark 4.1 or newer.
    """
    if not hasattr(F, "arrow_udf"):
        raise NotImplementedError(
            f"register: Spark {pyspark.__version__} has no Arrow functions; use annotate, or Spark 4.1 or newer"
        )
    pin, instant = _plan(spark, snapshot, at)
    spark.udf.register(name, _udf(pin, instant))
    _LOG.info("function %s: snapshot %s, built at %s", name, pin.sha256, pin.built_at)


def _plan(spark: SparkSession, snapshot: str | os.PathLike[str] | Snapshot, at: Instant) -> tuple[Pin, int]:
    """Pins the snapshot, and the instant that is meant."""
    path = os.fspath(snapshot.path if isinstance(snapshot, Snapshot) else snapshot)
    if path.startswith("file:"):
        url = urlsplit(path)
        if url.netloc not in ("", "localhost"):
            raise ValueError(
                f"snapshot: {path}: a file on {url.netloc}, which is not read from here; pass file:///path, of a file "
                "that every host has"
            )
        place = unquote(url.path)
        sha256, opened = open_pinned(place, None)
        pin = Pin(place, False, sha256, opened.info()["built_at"])
    elif "://" in path:
        raise ValueError(
            f"snapshot: {path}: neither a path nor a file: URL; copy it to the driver and pass the path"
        )
    else:
        pin, opened = _ship(spark, path)
    # What an instant may be is decided in one place; a verdict says which it was.
    return pin, int(opened.lookup("192.0.2.1", at).at.timestamp())


def _ship(spark: SparkSession, path: str) -> tuple[Pin, Snapshot]:
    """Gives Spark a copy of the file under a name of its own.

    Spark serves a file when an executor asks for it, as late as after the loss of another. Its path may
    have a newer file by then, and a name that was added once cannot be given again.
    """
    try:
        context = spark.sparkContext
    except Exception as error:
        raise NotImplementedError(
            "snapshot: a Spark Connect session ships no files; put it on every host and pass file:///path"
        ) from error
    folder = tempfile.mkdtemp(prefix="rapsheet-", dir=pyspark.SparkFiles.getRootDirectory())
    copy = os.path.join(folder, "snapshot.rap")
    try:
        shutil.copyfile(path, copy)
    except FileNotFoundError:
        raise SnapshotError(
            f"{path}: no such file; build a snapshot with `rapsheet build`, or name another"
        ) from None
    # Verified here, once: workers compare digests.
    try:
        opened = Snapshot(copy)
    except SnapshotError as error:
        raise SnapshotError(str(error).replace(copy, path)) from None
    sha256 = digest(copy)
    pin = Pin(f"rapsheet-{sha256}.rap", True, sha256, opened.info()["built_at"])
    if any(file.endswith(f"/{pin.place}") for file in context.listFiles):
        shutil.rmtree(folder)
    else:
        named = os.path.join(folder, pin.place)
        os.rename(copy, named)
        context.addFile(named)
    return pin, opened


def _check(df: DataFrame, column: Column, name: str, types: tuple[type, ...], remedy: str) -> None:
    found = df.select(column).schema[0].dataType
    if not isinstance(found, types):
        raise TypeError(f"{name}: found a column of {found.simpleString()}; {remedy}")


def _add_by_udf(
    df: DataFrame, into: str, values: Column, instants: Column | None, pin: Pin, instant: int
) -> DataFrame:
    """The two columns that matter go to Python, and no other."""
    answers = _udf(pin, instant)(*(column for column in (values, instants) if column is not None))
    return df.withColumn(into, answers.alias(into, metadata=pin.metadata()))


def _udf(pin: Pin, instant: int) -> Callable[..., Column]:
    # Without annotations: Spark would have to resolve them, and pyarrow is imported in the workers only.
    def score(values, *instants):  # type: ignore[no-untyped-def]
        return _spark_worker.score(pin, instant, values, *instants)

    return F.arrow_udf(score, RESULT)  # type: ignore[attr-defined, no-any-return]


def _add_by_map(
    df: DataFrame, into: str, values: Column, instants: Column | None, pin: Pin, instant: int
) -> DataFrame:
    """For Spark 4.0: whole rows go to Python and back."""
    schema = T.StructType([*df.schema.fields, T.StructField(into, RESULT, True, pin.metadata())])
    hidden = [values.alias(_VALUE)] + ([] if instants is None else [instants.alias(_AT)])
    kept = len(df.columns)

    def score(batches):  # type: ignore[no-untyped-def]
        import pyarrow

        for batch in batches:
            columns = batch.columns
            answers = _spark_worker.score(pin, instant, *columns[kept:])
            yield pyarrow.RecordBatch.from_arrays([*columns[:kept], answers], names=schema.names)

    return df.select("*", *hidden).mapInArrow(score, schema)
