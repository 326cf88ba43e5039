"""Rows of events, and what the command line says of them: the oracle of every engine.

A third of the rows is listed as it stands, a third is near a listed entry (a name below it, an address of
its network, another path, another spelling), and the rest is not listed, is no indicator, or is null.
"""

import itertools
import random
import subprocess
from pathlib import Path

import lists
import pyarrow as pa
import pyarrow.compute as pc

#: What is no indicator, but a line of its own for the command line.
HOSTILE = [
    "1.2",
    "010.0.0.1",
    "-",
    "a b",
    "http://",
    "..",
    "1.2.3.4.5",
    "ü" * 80,
    "x" * 300,
    "::g",
    "%00",
    "\\x00",
    "NULL",
]


def _near(kind: str, text: str, words: random.Random) -> str:
    """A value that has to do with an entry, and is listed or not."""
    if kind in ("address", "network"):
        head = text.split("/")[0]
        variants = [
            head,
            head + ":443",
            head.replace(".", "[.]"),
            head.rsplit(".", 1)[0] + f".{words.randrange(256)}",
        ]
    elif kind == "six":
        variants = [
            text.split("/")[0].upper(),
            f"[{text.split('/')[0]}]:8443",
            text.split("::")[0] + f"::{words.randrange(65536):x}",
        ]
    elif kind == "name":
        variants = [
            "www." + text,
            text.upper(),
            text + ".",
            "x" + text,
            text.split(".", 1)[-1],
            f"http://{text}/index.html",
        ]
    else:
        variants = [f"hxxp://{text}", f"https://{text}", f"http://{text}?q=1", text.split("/")[0]]
    return words.choice(variants)


def _listed(kind: str, text: str) -> str:
    return f"http://{text}" if kind == "url" else text


def _values(count: int) -> list[str | None]:
    words = random.Random("rows")
    pools = []
    for feed in lists.FEEDS:
        texts = [text.split(" ")[0].split("\t")[0] for text in lists.lines(feed)]
        texts = [text.removeprefix("http://").removeprefix("https://") for text in texts if text.strip(".")]
        pools.append((feed.kind, words.sample(texts, min(len(texts), count))))
    other = lists.Words("rows")
    makers = [other.address, other.six, other.name, lambda: "http://" + other.url()]
    values: list[str | None] = []
    for nth in range(count):
        kind, texts = pools[nth % len(pools)]
        text, draw = words.choice(texts), words.random()
        if draw < 0.33:
            values.append(_listed(kind, text))
        elif draw < 0.66:
            values.append(_near(kind, text, words))
        elif draw < 0.96:
            values.append(words.choice(makers)())
        else:
            values.append(words.choice([*HOSTILE, None, None]))
    words.shuffle(values)
    return values


def events(count: int) -> pa.Table:
    """The rows: a number, an indicator, and an instant of `lists.INSTANTS`."""
    instants = pa.array(list(itertools.islice(itertools.cycle(lists.INSTANTS), count))).cast(
        pa.timestamp("us", "UTC")
    )
    return pa.table(
        {"row": pa.array(range(count), pa.int64()), "indicator": pa.array(_values(count)), "seen": instants}
    )


def _lookup(snapshot: Path, texts: list[str], at: str) -> list[list[str]]:
    command = [
        lists.program(),
        "lookup",
        "--snapshot",
        snapshot,
        "--now",
        lists.NOW,
        "--at",
        at,
        "--output",
        "tsv",
        "-",
    ]
    asked = subprocess.run(command, input="\n".join(texts) + "\n", capture_output=True, text=True)
    # Exit code 2: some value is no indicator, and all others were answered.
    assert asked.returncode in (0, 2), asked.stderr
    answers = [line.split("\t") for line in asked.stdout.split("\n")[:-1]]
    assert [answer[0] for answer in answers] == texts
    return answers


def expected(snapshot: Path, table: pa.Table, at: str | None = None) -> pa.Table:
    """What the command line answers, each row at its own instant, or all at one."""
    rows: list[tuple[int | None, int | None, str | None, str | None]] = [
        (None, None, None, None)
    ] * table.num_rows
    indicators = table["indicator"].to_pylist()
    for instant in [at] if at else lists.INSTANTS:
        chosen = (
            range(len(rows)) if at else range(lists.INSTANTS.index(instant), len(rows), len(lists.INSTANTS))
        )
        asked = [row for row in chosen if indicators[row] is not None]
        for row, answer in zip(
            asked, _lookup(snapshot, [indicators[row] for row in asked], instant), strict=True
        ):
            if answer[1].isdigit():
                rows[row] = (int(answer[1]), int(answer[2]), answer[3], answer[4])
    status, detected_by, assessments, providers = zip(*rows, strict=True)
    return pa.table(
        {
            "status": pa.array(status, pa.int32()),
            "detected_by": pa.array(detected_by, pa.int32()),
            "assessments": pa.array(assessments, pa.string()),
            "providers": pa.array(providers, pa.string()),
        }
    )


def flat(answers: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The answers of an engine, as the command line writes them."""
    if isinstance(answers, pa.ChunkedArray):
        answers = answers.combine_chunks()

    def joined(name: str) -> pa.Array:
        return pc.binary_join(pc.struct_field(answers, name).cast(pa.list_(pa.string())), ",")

    return pa.table(
        {
            "status": pc.struct_field(answers, "status").cast(pa.int32()),
            "detected_by": pc.struct_field(answers, "detected_by").cast(pa.int32()),
            "assessments": joined("assessments"),
            "providers": joined("providers"),
        }
    )


def assert_same(found: pa.Table, wanted: pa.Table, table: pa.Table) -> None:
    """Fails with the first rows that differ."""
    for name in wanted.column_names:
        one, other = found[name].combine_chunks(), wanted[name].combine_chunks()
        if not one.equals(other):
            pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
            rows = itertools.islice((row for row, (a, b) in enumerate(pairs) if a != b), 5)
            differ = [
                (table["indicator"][row].as_py(), str(table["seen"][row]), one[row], other[row])
                for row in rows
            ]
            raise AssertionError(f"{name}: {differ}")


def assert_telling(wanted: pa.Table) -> None:
    """Fails where the rows could not show a difference: every status has to occur."""
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(wanted["status"]).to_pylist()}
    least = wanted.num_rows // 200
    assert all(counts.get(status, 0) > least for status in (0, 1, 3, 5, None)), counts
