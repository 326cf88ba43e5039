"""`Snapshot.score` beside what people do today with a column of indicators, on one core, in one run.

For each kind of indicator: distinct, shuffled values, a third of them listed; the answers of all are compared before
anything is timed; the programs take turns, and a ratio is the median of the pairs, with the 10th and the 90th percentile.

RAPSHEET_BENCH_VALUES is the number of values (300,000), RAPSHEET_BENCH_PAIRS that of pairs (7). With RAPSHEET_CORPUS the
lists are real, else made up from a fixed seed.
"""

import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "lake"))

import lists
import maxminddb
import pyarrow as pa
import pyarrow.compute as pc
import pytricia
import rapsheet

VALUES = int(os.environ.get("RAPSHEET_BENCH_VALUES", "300_000"))
PAIRS = int(os.environ.get("RAPSHEET_BENCH_PAIRS", "7"))

#: Lines that mean the same to all: written as they are in canonical form.
PLAIN = {
    "address": r"(?:[1-9]\d{0,2}\.)(?:(?:0|[1-9]\d{0,2})\.){2}(?:0|[1-9]\d{0,2})(?:/\d\d)?",
    "name": r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+",
    "url": r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+(?:/[A-Za-z0-9_-]+)+",
}
NETWORK = {"address": "inbound", "name": None, "url": None}
LISTS = {"address": ["scanners", "brute"], "name": ["gambling", "phish", "trails"], "url": ["phish-urls", "malware-urls"]}

Answer = Callable[[], object]


class Column:
    """The lists of one kind, a snapshot of them, and values to ask for."""

    def __init__(self, kind: str, exact: bool, folder: Path) -> None:
        self.kind, self.exact = kind, exact
        names = LISTS[kind] + ([NETWORK[kind]] if NETWORK[kind] and not exact else [])
        feeds = [feed for feed in lists.FEEDS if feed.name in names]
        scope = 'list = "block"\n' + (f'scope = "{"exact" if exact else "tree"}"\n' if kind == "name" else "")
        self.snapshot = folder / f"{kind}-{exact}.rap"
        lists.build(folder / f"{kind}-{exact}", self.snapshot, [replace(feed, extra=scope) for feed in feeds])
        plain = re.compile(PLAIN[kind])
        texts = {line for feed in feeds for line in lists.lines(feed) if plain.fullmatch(line)}
        # What the build refuses, as an address that nobody has, is no entry of a dictionary either.
        self.entries = sorted(text for text, is_listed in zip(texts, self._listed(list(texts)), strict=True) if is_listed)
        self.values = self._values()
        self.array = pa.array(self.values)

    def _written(self, text: str) -> str:
        return f"http://{text}" if self.kind == "url" else text

    def _listed(self, texts: list[str]) -> list[bool]:
        column = pa.array([self._written(text) for text in texts])
        status = pa.array(rapsheet.Snapshot(self.snapshot).score(column, at=lists.NOW)).field("status")
        return pc.fill_null(pc.equal(status, 1), False).to_pylist()

    def _values(self) -> list[str]:
        words, draw = lists.Words("benchmark"), random.Random("benchmark")
        make = {"address": words.address, "name": words.name, "url": words.url}[self.kind]
        wanted = min(VALUES // 3, len(self.entries))
        values = {self._written(self._below(text, draw)) for text in draw.sample(self.entries, wanted)}
        while len(values) < VALUES:
            values.add(self._written(make()))
        shuffled = sorted(values)
        draw.shuffle(shuffled)
        return shuffled

    def _below(self, text: str, draw: random.Random) -> str:
        if "/" in text and self.kind == "address":
            return text.split("/")[0]
        if self.kind == "name" and not self.exact and draw.random() < 0.5:
            return "www." + text
        return text


def dictionary(column: Column) -> Callable[[list[str]], list[int]]:
    """What is broadcast today: a dictionary, and loops over the suffixes of a name or the widths of networks."""
    if column.kind == "name":
        names = dict.fromkeys(column.entries, 1)

        def of_name(name: str) -> int:
            while True:
                if name in names:
                    return 1
                _, dot, name = name.partition(".")
                if not dot:
                    return 5

        return lambda values: [of_name(value) for value in values]
    if column.kind == "url":
        urls = {f"http://{entry}" for entry in column.entries}
        return lambda values: [1 if value in urls else 5 for value in values]
    addresses = {entry for entry in column.entries if "/" not in entry}
    networks = [entry.split("/") for entry in column.entries if "/" in entry]
    by_width = {int(width): set[int]() for _, width in networks}
    for base, width in networks:
        by_width[int(width)].add(int.from_bytes(socket.inet_aton(base)) >> 32 - int(width))

    def of_address(text: str) -> int:
        if text in addresses:
            return 1
        number = int.from_bytes(socket.inet_aton(text))
        return 1 if any(number >> 32 - width in bases for width, bases in by_width.items()) else 5

    return lambda values: [of_address(value) for value in values]


def _statuses(scores: object) -> list[int]:
    return pa.array(scores).field("status").to_pylist()


def others(column: Column, folder: Path) -> dict[str, Answer]:
    """What is compared, each with the answer for the whole column; those that give statuses are checked."""
    if column.exact:
        keys = pa.array([column._written(entry) for entry in column.entries])
        options = pc.SetLookupOptions(value_set=keys)
        one = column.array.slice(0, 1)
        return {
            "is_in, with its table": lambda: pc.is_in(column.array, options=options),
            "is_in, table alone": lambda: pc.is_in(one, options=options),
        }
    by_dictionary = dictionary(column)
    found: dict[str, Answer] = {"dictionary": lambda: pa.array(by_dictionary(column.array.to_pylist()), pa.uint8())}
    if column.kind == "address":
        mmdb = folder / "addresses.mmdb"
        export = [lists.program(), "export", "--snapshot", column.snapshot, "--now", lists.NOW, "--output", "mmdb"]
        subprocess.run([*export, "--include-restricted", "--file", mmdb], check=True, capture_output=True)
        reader = maxminddb.open_database(mmdb)
        tree = pytricia.PyTricia(32)
        for entry in column.entries:
            tree[entry] = 1
        found["maxminddb"] = lambda: pa.array([5 if reader.get(value) is None else 1 for value in column.array.to_pylist()])
        found["pytricia"] = lambda: pa.array([tree.get(value, 5) for value in column.array.to_pylist()])
    lines = folder / "lines"
    lines.write_text("\n".join(column.values) + "\n")
    lookup = [lists.program(), "lookup", "--snapshot", column.snapshot, "--now", lists.NOW, "--threads", "1", "--output", "tsv", "-"]

    def command_line() -> pa.Array:
        with lines.open("rb") as questions, (folder / "answers").open("wb") as answers:
            subprocess.run(lookup, check=True, stdin=questions, stdout=answers)
        return pa.array([], pa.uint8())

    found["command line"] = command_line
    return found


def check(column: Column, name: str, answer: object, wanted: list[int], folder: Path) -> None:
    """Fails where another program says otherwise."""
    if name == "command line":
        answer = [int(line.split("\t")[1]) for line in (folder / "answers").read_text().splitlines()]
    elif column.exact:
        answer = [1 if is_in else 5 for is_in in answer.to_pylist()]  # type: ignore[attr-defined]
        wanted = wanted[: len(answer)]
    else:
        answer = answer.to_pylist()  # type: ignore[attr-defined]
    differ = [(value, one, two) for value, one, two in zip(column.values, answer, wanted, strict=False) if one != two]
    assert len(answer) == len(wanted) and not differ, f"{column.kind}, {name}: {differ[:5]}"


def _timed(act: Answer) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def compare(column: Column, folder: Path) -> None:
    snapshot = rapsheet.Snapshot(column.snapshot)

    def ours() -> object:
        return snapshot.score(column.array, at=lists.NOW)

    wanted = _statuses(ours())
    hits = sum(status == 1 for status in wanted) / len(wanted)
    print(f"\n{column.kind}{', exact' if column.exact else ''}: {len(column.entries):,} entries, {VALUES:,} values, {hits:.0%} listed")
    programs = others(column, folder)
    for name, act in programs.items():
        check(column, name, act(), wanted, folder)
    times: dict[str, list[float]] = {name: [] for name in ("score", *programs)}
    for _ in range(PAIRS):
        for name, act in {"score": ours, **programs}.items():
            times[name].append(_timed(act))
    report(times)


def report(times: dict[str, list[float]]) -> None:
    if "is_in, table alone" in times:
        # A table that is made once for many batches would cost nothing.
        pairs = zip(times["is_in, with its table"], times["is_in, table alone"], strict=True)
        times = {"score": times["score"], "is_in": [max(whole - table, 0) for whole, table in pairs], **times}
    for name, taken in times.items():
        ratios = sorted(one / own for one, own in zip(taken, times["score"], strict=True))
        low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
        rate = VALUES / statistics.median(taken) / 1e6 if statistics.median(taken) else float("inf")
        print(f"  {name:24} {rate:8.2f} M values/s   {statistics.median(ratios):6.2f} times the time of score ({low:.2f} to {high:.2f})")


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as name:
        for exact in (False, True):
            for kind in LISTS:
                compare(Column(kind, exact, Path(name)), Path(name))


if __name__ == "__main__":
    main()
