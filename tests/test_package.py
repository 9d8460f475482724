"""The package as it is installed: everything in it, and nothing of the checkout needed."""

import ast
import email
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

import lottery_tf as lt

PACKAGES = ("lottery_tf", "runs", "analysis")
NOT_INSTALLED = ("measured", "__pycache__")  # results stay beside the code, as pages (.md) do


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the unpacked wheel of a copy of the sources."""
    folder = tmp_path_factory.mktemp("package")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns(*NOT_INSTALLED))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}", folder / "source"]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_every_file_is_in_the_wheel(installed):
    written = {
        path.relative_to(ROOT)
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix != ".md" and not {*NOT_INSTALLED} & {*path.parts}
    }
    packed = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    assert written == {path for path in packed if path.parts[0] in PACKAGES}


def test_it_works_outside_the_checkout(installed, tmp_path):
    def run(*arguments):
        environment = os.environ | {"PYTHONPATH": str(installed)}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert str(installed) in run(
        "-c", "import lottery_tf, lottery_tf.console, analysis.results; print(analysis.results.__file__)"
    )
    run("-m", "analysis.report", f"--results_dir={ROOT / 'analysis/measured'}", "--out=report")
    assert "Table 1" in (tmp_path / "report" / "index.html").read_text()


def test_the_version_is_that_of_the_wheel(installed):
    (metadata,) = installed.glob("lottery_tf-*.dist-info/METADATA")
    assert email.message_from_string(metadata.read_text())["Version"] == lt.__version__
    assert (installed / "lottery_tf" / "py.typed").exists()


def test_every_public_name_is_there_and_in_the_stub():
    """A type checker takes a name from a stub only where it is imported as itself (PEP 484)."""
    stub = ast.parse((ROOT / "lottery_tf" / "__init__.pyi").read_text())
    imported = [alias for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.asname == alias.name for alias in imported)
    assert dir(lt) == sorted(alias.name for alias in imported)
    for name in dir(lt):
        assert getattr(lt, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = lt.nothing_of_the_kind


@pytest.mark.slow
def test_the_bare_import_loads_no_heavy_library():
    told = "import sys, lottery_tf; print(*({'tensorflow', 'keras', 'numpy', 'pandas', 'matplotlib'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "\n"
