"""A cluster on this machine: Spark's own master and two workers on loopback, from the package pyspark.

Whatever ends the process that started them ends them, too: the kernel kills them with it.
"""

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_START_SECONDS = 120


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _start(folder: Path, name: str, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
    home = Path(pyspark.__file__).parent
    log = folder / f"{name}.log"
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }
    environment |= {"SPARK_MASTER_OPTS": "-Dspark.worker.timeout=600"}
    with log.open("wb") as out:
        daemon = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, preexec_fn=_die_with_parent,
        )  # fmt: skip
    return daemon, log


def _await(daemon: subprocess.Popen[bytes], log: Path, line: str) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not re.search(line, log.read_text(errors="replace")):
        assert daemon.poll() is None and time.monotonic() < ends, (
            f"{log}: {log.read_text(errors='replace')[-2000:]}"
        )
        time.sleep(0.1)


@contextmanager
def cluster(folder: Path, cores: int = 2) -> Iterator[str]:
    """Yields the URL of a master with two workers of so many cores each."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"spark://127.0.0.1:{(port := _free_port())}"
    deploy = "org.apache.spark.deploy"
    daemons = []
    try:
        loopback = ["--host", "127.0.0.1", "--webui-port", "0"]
        master = _start(folder, "master", f"{deploy}.master.Master", *loopback, "--port", str(port))
        daemons.append(master)
        _await(*master, "I have been elected leader")
        for nth in range(2):
            arguments = [*loopback, "-c", str(cores), "-m", "1g", "-d", str(folder / f"worker-{nth}"), url]
            daemons.append(_start(folder, f"worker-{nth}", f"{deploy}.worker.Worker", *arguments))
        for worker in daemons[1:]:
            _await(*worker, "Successfully registered with master")
        yield url
    finally:
        for daemon, _ in reversed(daemons):
            daemon.terminate()
        for daemon, _ in daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def descendants(root: int) -> dict[int, str]:
    """The processes below one, with their command lines."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found: dict[int, str] = {}
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root and pid != root:
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def executors() -> list[int]:
    """The executors of this process's cluster."""
    return sorted(
        pid for pid, line in descendants(os.getpid()).items() if "CoarseGrainedExecutorBackend" in line
    )


def python_workers() -> list[int]:
    """The processes of those executors that run Python functions: each is a child of a daemon."""
    daemons = [
        pid
        for executor in executors()
        for pid, line in descendants(executor).items()
        if "pyspark.daemon" in line
    ]
    return sorted(worker for worker in daemons if not any(line for line in descendants(worker).values()))


if __name__ == "__main__":
    with cluster(Path(sys.argv[1])) as url:
        print(url, flush=True)
        time.sleep(float(sys.argv[2]))
