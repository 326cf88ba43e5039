"""`rapsheet.spark` on a cluster: the answers of one machine, whatever happens to the cluster or to the
snapshot.

The session's time zone is not UTC, so that an instant that is taken for a local time gives other answers.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cluster
import lists
import pytest
from conftest import Counts, Events, counts
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rapsheet import SnapshotError
from rapsheet.spark import annotate, register


def _generation(scored: DataFrame) -> str:
    return str(scored.schema["rapsheet"].metadata["rapsheet"]["sha256"])


def _sha256(path: Path) -> str:
    return subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]


def _other_snapshot(events: Events, name: str, without: str) -> Path:
    feeds = [feed for feed in lists.FEEDS if feed.name != without]
    return lists.build(events.folder / name, events.folder / f"{name}.rap", feeds)


def _timed(what: str, events: Events, act: Callable[[], Counts]) -> Counts:
    began = time.monotonic()
    found = act()
    took = time.monotonic() - began
    print(f"{what}: {events.copies * events.table.num_rows / took:,.0f} rows a second, {took:.1f} s")
    return found


def test_parquet_and_json_lines(events: Events, parquet: DataFrame, json_lines: DataFrame) -> None:
    wanted = events.wanted()
    for name, df in (("Parquet", parquet), ("JSON lines", json_lines)):
        scored = annotate(df, "indicator", events.snapshot, at=df.seen)
        assert _generation(scored) == _sha256(events.snapshot)
        assert _timed(name, events, lambda: counts(scored)) == wanted  # noqa: B023


def test_whole_rows_through_python_as_for_spark_4_0(
    events: Events, parquet: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_udf = annotate(parquet, "indicator", events.snapshot, at=parquet.seen)
    monkeypatch.delattr(F, "arrow_udf")
    scored = annotate(parquet, "indicator", events.snapshot, at=parquet.seen)
    assert scored.schema == by_udf.schema and _generation(scored) == _generation(by_udf)
    assert "MapInArrow" in scored._jdf.queryExecution().toString()
    assert _timed("mapInArrow", events, lambda: counts(scored)) == events.wanted()
    with pytest.raises(NotImplementedError, match=r"Spark 4\.1"):
        register(parquet.sparkSession, "never", events.snapshot)


def test_one_instant_for_all(events: Events, parquet: DataFrame) -> None:
    scored = annotate(parquet, F.col("indicator"), events.snapshot, at=lists.NOW)
    assert counts(scored) == events.wanted(at=lists.NOW)


def test_instants_without_a_zone_are_utc(events: Events, spark: SparkSession) -> None:
    texts = [("2026-10-08 00:00:00",), ("2026-10-07 23:59:59",), (None,)]
    df = spark.createDataFrame(texts, "text string").select(
        F.lit(_entry("brute")).alias("indicator"), F.col("text").cast("timestamp_ntz").alias("seen")
    )
    scored = annotate(df, "indicator", events.snapshot, at=df.seen)
    found = {row.seen and str(row.seen): row.rapsheet.providers for row in scored.collect()}
    assert (
        "brute.example" in found["2026-10-08 00:00:00"]
        and "brute.example" not in found["2026-10-07 23:59:59"]
    )
    # The instant of the call: the machine's clock decides, and only that there is an answer.
    assert found[None] is not None


def _entry(name: str) -> str:
    feed = next(feed for feed in lists.FEEDS if feed.name == name)
    return lists.lines(feed)[0]


def test_a_function_of_sql(events: Events, parquet: DataFrame, spark: SparkSession) -> None:
    register(spark, "rap", events.snapshot, at=lists.NOW)
    parquet.createOrReplaceTempView("events")
    each = spark.sql("SELECT indicator, rap(indicator, seen) AS rapsheet FROM events")
    assert counts(each) == events.wanted()
    at_one = spark.sql("SELECT indicator, rap(indicator) AS rapsheet FROM events")
    assert counts(at_one) == events.wanted(at=lists.NOW)


def test_the_generation_is_in_parquet_files(events: Events, parquet: DataFrame, spark: SparkSession) -> None:
    out = str(events.folder / "out")
    annotate(parquet.limit(100), "indicator", events.snapshot).write.parquet(out)
    assert _generation(spark.read.parquet(out)) == _sha256(events.snapshot)


def test_a_pipe_to_the_command_line(events: Events, parquet: DataFrame, spark: SparkSession) -> None:
    lookup = f"{lists.program()} lookup --snapshot {events.snapshot} --now {lists.NOW} --output tsv -"
    # Exit code 2 says that some line was no indicator; each of them has its line all the same.
    command = f"sh -c '{lookup} || [ $? -eq 2 ]'"
    lines = parquet.where("indicator IS NOT NULL").select("indicator").rdd.map(lambda row: row.indicator)
    answers = lines.pipe(command, checkCode=True).map(lambda line: line.split("\t")[1])
    wanted = {status: count for status, (count, _, _) in events.wanted(at=lists.NOW).items()}
    found = {int(status): count for status, count in answers.countByValue().items() if status.isdigit()}
    assert found == {status: count for status, count in wanted.items() if status is not None}


def _in_background(act: Callable[[], Counts]) -> tuple[threading.Thread, list[Counts]]:
    found: list[Counts] = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    return thread, found


def _await_tasks(spark: SparkSession, least: int) -> None:
    """Until so many tasks of a running stage are done, and not all."""
    tracker = spark.sparkContext.statusTracker()
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        for stage in tracker.getActiveStageIds():
            info = tracker.getStageInfo(stage)
            if info and info.numCompletedTasks >= least and info.numTasks - info.numCompletedTasks >= least:
                return
        time.sleep(0.005)
    raise AssertionError("no stage was found in its middle")


def _in_many_tasks(spark: SparkSession, df: DataFrame) -> DataFrame:
    """The same rows in tasks of a few thousand, so that a job has a middle."""
    spark.conf.set("spark.sql.files.maxPartitionBytes", "128k")
    paths = df.inputFiles()
    return spark.read.parquet(*paths)


def test_an_executor_is_killed(events: Events, parquet: DataFrame, spark: SparkSession) -> None:
    wanted = events.wanted()
    df = _in_many_tasks(spark, parquet)
    scored = annotate(df, "indicator", events.snapshot, at=df.seen)
    before = cluster.executors()
    assert len(before) == 2
    thread, found = _in_background(lambda: counts(scored))
    _await_tasks(spark, 3)
    os.kill(before[0], signal.SIGKILL)
    assert thread.is_alive(), "the job was over before the executor was lost"
    thread.join()
    assert found == [wanted]
    assert before[0] not in cluster.executors()


def test_a_snapshot_is_replaced_while_a_job_runs(
    events: Events, parquet: DataFrame, spark: SparkSession
) -> None:
    path = events.folder / "current.rap"
    shutil.copy(events.snapshot, path)
    newer = _other_snapshot(events, "newer", without="scanners")
    old, new = events.wanted(), events.wanted(newer)
    assert old != new
    df = _in_many_tasks(spark, parquet)
    scored = annotate(df, "indicator", path, at=df.seen)
    thread, found = _in_background(lambda: counts(scored))
    _await_tasks(spark, 3)
    os.replace(newer, path)
    # Its successor has no snapshot yet, and asks the driver for it now.
    os.kill(cluster.executors()[0], signal.SIGKILL)
    assert thread.is_alive(), "the job was over before the snapshot was replaced"
    thread.join()
    assert found == [old] and _generation(scored) == _sha256(events.snapshot)
    again = annotate(df, "indicator", path, at=df.seen)
    assert counts(again) == new and _generation(again) == _sha256(path)
    # The first data frame goes on answering from its own.
    assert counts(scored) == old


def test_another_file_on_the_hosts_is_refused(events: Events, parquet: DataFrame) -> None:
    path = _other_snapshot(events, "hosts", without="brute")
    scored = annotate(parquet.limit(10_000), "indicator", path.as_uri(), at=parquet.seen)
    pinned = _generation(scored)
    os.replace(_other_snapshot(events, "hosts-newer", without="trails"), path)
    with pytest.raises(PythonException, match="planned with") as raised:
        counts(scored)
    assert pinned in str(raised.value) and _sha256(path) in str(raised.value)
    path.unlink()
    with pytest.raises(PythonException, match="install it on every host"):
        counts(scored)


def test_arguments_that_cannot_be(events: Events, parquet: DataFrame) -> None:
    def refused(
        error: type[Exception],
        match: str,
        column: str,
        snapshot: str | Path = events.snapshot,
        **more: object,
    ) -> None:
        with pytest.raises(error, match=match):
            annotate(parquet, column, snapshot, **more)  # type: ignore[arg-type]

    refused(ValueError, "another name", "indicator", into="seen")
    refused(TypeError, "cast it to string", "row")
    refused(TypeError, "cast it to timestamp", "indicator", at=parquet.row)
    refused(ValueError, "no time", "indicator", at="tomorrow")
    refused(SnapshotError, "rapsheet build", "indicator", "missing.rap")
    refused(SnapshotError, "install it on every host", "indicator", "file:///missing.rap")
    refused(ValueError, "copy it to the driver", "indicator", "hdfs://cluster/rapsheet.rap")
    refused(ValueError, "pass file:///path", "indicator", "file://host.example/rapsheet.rap")
    refused(
        SnapshotError,
        r"/parquet/\d+-.*not a valid snapshot",
        "indicator",
        next((events.folder / "parquet").iterdir()),
    )


def _memory(pid: int, path: Path | None) -> dict[str, int]:
    """Kilobytes of a process, or of one mapped file in it."""
    found: dict[str, int] = {}
    inside = path is None
    for line in Path(f"/proc/{pid}/{'smaps_rollup' if path is None else 'smaps'}").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            inside = path is None or line.endswith(str(path))
        elif inside and rest[-1] == "kB":
            found[name[:-1]] = found.get(name[:-1], 0) + int(rest[0])
    return found


def test_workers_share_a_snapshot(events: Events, parquet: DataFrame, spark: SparkSession) -> None:
    path = events.folder / "hosts-shared.rap"
    shutil.copy(events.snapshot, path)
    df = _in_many_tasks(spark, parquet).repartition(16)
    plain = df.mapInArrow(lambda batches: batches, df.schema)

    def private() -> dict[int, int]:
        found = {pid: _memory(pid, None) for pid in cluster.python_workers()}
        return {pid: memory["Private_Clean"] + memory["Private_Dirty"] for pid, memory in found.items()}

    # Twice: the second time, all workers are there.
    for _ in range(2):
        assert plain.count() == events.copies * events.table.num_rows
    before = private()
    scored = annotate(df, "indicator", path.as_uri(), at=df.seen)
    for _ in range(2):
        assert counts(scored) == events.wanted()
    after = private()
    holders = [pid for pid in after if str(path) in Path(f"/proc/{pid}/maps").read_text()]
    assert len(holders) == 4, f"{len(holders)} workers have the snapshot open, of {len(after)}"
    mapped = [_memory(pid, path) for pid in holders]
    size = path.stat().st_size // 1024
    print(
        f"snapshot {size} kB; in each worker resident {[m['Rss'] for m in mapped]}, its share {[m['Pss'] for m in mapped]} kB"
    )
    grown = [after[pid] - before[pid] for pid in holders if pid in before]
    print(f"private memory beside a worker that passes rows through: {grown} kB")
    assert sum(m["Pss"] for m in mapped) <= 1.1 * size and all(m["Private_Dirty"] == 0 for m in mapped)
    assert all(m["Pss"] < 0.5 * m["Rss"] for m in mapped)
    assert grown and max(grown) < 32 * 1024
