"""What the tests share: snapshots that the command line builds, and its answers.

The program is the one of the environment variable RAPSHEET, else that of `cargo build --release`.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import rapsheet

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("RAPSHEET", "target/release/rapsheet"))
PROGRAM = PROGRAM if PROGRAM.is_absolute() else ROOT / PROGRAM
#: The instant of all look-ups, where a test names no other.
NOW = "2026-08-23T12:00:00Z"
#: The instant of the build of the samples of feeds.
SAMPLES_NOW = "2026-11-23T00:00:00Z"

CATALOG = """
[[feed]]
id = "addresses"
provider = "addresses.example"
title = "Addresses"
url = "https://addresses.example/list.txt"
file = "addresses.txt"
format = "plain-ip"
list = "block"
mode = "reset"
assessment = ["scanner"]
guard = { allow_bogons = true }

[[feed]]
id = "names"
provider = "names.example"
title = "Names"
url = "https://names.example/list.txt"
file = "names.txt"
format = "plain-domain"
scope = "tree"
list = "block"
mode = "reset"
assessment = ["phishing"]
"""


def run(*arguments: object, stdin: bytes | None = None, codes: tuple[int, ...] = (0,)) -> bytes:
    """Runs the program. Returns what it printed."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True)
    assert done.returncode in codes, done.stderr.decode()
    return done.stdout


def publish(folder: Path, addresses: str, names: str) -> Path:
    """Builds a snapshot of two lists, in place of the one that is in the folder."""
    (folder / "catalog.toml").write_text(CATALOG)
    for file, text in (("addresses.txt", addresses), ("names.txt", names)):
        (folder / file).write_text(text)
        meta = {"fetched_at": "2026-08-23T00:00:00Z"}
        (folder / f"{file}.meta.json").write_text(json.dumps(meta))
    path = folder / "sample.rap"
    run("build", "--catalog", folder / "catalog.toml", "--downloads", folder, "--out", path, "--previous", "none",
        "--now", "2026-08-23T06:00:00Z")
    return path


@pytest.fixture(scope="session")
def sample_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("sample"), "192.0.2.0/24\n", "evilpanel.com\n")


@pytest.fixture(scope="session")
def sample(sample_path: Path) -> rapsheet.Snapshot:
    return rapsheet.Snapshot(sample_path)


@pytest.fixture(scope="session")
def samples_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot of `make demo`: a sample of each format, many providers, scopes, instants and states."""
    path = tmp_path_factory.mktemp("samples") / "samples.rap"
    feeds = ROOT / "feeds" / "samples"
    run("build", "--catalog", feeds / "catalog.toml", "--downloads", feeds, "--out", path, "--previous", "none",
        "--now", SAMPLES_NOW, codes=(0, 3))
    return path


@pytest.fixture(scope="session")
def samples(samples_path: Path) -> rapsheet.Snapshot:
    return rapsheet.Snapshot(samples_path)


@pytest.fixture(scope="session")
def values() -> list[str]:
    """Values that the samples list, that they do not list, and that are nothing."""
    words: set[str] = set()
    for file in filter(Path.is_file, sorted((ROOT / "feeds" / "samples").iterdir())):
        text = file.read_bytes().decode("utf-8", "replace")
        for separator in ",;|\t\"'<>()=":
            text = text.replace(separator, " ")
        words.update(word for word in text.split()[:4000] if "." in word or ":" in word)
    own = sorted(words)
    spelled = [spell(word) for word in own for spell in (
        str.upper, "www.{}".format, "http://{}/index.html".format, "{}:443".format, "0{}".format,
        lambda word: word.replace(".", "[.]"),
    )]
    others = ["", " ", ".", "010.0.0.1", "localhost", "::", "2001:db8::1", "192.0.2.0/24", "0.0.0.0/0", "1.2.3.4-1.2.3.9",
              "a" * 300, "x" * (64 << 10), "x" * ((64 << 10) + 1), "e\u0301vil.example", "\u2603.example", "a\x01b.example",
              "evilpanel.com\x00", "[2001:db8::1]:80", "hxxp://evilpanel[.]com/a", "1.2.3.4/33", "-.com", "_.example"]
    return own + spelled + others
