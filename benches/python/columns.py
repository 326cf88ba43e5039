"""`Snapshot.score` beside what people do today with a column of indicators, on one core, in one run.

For each kind of indicator: distinct, shuffled values, a third of them listed; the answers of all are
compared before anything is timed; the programs take turns, and a ratio is the median of the pairs, with the
10th and the 90th percentile. Time is that of the processor, for the command line that of its process, so
that other work on the machine counts little.

RAPSHEET_BENCH_VALUES is the number of values (300,000), RAPSHEET_BENCH_PAIRS that of pairs (7). With
RAPSHEET_CORPUS the lists are real, else made up from a fixed seed.
"""

import os
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

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
    "name": r"(?:[a-z0-9][a-z0-9-]*\.)+[a-z][a-z0-9-]*",
    "url": r"(?:[a-z0-9][a-z0-9-]*\.)+[a-z][a-z0-9-]*(?:/[A-Za-z0-9_-]+)+(?:\.[a-z0-9]+)?",
}
#: The lists of one kind. Beside `is_in`, what is listed must be whole addresses, names and URLs.
KINDS = {
    "address": ["scanners", "brute"],
    "name": ["gambling", "phish", "trails"],
    "url": ["phish-urls", "malware-urls"],
}

Answer = Callable[[], object]


@cache
def _plain_lines(feed: lists.Feed) -> list[str]:
    plain = re.compile(PLAIN["address" if feed.kind == "network" else feed.kind])
    return sorted({line for line in lists.lines(feed) if plain.fullmatch(line)})


class Column:
    """A snapshot, what it lists, and values of one kind to ask for.

    Where values need not be exactly what is listed, the snapshot has lists of all kinds: the host of a URL
    is looked up, too.
    """

    def __init__(self, kind: str, exact: bool, folder: Path) -> None:
        self.kind, self.exact = kind, exact
        chosen = [
            feed
            for feed in lists.FEEDS
            if feed.name in KINDS[kind] or not exact and feed.name not in ("trusted", "six")
        ]
        block = 'list = "block"\n'
        scope = block + f'scope = "{"exact" if exact else "tree"}"\n'
        feeds = [replace(feed, extra=scope if feed.kind == "name" else block) for feed in chosen]
        self.path = lists.build(
            folder / f"{kind}-{exact}", folder / f"{kind}-{exact}.rap", feeds, _plain_lines
        )
        self.snapshot = rapsheet.Snapshot(self.path)
        #: What is listed, and by which lists, without what the build refused.
        self.entries = self._entries(feeds)
        self.values = self._values()
        self.array = pa.array(self.values)

    def _entries(self, feeds: list[lists.Feed]) -> dict[str, tuple[lists.Feed, ...]]:
        by_text: dict[str, list[lists.Feed]] = {}
        for feed in feeds:
            for text in _plain_lines(feed):
                by_text.setdefault(f"http://{text}" if feed.kind == "url" else text, []).append(feed)
        scores = pa.array(self.snapshot.score(pa.array(list(by_text)), at=lists.NOW))
        matched = scores.field("matched").to_pylist()
        # A URL that is listed for any scheme is written without one.
        return {
            text: tuple(sorted(by_text[text], key=lambda feed: feed.name))
            for text, entry in zip(by_text, matched, strict=True)
            if entry in (text, text.removeprefix("http:"))
            or by_text[text][0].kind == "network"
            and self._has(text)
        }

    def _has(self, network: str) -> bool:
        """Whether a network is listed. It also matches what lies in it, which may be more specific."""
        answer = self.snapshot.lookup(network, at=lists.NOW)
        return any(source.matched == network for source in answer.sources)

    def _values(self) -> list[str]:
        words, draw = lists.Words("benchmark"), random.Random("benchmark")
        make = {"address": words.address, "name": words.name, "url": lambda: "http://" + words.url()}[
            self.kind
        ]
        own = sorted(
            text for text, feeds in self.entries.items() if feeds[0].name in (*KINDS[self.kind], "inbound")
        )
        own = [
            text
            for text in own
            if (feeds := self.entries[text]) and (feeds[0].kind != "network" or self.kind == "address")
        ]
        values = {self._below(text, draw) for text in draw.sample(own, min(VALUES // 3, len(own)))}
        while len(values) < VALUES:
            values.add(make())
        shuffled = sorted(values)
        draw.shuffle(shuffled)
        return shuffled

    def _below(self, text: str, draw: random.Random) -> str:
        if self.kind == "address":
            return text.split("/")[0]
        if self.kind == "name" and not self.exact and draw.random() < 0.5:
            return "www." + text
        return text


class Dictionary:
    """What is broadcast today: dictionaries, and loops over the suffixes of a name and the widths of
    networks."""

    def __init__(self, entries: dict[str, tuple[lists.Feed, ...]]) -> None:
        self.texts = entries
        self.by_width: dict[int, dict[int, str]] = {}
        for text in entries:
            base, slash, width = text.partition("/")
            if slash and width.isdigit():
                self.by_width.setdefault(int(width), {})[_number(base) >> 32 - int(width)] = text
        self.widths = sorted(self.by_width, reverse=True)

    def matches(self, value: str) -> Iterator[str]:
        """The entries that match, the most specific first."""
        if value in self.texts:
            yield value
        host = value
        if value.startswith("http://"):
            host = value[7:].partition("/")[0]
            if host in self.texts:
                yield host
        if host[-1].isdigit():
            number = _number(host)
            for width in self.widths:
                if (text := self.by_width[width].get(number >> 32 - width)) is not None:
                    yield text
            return
        while True:
            _, dot, host = host.partition(".")
            if not dot:
                return
            if host in self.texts:
                yield host

    def statuses(self, values: list[str]) -> pa.Array:
        return pa.array([5 if next(self.matches(value), None) is None else 1 for value in values], pa.uint8())

    def answers(self, values: list[str]) -> pa.Array:
        return pa.array([self._answer(value) for value in values], ANSWER)

    def _answer(self, value: str) -> dict[str, object]:
        matched = list(self.matches(value))
        feeds = {feed.name: feed for text in matched for feed in self.texts[text]}
        return {
            "status": 1 if matched else 5,
            "detected_by": len(feeds),
            "assessments": sorted({feed.assessment for feed in feeds.values()}),
            "providers": sorted(f"{name}.example" for name in feeds),
            "matched": matched[0].removeprefix("http:") if matched else None,
        }


ANSWER = pa.struct(
    [
        ("status", pa.uint8()),
        ("detected_by", pa.uint32()),
        ("assessments", pa.list_(pa.string())),
        ("providers", pa.list_(pa.string())),
        ("matched", pa.string()),
    ]
)


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address))


def _exact(column: Column) -> dict[str, Answer]:
    options = pc.SetLookupOptions(value_set=pa.array(list(column.entries)))
    one = column.array.slice(0, 1)
    return {
        "is_in, with its table": lambda: pc.is_in(column.array, options=options),
        "is_in, table alone": lambda: pc.is_in(one, options=options),
    }


def _trees(column: Column, folder: Path) -> dict[str, Answer]:
    """Readers of addresses, a value at a time."""
    mmdb = folder / "addresses.mmdb"
    export = [lists.program(), "export", "--snapshot", column.path, "--now", lists.NOW, "--output", "mmdb"]
    subprocess.run([*export, "--include-restricted", "--file", mmdb], check=True, capture_output=True)
    reader = maxminddb.open_database(mmdb)
    tree = pytricia.PyTricia(32)
    for text in column.entries:
        if re.fullmatch(PLAIN["address"], text):
            tree[text] = 1
    return {
        "maxminddb": lambda: pa.array(
            [5 if reader.get(value) is None else 1 for value in column.array.to_pylist()]
        ),
        "pytricia": lambda: pa.array([tree.get(value, 5) for value in column.array.to_pylist()]),
    }


def _command_line(column: Column, folder: Path) -> Answer:
    lines = folder / "lines"
    lines.write_text("\n".join(column.values) + "\n")
    lookup = [
        lists.program(),
        "lookup",
        "--snapshot",
        column.path,
        "--now",
        lists.NOW,
        "--threads",
        "1",
        "--output",
        "tsv",
        "-",
    ]

    def act() -> list[list[str]]:
        with lines.open("rb") as questions, (folder / "answers").open("wb") as answers:
            subprocess.run(lookup, check=True, stdin=questions, stdout=answers)
        return []

    return act


def others(column: Column, folder: Path) -> dict[str, Answer]:
    """What is compared."""
    if column.exact:
        return _exact(column)
    dictionary = Dictionary(column.entries)
    return {
        "dictionary, status alone": lambda: dictionary.statuses(column.array.to_pylist()),
        "dictionary, whole answers": lambda: dictionary.answers(column.array.to_pylist()),
        **(_trees(column, folder) if column.kind == "address" else {}),
        "command line": _command_line(column, folder),
    }


def check(column: Column, name: str, answer: Any, wanted: pa.Array, folder: Path) -> None:
    """Fails where another program says otherwise."""
    statuses = wanted.field("status").to_pylist()
    if name == "command line":
        rows = [line.split("\t") for line in (folder / "answers").read_text().splitlines()]
        found, expected = (
            [(int(row[1]), row[4]) for row in rows],
            list(zip(statuses, _joined(wanted), strict=True)),
        )
    elif name == "dictionary, whole answers":
        found = list(
            zip(
                answer.field("status").to_pylist(),
                _joined(answer),
                answer.field("matched").to_pylist(),
                strict=True,
            )
        )
        expected = list(zip(statuses, _joined(wanted), wanted.field("matched").to_pylist(), strict=True))
    elif column.exact:
        found, expected = [1 if is_in else 5 for is_in in answer.to_pylist()], statuses[: len(answer)]
    else:
        found, expected = answer.to_pylist(), statuses
    differ = [
        (value, one, two)
        for value, one, two in zip(column.values, found, expected, strict=False)
        if one != two
    ]
    assert len(found) == len(expected) and not differ, (
        f"{column.kind}, {name}: {len(differ)} differ: {differ[:5]}"
    )


def _joined(answers: pa.Array) -> list[str]:
    return [",".join(providers) for providers in answers.field("providers").to_pylist()]


def _spent() -> float:
    """Seconds of the processor, of this process and of those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _timed(act: Answer) -> float:
    began = _spent()
    act()
    return _spent() - began


def compare(column: Column, folder: Path) -> None:
    def ours() -> object:
        return column.snapshot.score(column.array, at=lists.NOW)

    wanted = pa.array(ours())
    hits = wanted.field("status").to_pylist().count(1) / VALUES
    print(
        f"\n{column.kind}{', exact' if column.exact else ''}: {len(column.entries):,} entries, {VALUES:,} values, {hits:.0%} listed"
    )
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
        print(
            f"  {name:26} {rate:8.2f} M values/s   {statistics.median(ratios):6.2f} times the time of score ({low:.2f} to {high:.2f})"
        )


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as name:
        for exact in (False, True):
            for kind in KINDS:
                compare(Column(kind, exact, Path(name)), Path(name))


if __name__ == "__main__":
    main()
