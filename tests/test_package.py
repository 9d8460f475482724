"""The installed package: complete, and independent of the checkout. And the names of test files."""

import ast
import email
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest
from shared import ROOT

import lottery_tf as lt

PACKAGES = ("lottery_tf", "runs", "analysis")
NOT_INSTALLED = ("measured", "notebook", "__pycache__")  # these stay beside the code, as pages (.md) do
LATE = {"keras", "ray", "tensorflow", "tensorflow_datasets"}  # slow to import, or an extra
BEHAVIOURS = {  # test files that are not of one module: what they test
    "analysis/figures/test_landscape_figures.py": "every figure of the landscape, on the same measurements",
    "analysis/results/test_exported_files.py": "results through exported files",
    "analysis/test_measured_landscape.py": "what the page of results says of the error landscape",
    "masking/test_backends.py": "masks on other backends than TensorFlow",
    "masking/test_compaction_graphs.py": "all rules of compaction together, on whole architectures",
    "masking/test_unregistered_classes.py": "classes that Keras does not know, through copies, files and learned masks",
    "results/test_malformed_files.py": "mutated files, by all that reads them",
    "runs/test_precision_command.py": "half precision from the command line to the tables",
    "runs/test_refused_studies.py": "what a study refuses, from the command line",
    "test_adding.py": "the paragraphs on adding something",
    "test_layer_table.py": "the page of layers",
    "test_own_models.py": "unusual models, through a whole training",
    "test_package.py": "the package as a whole",
    "test_readme.py": "the pages of documentation",
    "test_values.py": "values that trainers, experiments and learners refuse",
    "tickets/test_kinds_of_models.py": "models of every kind, packed and rebuilt",
    "tickets/test_rebuilding_elsewhere.py": "tickets of another process and of an earlier release",
    "tickets/test_refused_packing.py": "what is not packed, and tickets that are not rebuilt",
    "training/test_lookup_layers.py": "vocabularies, through copies, compaction and trainings",
}
UNTESTED = {  # modules with code that have no test file
    "runs/conftest.py": "it only chooses the modules whose doctests pytest collects",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the sources."""
    folder = tmp_path_factory.mktemp("package")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns(*NOT_INSTALLED))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}", folder / "source"]
    subprocess.run(build, check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel):
    """A folder with the unpacked wheel."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "installed")
    return wheel.parent / "installed"


def without_own_path():
    """The environment without PYTHONPATH."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def console_command(wheel):
    """`lottery-tf` of a virtual environment that the wheel was installed in; what it depends on is found elsewhere."""
    environment = wheel.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, env=without_own_path())  # on such a path pip finds the packages, and installs none
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin" / "lottery-tf"


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
        "-c", "import lottery_tf, lottery_tf.command_line.console, analysis.results; print(analysis.results.__file__)"
    )
    run("-m", "analysis.report", f"--results_dir={ROOT / 'analysis/measured'}", "--out=report")
    assert "Table 1" in (tmp_path / "report" / "index.html").read_text()


@pytest.fixture
def project(tmp_path):
    """A user's project, with packages of its own called as those of the commands, and a criterion of its own."""
    for name in ("runs", "analysis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not this one')")
    (tmp_path / "own.py").write_text("def mine(w_i, w_f):\n    return abs(w_f - 1)\n")
    return tmp_path


def test_the_console_command_works_in_a_project_with_packages_of_the_same_names(console_command, project):
    def run(*words, **more):
        environment = without_own_path() | more
        done = subprocess.run([console_command, *words], cwd=project, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Workers of a study are processes of their own, which have to find the same packages, and the user's criterion.
    printed = run("study", "--study=demo", "--seeds=0", "--levels=1", "--schedule=20", "--criterion=own:mine")
    assert "own+mine-rewind-zero" in printed and "lottery-tf report --results_dir=results" in printed
    metrics = json.loads(
        (project / "results/fc-digits/20/seed-0/own+mine-rewind-zero/level-01/metrics.json").read_text()
    )
    assert metrics["made_by"]["command"].startswith("lottery-tf study --study=demo --seeds=0")
    assert "large_final" in run("tables", "--table=figure3", PYTHONPATH=str(project))


def test_the_console_command_says_what_there_is(console_command, project):
    def run(*words):
        return subprocess.run([console_command, *words], cwd=project, capture_output=True, text=True)

    printed = run().stdout
    assert "lottery-tf figures" in printed and "Draws figures" in printed and printed == run("--help").stdout
    assert run("--version").stdout == f"{lt.__version__}\n"
    assert "lottery-tf lottery --rounds=oneshot" in run("lottery", "--help").stdout
    wrong = run("figure")
    assert wrong.returncode == 2 and "Unknown command 'figure'; did you mean 'figures'?" in wrong.stderr


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
    modules = {path.stem for path in (ROOT / "lottery_tf").iterdir()}
    assert not modules & set(dir(lt)), "a module would take the place of the name once it is imported"
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = lt.nothing_of_the_kind


@pytest.mark.slow
def test_the_bare_import_loads_no_heavy_library():
    code = "import sys, lottery_tf; print(*({'tensorflow', 'keras', 'numpy', 'pandas', 'matplotlib'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "\n"


def test_every_test_file_has_the_name_of_a_module_or_tests_a_behaviour():
    """`ROOM/x.py` or the folder `ROOM/x` is tested in `tests/ROOM/test_x.py`, or in `test_ROOM_x.py`."""
    files = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    assert len({file.name for file in files}) == len(files), "pytest imports test files by their names alone"
    others = set()
    for file in files:
        room = ROOT / file.parent if file.parts[0] in PACKAGES else ROOT / "lottery_tf" / file.parent
        name = file.stem.removeprefix("test_")
        modules = [room / name, room / name.removeprefix(f"{room.name}_")]
        if name != room.name and not any(path.is_dir() or path.with_suffix(".py").is_file() for path in modules):
            others.add(file.as_posix())
    assert others == set(BEHAVIOURS)


def has_code(path):
    """Whether a module defines a function or a class or runs as a command; others are data or hold others' names."""
    return any(
        is_function(node) or isinstance(node, ast.ClassDef) or ast.unparse(node).startswith("if __name__ == '__main__'")
        for node in ast.parse(path.read_text()).body
    )


def test_every_module_with_code_has_a_test_file():
    """Of the names above; `__init__` and `__main__` are tested in that of their folder, beside or in the folder."""
    without = set()
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*.py") if has_code(path)):
        module = path.parent if path.stem in ("__init__", "__main__") else path.with_suffix("")
        tested = ROOT / "tests" / str(module.relative_to(ROOT)).removeprefix("lottery_tf/")
        name, room = module.name, module.parent.name
        files = (
            tested.parent / f"test_{name}.py",
            tested.parent / f"test_{room}_{name}.py",
            tested / f"test_{name}.py",
        )
        if not any(file.is_file() for file in files):
            without.add(path.relative_to(ROOT).as_posix())
    assert without == set(UNTESTED)


@pytest.mark.parametrize("room", ["datasets", "landscape", "masking", "results", "studies", "training"])
def test_the_map_of_a_package_has_all_its_modules(room):
    folder = ROOT / "lottery_tf" / room
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    entries = re.findall(r"^  ((?:\w+)(?:, \w+)*)(?:  |$)", (folder / "__init__.py").read_text(), flags=re.M)
    mapped = {name for names in entries for name in names.split(", ")}
    assert mapped == modules - {"__init__"} - ({"measurements"} if room == "landscape" else set())


def is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def within(node, enters):
    """The nodes below one, without those below nodes that `enters` refuses."""
    for child in ast.iter_child_nodes(node):
        yield child
        if enters(child):
            yield from within(child, enters)


def imported(nodes, modules):
    """The modules that import statements name: `from package import a, b` names modules, or names of one module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in modules else node.module


def runs_at_import(node):
    return not is_function(node) and not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")


def with_packages(module):
    parts = module.split(".")
    return {".".join(parts[: count + 1]) for count in range(len(parts))}


def imports_in_functions(modules):
    """Every import in a function, as "module: imported module", that neither is nor leads to one of `LATE`."""
    before = {
        name: {each for module in imported(within(tree, runs_at_import), modules) for each in with_packages(module)}
        for name, tree in modules.items()
    }
    late, found = set(), set(LATE)
    while found:  # modules that import those found so far, when they are imported
        late |= found
        found = {name for name in modules if (before[name] | with_packages(name)) & late} - late
    functions = ((name, node) for name, tree in modules.items() for node in ast.walk(tree) if is_function(node))
    return {
        f"{name}: {module}"
        for name, function in functions
        for module in imported(ast.walk(function), modules)
        if not with_packages(module) & late
    }


def test_only_tensorflow_ray_and_what_imports_them_are_imported_in_functions():
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    modules = {name: ast.parse(path.read_text()) for name, path in zip(names, paths, strict=True)}
    assert imports_in_functions(modules) == set()


def test_imports_in_functions_are_found():
    modules = {
        "a": "def f():\n import json, keras\n from a.b import late, light\n from a.b.late import g\n import a.heavy",
        "a.b": "",
        "a.b.late": "class C:\n from tensorflow import y",
        "a.b.light": "import numpy\nif TYPE_CHECKING:\n import keras\ndef g():\n import keras",
        "a.heavy": "from a.b import late",
    }
    found = imports_in_functions({name: ast.parse(source) for name, source in modules.items()})
    assert found == {"a: json", "a: a.b.light"}
