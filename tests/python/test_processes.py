"""Threads, processes, memory, and files that are replaced or damaged."""

import copy
import gc
import hashlib
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
import rapsheet
from conftest import NOW, publish
from rapsheet import _spark_worker as worker

#: How many look-ups must leave no memory behind. The full size is 10,000,000.
LOOKUPS = int(os.environ.get("RAPSHEET_TEST_LOOKUPS", "1000000"))
#: How many children are forked while threads ask. The full size is 3,000.
FORKS = int(os.environ.get("RAPSHEET_TEST_FORKS", "300"))
COLUMN = pa.array(["192.0.2.7", None, "www.evilpanel.com", "www.example"] * 50_000)
STATUSES = {1: 100_000, 5: 50_000, None: 50_000}


def statuses(snapshot: rapsheet.Snapshot) -> dict[int | None, int]:
    found = pa.array(snapshot.score(COLUMN, NOW)).field("status").value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in found}


def memory(field: str) -> int:
    """A field of this process's memory, in bytes."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(field)


def test_threads_share_a_snapshot(sample: rapsheet.Snapshot) -> None:
    found: list[object] = []

    def ask() -> None:
        for _ in range(5):
            found.append(statuses(sample))
            found.append(sample.lookup("192.0.2.7", NOW).status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(STATUSES) == 40 and found.count(1) == 40


def test_a_long_call_lets_other_threads_go_on(sample: rapsheet.Snapshot) -> None:
    column, done, steps = pa.concat_arrays([COLUMN] * 20), threading.Event(), 0

    def ask() -> None:
        sample.score(column, NOW)
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    while not done.is_set():
        steps += 1
        time.sleep(0.001)
    thread.join()
    assert steps > 5, "the interpreter was locked"


def in_child(method: str, snapshot: rapsheet.Snapshot) -> list[dict[int | None, int]]:
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map(statuses, [snapshot] * 4)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_get_it_by_its_path(sample: rapsheet.Snapshot, method: str) -> None:
    assert in_child(method, sample) == [STATUSES] * 4


def test_a_child_uses_what_its_parent_opened(sample: rapsheet.Snapshot) -> None:
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            sample.lookup("192.0.2.7")
            rapsheet.Snapshot(sample.path)

    # Forks at any point of another thread's look-ups.
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(20):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if child == 0:
                is_right = sample.lookup("192.0.2.7", NOW).status == 1 and statuses(sample) == STATUSES
                is_right &= rapsheet.Snapshot(sample.path).lookup("192.0.2.7", NOW).status == 1
                os._exit(0 if is_right else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def test_a_child_of_any_moment_of_a_score_answers(sample: rapsheet.Snapshot) -> None:
    stop, nothing = threading.Event(), pa.array([], pa.string())

    def ask() -> None:
        while not stop.is_set():
            sample.score(nothing, NOW)
            next(sample.scan(b"192.0.2.7", NOW))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for _ in range(FORKS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if child == 0:
                signal.alarm(10)
                os._exit(0 if sample.lookup("192.0.2.7", NOW).status == 1 and len(sample.score(nothing, NOW)) == 0 else 1)
            assert os.waitpid(child, 0)[1] == 0, "it was killed, or is wrong"
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()


def test_a_replaced_path_is_not_taken_for_the_file_before(tmp_path: Path) -> None:
    first = publish(tmp_path, "192.0.2.0/24\n", "evilpanel.com\n").rename(tmp_path / "first.rap")
    second = publish(tmp_path, "198.51.100.0/24\n", "evilpanel.com\n").rename(tmp_path / "second.rap")
    code = "import os, sys\nwhile True:\n for name in sys.argv[1:]:\n  os.link(name, 'new'); os.rename('new', 'path.rap')"
    # Links of one file with another name are the same file, which a rename leaves as it is.
    code = code.replace("os.rename", "os.path.exists('path.rap') and os.unlink('path.rap'); os.rename")
    with subprocess.Popen([sys.executable, "-c", code, first, second], cwd=tmp_path) as flips:
        try:
            opened, end = 0, time.monotonic() + 3
            while time.monotonic() < end:
                try:
                    other = rapsheet.Snapshot(tmp_path / "path.rap", verify=False)
                except rapsheet.SnapshotError:
                    continue
                opened += 1
                for path, status in ((first, 1), (second, 5)):
                    assert rapsheet.Snapshot(path, verify=False).lookup("192.0.2.7", NOW).status == status
                del other
        finally:
            flips.kill()
    assert opened > 100


def test_what_is_pinned_is_what_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = publish(tmp_path, "192.0.2.0/24\n", "evilpanel.com\n")
    sha256, opened = worker.open_pinned(str(path), None)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest() and opened.lookup("192.0.2.7", NOW).status == 1
    kept = path.rename(tmp_path / "kept.rap")
    publish(tmp_path, "198.51.100.0/24\n", "evilpanel.com\n").rename(tmp_path / "other.rap")
    real = rapsheet.Snapshot

    def open_other(found: str, verify: bool) -> rapsheet.Snapshot:
        """For the moment of the opening, the path has another file."""
        os.replace(tmp_path / "other.rap", found)
        return real(found, verify=verify)

    shutil.copy(kept, path)
    monkeypatch.setattr(worker, "Snapshot", open_other)
    with pytest.raises(rapsheet.SnapshotError, match="replaced while it was opened"):
        worker.open_pinned(str(path), worker.Pin(str(path), False, sha256, "then"))


def test_a_signal_handler_may_ask_a_scan_that_is_read(sample: rapsheet.Snapshot) -> None:
    scan, found = sample.scan(b"x y z\n" * 4_000_000 + b"192.0.2.7\n", NOW), []

    def ask(*_: object) -> None:
        try:
            found.append(next(scan))
        except ValueError as error:
            found.append(error)

    before = signal.signal(signal.SIGALRM, ask)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        assert next(scan).indicator == "192.0.2.7"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert "already executing" in str(found[0])
    assert list(scan) == []


def test_a_signal_ends_a_walk_over_wide_ranges(tmp_path: Path) -> None:
    addresses = "".join(f"11.{a}.{b}.{c}\n" for a in range(3) for b in range(250) for c in range(1, 250, 4))
    snapshot = rapsheet.Snapshot(publish(tmp_path, addresses, "evilpanel.com\n"))
    asked = ["11.0.0.0/8"] * 4096

    def end(*_: object) -> None:
        raise TimeoutError

    started = time.monotonic()
    snapshot.lookup_many(asked[:16], NOW)
    a_walk = (time.monotonic() - started) / 16
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    started = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            snapshot.lookup_many(asked, NOW)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert a_walk * len(asked) > 2 and time.monotonic() - started < a_walk * len(asked) / 2


def test_a_path_of_any_bytes(sample_path: Path, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/n\xff.rap"
    shutil.copy(sample_path, path)
    snapshot = rapsheet.Snapshot(os.fsdecode(path))
    assert os.fsencode(snapshot.path) == path
    assert pickle.loads(pickle.dumps(snapshot)).path == rapsheet.Snapshot(snapshot.path).path == snapshot.path


def test_pickles_and_copies(sample: rapsheet.Snapshot) -> None:
    for other in (pickle.loads(pickle.dumps(sample)), copy.deepcopy(sample), copy.copy(sample)):
        assert other.path == sample.path and other.lookup("192.0.2.7", NOW).status == 1
    error = pickle.loads(pickle.dumps(rapsheet.IndicatorError("x", "bad-host", "about")))
    assert (error.input, error.reason, error.about) == ("x", "bad-host", "about")


def maps(path: str) -> int:
    return sum(path in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_a_file_is_mapped_once_a_process(sample_path: Path, tmp_path: Path) -> None:
    path = shutil.copy(sample_path, tmp_path / "once.rap")
    opened = [rapsheet.Snapshot(path) for _ in range(5)] + [rapsheet.Snapshot(path, verify=False)]
    link = tmp_path / "link.rap"
    link.symlink_to(path)
    opened.append(rapsheet.Snapshot(link))
    assert maps("once.rap") == 1
    opened.pop(0).close()
    assert maps("once.rap") == 1 and opened[0].lookup("192.0.2.7", NOW).status == 1
    opened.clear()
    gc.collect()
    assert maps("once.rap") == 0


def test_closing(sample_path: Path) -> None:
    with rapsheet.Snapshot(sample_path) as snapshot:
        verdict = snapshot.lookup("192.0.2.7", NOW)
        scan = snapshot.scan(b"192.0.2.7\n192.0.2.8", NOW)
    snapshot.close()
    assert "closed" in repr(snapshot)
    for ask in (lambda: snapshot.lookup("192.0.2.7"), lambda: snapshot.score(COLUMN), snapshot.feeds, snapshot.info):
        with pytest.raises(ValueError, match="closed"):
            ask()
    # What was answered before stays.
    assert verdict.sources[0].provider == "addresses.example" and len(list(scan)) == 2


def test_collection_while_a_batch_runs(sample_path: Path) -> None:
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(20):
            # Neither the snapshot nor the column has another owner.
            scores = rapsheet.Snapshot(sample_path).score(pa.concat_arrays([COLUMN[:40_000]]), NOW)
            stream = rapsheet.Snapshot(sample_path).score(pa.chunked_array([COLUMN[:9], COLUMN[9:20]]), NOW)
            capsule = scores.__arrow_c_array__()
            del scores
            assert len(pa.array(rapsheet.Snapshot(sample_path).score(COLUMN[:3], NOW))) == 3
            assert len(pa.chunked_array(stream)) == 20
            del capsule, stream
    finally:
        stop.set()
        collector.join()


def test_nothing_is_left_of_look_ups(sample: rapsheet.Snapshot) -> None:
    column = COLUMN[:10_000]
    asked = ["192.0.2.7", "www.evilpanel.com", "www.example", "1.2.3"]

    def ask(count: int) -> None:
        for _ in range(count // 15_000):
            sample.score(column, NOW).__arrow_c_array__()
            pa.chunked_array(sample.score(pa.chunked_array([column[:5000]]), NOW))
            for found in sample.lookup_many(asked * 100, NOW, errors="return"):
                assert found is not None
            for _ in sample.scan(b"192.0.2.7 www.evilpanel.com\n" * 100, NOW):
                pass

    ask(LOOKUPS // 5)
    gc.collect()
    before = memory("Private_Dirty")
    ask(LOOKUPS)
    gc.collect()
    # A leak of two bytes a look-up is seen at the full size, one of twenty at a tenth of it.
    assert memory("Private_Dirty") - before < 16 << 20


def measure(path: str) -> tuple[int, int]:
    """The proportional share of the map, and what the process has for itself beside Python's own."""
    before = memory("Private_Dirty")
    snapshot = rapsheet.Snapshot(path)
    column = COLUMN[:20_000]
    for _ in range(20):
        snapshot.score(column, NOW)
    # Those that touch the map are four at a time.
    time.sleep(1)
    share, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        inside = path in line if "-" in line.split()[0] and ":" not in line.split()[0] else inside
        share += int(line.split()[1]) << 10 if inside and line.startswith("Pss:") else 0
    time.sleep(1)
    return share, memory("Private_Dirty") - before


def test_processes_share_the_memory_of_a_snapshot(tmp_path: Path) -> None:
    addresses = "".join(f"11.{a}.{b}.{c}\n" for a in range(9) for b in range(250) for c in range(1, 250, 4))
    path = publish(tmp_path, addresses, "evilpanel.com\n")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.map(measure, [str(path)] * 4, chunksize=1)
    size = path.stat().st_size
    assert size > 100_000
    for share, private in found:
        assert 0 < share < size * 0.6, (found, size)
        assert private < 32 << 20, found


def test_a_new_file_is_followed(tmp_path: Path) -> None:
    first = publish(tmp_path, "192.0.2.0/24\n", "evilpanel.com\n")
    followed, fixed = rapsheet.Snapshot(first, follow=True), rapsheet.Snapshot(first)
    assert followed.lookup("198.51.100.7", NOW).status == 5
    publish(tmp_path, "198.51.100.0/24\n", "evilpanel.com\n")
    time.sleep(1.1)
    assert [snapshot.lookup("198.51.100.7", NOW).status for snapshot in (followed, fixed)] == [1, 5]
    assert pa.array(followed.score(pa.array(["192.0.2.7"]), NOW)).field("status").to_pylist() == [5]
    # A file that is refused is warned of, once, and the one before goes on answering.
    (tmp_path / "bad").write_bytes(b"no snapshot")
    (tmp_path / "bad").rename(first)
    time.sleep(1.1)
    with pytest.warns(rapsheet.SnapshotWarning, match="going on with the previous snapshot"):
        assert followed.lookup("198.51.100.7", NOW).status == 1
    time.sleep(1.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert followed.lookup("198.51.100.7", NOW).status == 1
    first.unlink()
    time.sleep(1.1)
    assert followed.lookup("198.51.100.7", NOW).status == 1
    publish(tmp_path, "203.0.113.0/24\n", "evilpanel.com\n")
    time.sleep(1.1)
    assert followed.lookup("203.0.113.7", NOW).status == 1


def test_damaged_files_are_refused(sample_path: Path, tmp_path: Path) -> None:
    whole = sample_path.read_bytes()
    path = tmp_path / "damaged.rap"
    for at in range(0, len(whole), max(1, len(whole) // 97)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(rapsheet.SnapshotError, match="damaged.rap"):
            rapsheet.Snapshot(path)
        # Without verification it may open; then it answers, whatever it says.
        try:
            statuses(rapsheet.Snapshot(path, verify=False))
        except rapsheet.SnapshotError:
            pass
    for content in (b"", b"x", whole[:-1], whole[:64], whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(rapsheet.SnapshotError):
            rapsheet.Snapshot(path)
    with pytest.raises(rapsheet.SnapshotError, match="no such file; build a snapshot"):
        rapsheet.Snapshot(tmp_path / "missing.rap")
    with pytest.raises(rapsheet.SnapshotError, match="regular file"):
        rapsheet.Snapshot(tmp_path)
    with pytest.raises(TypeError):
        rapsheet.Snapshot(7)  # type: ignore[arg-type]
