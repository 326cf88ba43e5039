"""What the tests of Spark share: a cluster, a session, a snapshot, and events with the command line's
answers.

RAPSHEET_SPARK_ROWS is the number of rows (2,000,000; the issue's is 20,000,000). Beyond a quarter of a
million, the files repeat.
"""

import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lake"))

import cluster
import lists
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rows
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ROWS = int(os.environ.get("RAPSHEET_SPARK_ROWS", "2_000_000"))
DISTINCT = min(ROWS, 250_000)
PARTS = 8

Counts = dict[int | None, tuple[int, int, int]]


@dataclass(frozen=True, eq=False)
class Events:
    """A folder with the rows in two formats, and what is right."""

    folder: Path
    copies: int
    table: pa.Table
    snapshot: Path

    def wanted(self, snapshot: Path | None = None, at: str | None = None) -> Counts:
        """What the command line says, counted."""
        return _wanted(self, snapshot or self.snapshot, at)


@cache
def _wanted(events: Events, snapshot: Path, at: str | None) -> Counts:
    answers = rows.expected(snapshot, events.table, at)
    counts: dict[int | None, list[int]] = {}
    columns = [
        events.table["indicator"].to_pylist(),
        *(answers[name].to_pylist() for name in answers.column_names),
    ]
    for indicator, status, detected_by, assessments, providers in zip(*columns, strict=True):
        parts = [indicator, status, detected_by, *_split(assessments), *_split(providers)]
        line = "|".join(str(part) for part in parts if part is not None)
        count = counts.setdefault(status, [0, 0, 0])
        for nth, more in enumerate((1, detected_by or 0, zlib.crc32(line.encode()))):
            count[nth] += more * events.copies
    return {status: (count[0], count[1], count[2]) for status, count in counts.items()}


def _split(joined: str | None) -> list[str]:
    return joined.split(",") if joined else []


def counts(scored: DataFrame, into: str = "rapsheet") -> Counts:
    """Rows, detections and checksums of whole answers, by status."""
    parts = [
        F.col("indicator"),
        *(F.col(f"{into}.{part}") for part in ("status", "detected_by", "assessments", "providers")),
    ]
    checksum = F.crc32(
        F.concat_ws("|", *(part if nth > 2 else part.cast("string") for nth, part in enumerate(parts)))
    )
    detected = F.coalesce(F.col(f"{into}.detected_by"), F.lit(0))
    chosen = scored.select(
        F.col(f"{into}.status").alias("status"), detected.alias("detected"), checksum.alias("checksum")
    )
    found = chosen.groupBy("status").agg(F.count("*"), F.sum("detected"), F.sum("checksum")).collect()
    return {status: (count, detections, checksums) for status, count, detections, checksums in found}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("spark")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def events(folder: Path) -> Events:
    snapshot = lists.build(folder / "downloads", folder / "rapsheet.rap")
    table = rows.events(DISTINCT)
    rows.assert_telling(rows.expected(snapshot, table))
    copies = ROWS // DISTINCT
    for kind in ("parquet", "json"):
        (folder / kind).mkdir()
    step = -(-DISTINCT // PARTS)
    for part in range(PARTS):
        chunk = table.slice(part * step, step)
        # Not Snappy: where musl is installed, Spark's library takes the wrong build of it.
        pq.write_table(chunk, folder / "parquet" / f"0-{part}.parquet", compression="zstd")
        texts = chunk.set_column(2, "seen", chunk["seen"].cast(pa.string()))
        (folder / "json" / f"0-{part}.json").write_text(_json_lines(texts), encoding="utf-8")
        for copy in range(1, copies):
            for kind in ("parquet", "json"):
                os.link(folder / kind / f"0-{part}.{kind}", folder / kind / f"{copy}-{part}.{kind}")
    return Events(folder, copies, table, snapshot)


def _json_lines(table: pa.Table) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())


@pytest.fixture(scope="session")
def spark(folder: Path) -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with cluster.cluster(folder / "cluster") as url:
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.executor.memory": "900m",
            "spark.executor.cores": "2",
            "spark.local.dir": str(folder),
            # On a busy machine a process may wait for minutes. One that is killed is noticed by its
            # connection.
            "spark.network.timeout": "600s",
            "spark.executor.heartbeatInterval": "60s",
            "spark.sql.session.timeZone": "America/Lima",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.parquet.compression.codec": "zstd",
            "spark.sql.adaptive.enabled": "false",
        }
        builder = SparkSession.builder.master(url).appName("rapsheet")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def parquet(spark: SparkSession, events: Events) -> DataFrame:
    return spark.read.parquet(str(events.folder / "parquet"))


@pytest.fixture(scope="session")
def json_lines(spark: SparkSession, events: Events) -> DataFrame:
    schema = "row long, indicator string, seen timestamp"
    return spark.read.schema(schema).json(str(events.folder / "json"))
