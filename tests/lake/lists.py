"""Lists and a snapshot of them, for the tests of engines, of Spark, and for the benchmark.

Without RAPSHEET_CORPUS the lists are made up from a fixed seed; with it, they are those of its folder
`feeds/scale`. Each list has its own time of download and its own retention, so that answers depend on the
instant.
"""

import gzip
import json
import os
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: The present of the tests.
NOW = "2026-11-23T00:00:00Z"
#: Instants at which different lists are live, one before all and one after all.
INSTANTS = [
    "2026-09-01T00:00:00Z",
    "2026-10-10T06:30:00Z",
    "2026-10-25T00:00:00Z",
    "2026-11-09T23:59:59Z",
    "2026-11-18T12:00:00Z",
    "2026-11-22T01:02:03Z",
    NOW,
    # All lists are too old by then.
    "2027-02-01T00:00:00Z",
]


@dataclass(frozen=True)
class Feed:
    """One list: where it is, and how the catalogue describes it."""

    name: str
    format: str
    kind: str
    assessment: str
    fetched_at: str
    retention: str
    #: The name of the file in the corpus; how many lines are made up without it.
    file: str
    made_up: int
    #: Further lines of the catalogue.
    extra: str = 'list = "block"\n'


ALLOW = 'list = "allow"\n'
EXACT = 'list = "block"\nscope = "exact"\n'
FEEDS = [
    Feed(
        "scanners", "plain-ip", "address", "scanner", "2026-11-21T00:00:00Z", "15d", "ip.sekio.txt.gz", 40_000
    ),
    Feed(
        "brute",
        "plain-ip",
        "address",
        "bruteforce",
        "2026-10-08T00:00:00Z",
        "60d",
        "ip.blocklist.de-all.txt.gz",
        20_000,
    ),
    Feed(
        "inbound",
        "plain-ip",
        "network",
        "spam",
        "2026-11-05T00:00:00Z",
        "25d",
        "net.bitwire.inbound-networks.txt.gz",
        5_000,
    ),
    Feed(
        "six",
        "plain-ip",
        "six",
        "botnet",
        "2026-11-22T00:00:00Z",
        "15d",
        "net.bitwire.inbound-ipv6.txt.gz",
        2_000,
    ),
    Feed(
        "trusted",
        "plain-ip",
        "address",
        "trustworthy",
        "2026-10-20T00:00:00Z",
        "40d",
        "ip.nxdomain.no.txt.gz",
        500,
        ALLOW,
    ),
    Feed(
        "gambling",
        "plain-domain",
        "name",
        "suspicious",
        "2026-11-20T00:00:00Z",
        "15d",
        "ut1.gambling-domains.gz",
        30_000,
    ),
    Feed(
        "phish",
        "plain-domain",
        "name",
        "phishing",
        "2026-10-22T00:00:00Z",
        "40d",
        "blp.alt-version-phishing-nl.txt.gz",
        20_000,
        EXACT,
    ),
    Feed(
        "trails",
        "maltrail",
        "name",
        "malware",
        "2026-11-15T00:00:00Z",
        "15d",
        "maltrail.malware.txt.gz",
        100_000,
    ),
    Feed(
        "phish-urls",
        "url-list",
        "url",
        "phishing",
        "2026-11-21T12:00:00Z",
        "15d",
        "ut1.phishing-urls.gz",
        10_000,
    ),
    Feed(
        "malware-urls",
        "url-list",
        "url",
        "malware",
        "2026-10-05T00:00:00Z",
        "90d",
        "ut1.malware-urls.gz",
        10_000,
    ),
]


def corpus() -> Path | None:
    """The folder of real lists, where there is one."""
    folder = os.environ.get("RAPSHEET_CORPUS")
    return Path(folder) / "feeds" / "scale" if folder else None


def program() -> str:
    """The command line, which is what every engine is compared with."""
    return str(Path(os.environ.get("RAPSHEET", "target/release/rapsheet")).absolute())


class Words:
    """What lists are made up of, from a fixed seed."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def octets(self, count: int) -> str:
        return ".".join(str(self.random.randrange(1, 224 if nth == 0 else 255)) for nth in range(count))

    def label(self) -> str:
        return (
            self.random.choice("bcdfglmnprst")
            + self.random.choice("aeiou")
            + format(self.random.randrange(16**6), "x")
        )

    def address(self) -> str:
        return self.octets(4)

    def network(self) -> str:
        return f"{self.octets(3)}.0/24"

    def six(self) -> str:
        return f"2a0d:{self.random.randrange(65536):x}::{self.random.randrange(1, 65536):x}"

    def name(self) -> str:
        labels = [self.label() for _ in range(self.random.randrange(1, 3))]
        return ".".join([*labels, self.random.choice(["com", "net", "org"])])

    def url(self) -> str:
        return f"{self.name()}/{self.label()}/{self.label()}.php"


def lines(feed: Feed) -> list[str]:
    """What the list says, without comments."""
    folder = corpus()
    if folder is None:
        made_up = Words(feed.name)
        return [getattr(made_up, feed.kind)() for _ in range(feed.made_up)]
    with gzip.open(folder / feed.file, "rt", encoding="utf-8", errors="replace") as file:
        texts = (line.strip() for line in file)
        return [text for text in texts if text and text[0] not in "#!;/"]


def _catalog(feeds: list[Feed], suffix: str) -> str:
    tables = []
    for feed in feeds:
        tables.append(
            f'[[feed]]\nid = "{feed.name}"\nprovider = "{feed.name}.example"\nfile = "{feed.name}{suffix}"\n'
            f'format = "{feed.format}"\n{feed.extra}assessment = ["{feed.assessment}"]\n'
            f'retention = "{feed.retention}"\nmax_age = "45d"\nlicence = "for tests"\n'
        )
    # Real lists and made-up ones alike may hold what an operator would look at first.
    return '[guard]\nrejects_above = "100%"\n' + "\n".join(tables)


def build(
    folder: Path, out: Path, feeds: list[Feed] = FEEDS, read: Callable[[Feed], list[str]] = lines
) -> Path:
    """Builds a snapshot of the lists at `out`. `folder` takes the downloads, `read` gives their lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for feed in feeds:
        (folder / f"{feed.name}.txt").write_text("\n".join(read(feed)) + "\n", encoding="utf-8")
        note = {"fetched_at": feed.fetched_at}
        (folder / f"{feed.name}.txt.meta.json").write_text(json.dumps(note))
    catalog = folder / "catalog.toml"
    catalog.write_text(_catalog(feeds, ".txt"))
    command = [program(), "build", "--catalog", catalog, "--downloads", folder, "--out", out]
    built = subprocess.run([*command, "--previous", "none", "--now", NOW], capture_output=True, text=True)
    # Exit code 3: published, and a real list was held or is stale.
    assert built.returncode in (0, 3), built.stderr
    return out
