"""What the documents say is run, and the types are what they claim."""

import ast
import doctest
import inspect
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import rapsheet
from conftest import NOW, PROGRAM, ROOT

OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
CRATE = ROOT / "crates" / "python"


@pytest.fixture(autouse=True)
def beside_the_sample(sample_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample_path.parent)


def docs() -> list[tuple[str, str]]:
    """The docs of the package, its classes and their methods."""
    found = [("rapsheet", rapsheet.__doc__ or "")]
    for name in rapsheet.__all__:
        item = getattr(rapsheet, name)
        if inspect.isclass(item):
            found.append((name, item.__doc__ or ""))
            found += [(f"{name}.{member}", getattr(item, member).__doc__ or "") for member in vars(item) if member[0] != "_"]
    return found


def test_all_that_is_public_has_a_doc() -> None:
    assert [name for name, doc in docs() if not doc.strip()] == []


def test_examples_in_docs() -> None:
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=OPTIONS)
    for name, doc in docs():
        runner.run(parser.get_doctest(inspect.cleandoc(doc), {}, name, None, 0))
    assert runner.failures == 0 and runner.tries > 15


def test_the_readme_builds_its_sample(tmp_path: Path, sample: rapsheet.Snapshot) -> None:
    recipe = (CRATE / "README.md").read_text().split("These lines of a shell build it:\n\n```sh\n")[1].split("```")[0]
    (tmp_path / "rapsheet").symlink_to(PROGRAM)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-ec", recipe], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    built = rapsheet.Snapshot(tmp_path / "sample.rap")
    assert built.feeds(NOW) == sample.feeds(NOW)
    for value in ("192.0.2.7", "hxxp://www.evilpanel[.]com/gate.php", "www.example"):
        assert built.lookup(value, NOW).to_dict() == sample.lookup(value, NOW).to_dict()


def test_examples_in_the_readme() -> None:
    failed, tried = doctest.testfile(str(CRATE / "README.md"), module_relative=False, optionflags=OPTIONS)
    assert failed == 0 and tried >= 15


USE = '''
from collections.abc import Sequence
import pyarrow as pa
import rapsheet

def use(snapshot: rapsheet.Snapshot, names: Sequence[str]) -> int:
    verdict = snapshot.lookup(names[0], at="2026-08-23T00:00:00Z")
    days: list[float] = [(verdict.at - source.first_seen).total_seconds() / 86400 for source in verdict.sources]
    scores: rapsheet.Scores = snapshot.score(ARRAY)
    chunked: rapsheet.ChunkedScores = snapshot.score(CHUNKED)
    answers: list[rapsheet.Verdict] = snapshot.lookup_many(names)
    for answer in snapshot.lookup_many(["a", None], errors="return"):
        if isinstance(answer, rapsheet.IndicatorError):
            print(answer.reason)
    with rapsheet.Snapshot("x.rap", follow=True) as other:
        hits: list[str] = [hit.indicator for hit in other.scan(b"x")]
    return len(scores) + len(chunked) + verdict.detected_by + len(days) + len(hits) + len(answers)

class Array:
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...
class Stream:
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
ARRAY, CHUNKED = Array(), Stream()
'''


def mypy(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "use.py"
    path.write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "--ignore-missing-imports",
               "--disable-error-code", "empty-body", str(path)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def test_types(tmp_path: Path) -> None:
    right = mypy(USE.replace("import pyarrow as pa\n", ""), tmp_path)
    assert right.returncode == 0, right.stdout
    for wrong in ("snapshot.lookup(7)", "snapshot.score(names)", "snapshot.nothing()", "names.append(snapshot.info())"):
        found = mypy(USE.replace("import pyarrow as pa\n", "").replace("    return", f"    {wrong}\n    return"), tmp_path)
        assert found.returncode == 1 and "use.py" in found.stdout, wrong


def test_the_stub_has_what_the_module_has() -> None:
    """Each class and method of the module, with the names of its parameters, is in the stub, and the reverse."""
    stub = ast.parse((CRATE / "python" / "rapsheet" / "_rapsheet.pyi").read_text())
    for declared in (node for node in stub.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"):
        item = getattr(rapsheet, declared.name)
        methods = {node.name: node for node in declared.body if isinstance(node, ast.FunctionDef)}
        own = {name for name in vars(item) if name[0] != "_"}
        assert own == {name for name in methods if name[0] != "_"}, declared.name
        for name in own & {name for name, node in methods.items() if not node.decorator_list}:
            parameters = [one.arg for one in methods[name].args.args + methods[name].args.kwonlyargs]
            assert list(inspect.signature(getattr(item, name)).parameters) == parameters, name


def test_the_wheel() -> None:
    project = tomllib.loads((CRATE / "pyproject.toml").read_text())["project"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert metadata.version("rapsheet") == rapsheet.__version__ == version
    found = metadata.metadata("rapsheet")
    assert found["Requires-Python"] == project["requires-python"] and found["Summary"] == project["description"]
    assert "60 seconds" in str(found.get_payload())
    files = {str(file) for file in metadata.files("rapsheet") or []}
    assert {"rapsheet/py.typed", "rapsheet/_rapsheet.pyi", "rapsheet/_rapsheet.abi3.so"} <= files
    assert metadata.requires("rapsheet") is None, "no dependency"
    imported = subprocess.run([sys.executable, "-c", "import rapsheet, sys; print('pyarrow' in sys.modules)"],
                              capture_output=True, text=True)
    assert imported.stdout.strip() == "False"
