"""Flags of all commands: paths, `--help`, and files of flags."""

import re

import made_up
import pytest
from absl import flags
from shared import ROOT

from lottery_tf.command_line import command_flags


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("runs.status", ["--results_dir=~/none"], "There is no results folder {home}/none."),
        ("runs.ticket", ["pack", "--run=~/none", "--out=~/a.ticket"], "{home}/none"),
        ("runs.landscape", ["--between=~/a,~/b"], "{home}/a"),
        ("analysis.tables", ["--results_dir=~/none"], "There is no folder {home}/none."),
        ("analysis.export", ["--results_dir=~/none"], "There is no results folder {home}/none."),
    ],
)
def test_home_is_found_where_no_shell_puts_it_in(module, arguments, message, command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    done = command(module, *arguments)
    assert done.returncode == 2
    assert message.format(home=tmp_path) in done.stderr
    assert "~" not in done.stderr


@pytest.mark.parametrize(
    ("module", "flag", "arguments", "message"),
    [
        ("runs.ticket", "--out", ["pack", "--run=none"], "File name too long"),
        ("runs.ticket", "--out", ["pack", "--run=none"], "File exists"),
        ("analysis.figures", "--out", ["--results_dir=analysis/measured"], "Not a directory"),
        ("analysis.figures", "--out", ["--results_dir=analysis/measured"], "Too many levels of symbolic links"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(module, flag, arguments, message, light_command, tmp_path):
    paths = {"File name too long": tmp_path / ("x" * 300) / "y", "Not a directory": tmp_path / "file" / "y",
             "File exists": tmp_path / "file" / "y",
             "Too many levels of symbolic links": tmp_path / "loop" / "y"}  # fmt: skip
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = light_command(module, *arguments, f"{flag}={paths[message]}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"{tmp_path}") and done.stderr.endswith(f": {message}.\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "flag"),
    [
        ("runs.status", "results_dir"),
        ("analysis.figures", "out"),
        ("analysis.export", "out"),
        ("runs.lottery", "results_dir"),
    ],
)
def test_an_empty_path_is_not_the_present_folder(module, flag, light_command):
    done = light_command(module, f"--{flag}=")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"--{flag} is ''; it must be the path of a file or folder.\n"


@pytest.mark.parametrize(
    ("module", "arguments", "made"),
    [
        ("analysis.export", ["--results_dir={results}", "--out={out}/new/r.csv"], "new/r.csv"),
        ("analysis.tables", ["--results_dir={results}", "--out={out}/new/tables"], "new/tables/figure3.md"),
        ("analysis.figures", ["--results_dir={results}", "--figure=3", "--format=svg", "--out={out}/new/figures"],
         "new/figures/figure3.svg"),
    ],
)  # fmt: skip
def test_the_folder_of_out_is_made(module, arguments, made, light_command, tmp_path):
    results = made_up.write_results(tmp_path / "results")
    done = light_command(module, *(each.format(results=results, out=tmp_path) for each in arguments))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / made).stat().st_size > 0


RUNS = ("benchmark", "landscape", "learn_mask", "lottery", "status", "study", "supermask", "ticket")
ANALYSIS = ("claims", "export", "figures", "report", "significance", "tables")
COMMANDS = [f"runs.{name}" for name in RUNS] + [f"analysis.{name}" for name in ANALYSIS]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_flag_in_groups_and_ends_well(name, light_command):
    done = light_command(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.findall(r"^  --(?:\[no\])?(\w+)", done.stdout, re.MULTILINE)
    assert len(set(shown)) == len(shown)
    titles = re.findall(r"^(\w[\w ]*):$", done.stdout, re.MULTILINE)
    groups = [title for title in titles if title in (*command_flags.GROUPS, command_flags.OTHERS)]
    assert groups == sorted(groups, key=[*command_flags.GROUPS, command_flags.OTHERS].index) and groups
    assert "None" not in done.stdout
    refused = light_command(name, "--no_such_flag")
    assert (refused.returncode, refused.stderr) == (2, "There is no flag --no_such_flag. --help shows all.\n")


def test_groups_name_flags_that_there_are(light_command):
    texts = "".join(light_command(name, "--help").stdout for name in COMMANDS)
    shown = set(re.findall(r"^  --(?:\[no\])?(\w+)", texts, re.MULTILINE))
    assert set().union(*command_flags.GROUPS.values()) <= shown


@pytest.mark.parametrize(
    ("name", "titles"),
    [("analysis.figures", ("Which results", "What", "Where")), ("runs.learn_mask", ("What", "How long", "Where"))],
)
def test_a_command_that_trains_nothing_chooses_results(name, titles, light_command):
    found = re.findall(r"^(\w[\w ]*):$", light_command(name, "--help").stdout, re.MULTILINE)
    assert tuple(title for title in found if title in command_flags.GROUPS) == titles


def test_flags_may_stand_in_a_file(light_command, tmp_path):
    (tmp_path / "flags.txt").write_text("# three seeds\n--seeds=0-2\n--levels=2\n--iterations=40\n")
    arguments = ("--dry_run", f"--results_dir={tmp_path / 'none'}", f"--flagfile={tmp_path / 'flags.txt'}")
    done = light_command("runs.lottery", *arguments)
    assert done.returncode == 0, done.stderr
    assert "To do: 9 trainings, 360 steps" in done.stdout
    assert not (tmp_path / "none").exists()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for given, message in {
        "none": "none: No such file or directory.",
        str(tmp_path): f"{tmp_path}: Is a directory.",
        str(tmp_path / "binary"): "The file given by --flagfile is not a text file: ",
    }.items():
        refused = light_command("runs.lottery", f"--flagfile={given}")
        assert refused.returncode == 2 and refused.stderr.startswith(message), refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_the_file_of_flags_in_the_documentation_is_read(light_command, tmp_path):
    text = (ROOT / "runs" / "README.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "small.flags" in block]
    (tmp_path / "small.flags").write_text(block)
    arguments = ("--dry_run", f"--results_dir={tmp_path / 'none'}")
    done = light_command("runs.lottery", f"--flagfile={tmp_path / 'small.flags'}", "--levels=2", *arguments)
    assert f"To do: {3 * (1 + 3 * 2)} trainings" in done.stdout, "flags after the file go before it"


def test_a_former_name_sets_the_flag_and_is_noted(capsys):
    flags.DEFINE_float("only_here", 0.5, "A number.")
    command_flags.define_old_name("only_before", "only_here")
    try:
        for word, value, note in (
            ("--only_here=2", 2, ""),
            ("--only_before=3", 3, "--only_before is now called --only_here.\n"),
        ):
            flags.FLAGS.unparse_flags()
            command_flags.parse(["command", word])
            assert (flags.FLAGS.only_here, capsys.readouterr().err) == (value, note)
        with pytest.raises(SystemExit):
            command_flags.parse(["command", "--only_before=many"])
        assert capsys.readouterr().err.endswith("--only_here takes a number; 'many' is not one.\n")
    finally:
        flags.FLAGS.unparse_flags()
        delattr(flags.FLAGS, "only_here")
        delattr(flags.FLAGS, "only_before")


def test_the_documentation_names_every_command():
    text = (ROOT / "runs" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in COMMANDS)
