"""The command `lottery-tf`: which modules it runs, with which words, and what it says of them."""

import re
import sys

import pytest
from shared import ROOT

import lottery_tf as lt
from lottery_tf import __main__ as command
from lottery_tf.__main__ import COMMANDS


def test_every_command_is_one_of_the_console_command():
    """Other names of a command (`runs.connectivity`) are not."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for package in ("runs", "analysis")
        for path in (ROOT / package).rglob("*.py")
        if "console.run(main" in path.read_text()
    }
    assert modules - {"analysis.readme_tables"} == set(COMMANDS.values())


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command in this process; returns what it printed."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["lottery-tf", *words])
        command.main()
        return capsys.readouterr().out

    return run


def test_a_command_is_run_with_the_words_after_its_name(run, tmp_path, monkeypatch):
    (tmp_path / "prints_words.py").write_text("import sys\nif __name__ == '__main__':\n    print(sys.argv[1:])\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "words", "prints_words")
    assert run("words", "--levels=3", "--help") == "['--levels=3', '--help']\n"
    assert run("words") == "[]\n"


def test_every_command_is_listed_with_a_sentence(run):
    listed = dict(re.findall(r"^  lottery-tf (\w+) +(\S.*)$", run(), flags=re.MULTILINE))
    assert list(listed) == list(COMMANDS)
    for name, sentence in listed.items():
        source = ROOT / COMMANDS[name].replace(".", "/")
        file = source.with_suffix(".py") if source.with_suffix(".py").exists() else source / "__main__.py"
        assert f'"""{sentence}\n' in file.read_text() or f'"""{sentence}"""' in file.read_text()


def test_help_and_the_version_need_no_command(run):
    assert run("--help") == run("-h") == run()
    assert run("--version") == f"{lt.__version__}\n"


def test_a_name_that_is_no_command_is_told(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("landscpe")
    assert ended.value.code == 2
    assert "Unknown command 'landscpe'; did you mean 'landscape'?" in capsys.readouterr().err


def test_imports_find_this_project_first_and_the_current_folder_last(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for before in (["", "/a", str(ROOT), "/b"], [str(tmp_path), "/a", "/b"], ["/a", "/b"], ["/a", ".", "/b"]):
        monkeypatch.setattr(sys, "path", before)
        command.put_own_packages_first()
        assert sys.path == [str(ROOT), "/a", "/b", str(tmp_path)]
