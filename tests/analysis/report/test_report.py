"""The page of a made-up folder: whole, alone, escaped; of unfinished folders and exported files; its commands."""

import dataclasses
import html.parser
import json
import re
import shlex
import warnings

import made_up
import pandas as pd
import pytest

from analysis import export
from analysis.claims.catalogue import ClaimResult
from analysis.claims.verdicts import Verdict
from analysis.figures import catalogue, drawing
from analysis.report import (
    captions,
    commands,
    coverage,
    figure_sources,
    overview,
    page,
    parts,
    provenance,
    report,
    sections,
)
from analysis.results import columns, load
from analysis.statistics.stars import StarRule
from lottery_tf.errors import InputError
from lottery_tf.models.settings import run_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files, paths, result_files
from lottery_tf.studies import paper

pytestmark = pytest.mark.slow  # draws whole reports

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(html.parser.HTMLParser):
    """Collects tags, identifiers and text, and notes an end tag that closes nothing."""

    def __init__(self, text):
        super().__init__()
        self.open, self.unbalanced, self.identifiers, self.links, self.text = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.identifiers += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[name] for name in ("href", "src", "xlink:href") if name in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An unfinished folder: some treatments, seeds and levels of one network."""
    return made_up.write_results(
        tmp_path_factory.mktemp("results"),
        treatments=[Treatment(), Treatment("random"), Treatment(mask1="reinit")],
        levels=2,
        ladders=paper.HEURISTIC_MASK_SOURCES[:3],
        learned=made_up.LEARNED[:1],
        missing=[(1, "random-rewind-zero", 2)],
        diverged=[(2, "random-rewind-zero", 1)],
    )


@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    """The report of that folder, made without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return report.write(root, tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="module")
def read(written):
    return Reader(written.read_text())


def test_the_page_is_well_formed_and_every_identifier_is_there_once(read):
    assert not read.unbalanced and not read.open
    assert len(set(read.identifiers)) == len(read.identifiers)
    anchors = {link[1:] for link in read.links if link.startswith("#")}
    assert anchors <= set(read.identifiers)


def test_the_page_needs_no_network_and_links_to_files_that_are_there(read, written):
    for link in read.links:
        assert link.startswith(("#", "data:image/png")) or (written.parent / link).is_file(), link
    outside = re.findall(r"""(?:src|href)=["']https?:|@import|url\((?!#)""", written.read_text())
    assert not outside
    assert "default-src 'none'" in written.read_text()


EMPTY = {"others", "precision"}  # sections without results: other treatments, results in two precisions


def test_every_section_has_its_place(written, read):
    text = written.read_text()
    for section in sections.SECTIONS:
        if section.anchor not in EMPTY:
            assert f'href="#{section.anchor}"' in text and section.anchor in read.identifiers
    assert not EMPTY & {*read.identifiers}
    for name in ("figure1", "figure2", "figure3", "figure4", "figureS1", "figure6", "figure7"):
        assert name in read.identifiers
        assert (written.parent / "figures" / f"{name}.pdf").stat().st_size > 1000
    assert not {"figure5", "supplement"} & {*read.identifiers}, "they have no line of their own"
    assert "Not drawn: there is no trained level of large_final-rewind-init" in text


def test_what_is_missing_is_said(read):
    text = "".join(read.text)
    assert "fc on mnist, paper schedule: small_final; large_init;" in text
    assert "Missing lines: 7" in text
    assert "left out: no dense network kept its weights" in text


def test_coverage_counts_trainings(root):
    rows = coverage.figure_lines(load.load(root)).set_index("figure")
    assert rows.loc["figure3", "lines with results"] == "2 of 9"
    # large_final: 3 seeds x 2 levels; random: 2 and 1 levels, and one that diverged at once
    assert rows.loc["figure3", "trainings"] == f"{6 + 4} of {9 * 24 * 5}"
    assert rows.loc["figure3", "diverged"] == 1
    assert rows.loc["figure5", "missing lines"] == "init; hybrid"
    masks = coverage.supermasks(load.load(root)).iloc[0]
    assert masks["heuristic masks"] == "3 of 11 criteria" and masks["learned masks"] == 3


def test_figures_take_their_colours_from_the_page(written):
    text = written.read_text()
    assert "var(--c0f96e1, #0f96e1)" in text  # large_final
    assert text.count("--c0f96e1: #0f96e1;") == 1 and "--c0f96e1: #1189c6;" in text
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@media screen and (prefers-color-scheme: dark)" in style and "@media print" in style


def test_tables_and_their_csv_files_hold_the_same_numbers(written):
    found = pd.read_csv(written.parent / "tables" / "figure3.csv")
    row = found[(found["line"] == "large_final") & (found["level"] == 2) & (found["measure"] == "test_accuracy")].iloc[
        0
    ]
    assert row["n"] == 3 and f"{row['mean']:.2f} [{row['min']:.2f}, {row['max']:.2f}]" in written.read_text()
    assert pd.read_csv(written.parent / "tables" / "claims.csv")["verdict"].isin([*Verdict]).all()


def test_each_trained_treatment_is_in_one_command(root):
    """The commands' product of criteria and actions is what is there, no more and no less."""
    found = load.load(root)
    lines = [shlex.split(line) for line in commands.training_commands(found, paper.FIGURE_LINES["figure4"])]
    made = set()
    for words in lines:
        flags = dict(word.removeprefix("--").split("=", 1) for word in words[3:])
        assert flags["seeds"] == "0,1,2" and flags["network"] == "fc" and flags["schedule"] == "paper"
        assert "learning_rate" not in flags and "scope" not in flags  # usual ones
        names = [flags[name].split(",") for name in ("criterion", "mask1", "mask0")]
        made |= {Treatment(a, b, c).name for a in names[0] for b in names[1] for c in names[2]}
    assert made == {"large_final-rewind-zero", "random-rewind-zero", "large_final-reinit-zero"}


def test_settings_that_are_not_the_usual_ones_are_flags_of_the_command(root, tmp_path):
    found = load.load(root)
    folder = json.loads(json.dumps(next(each for each in found.folders if each.get("schedule") == "paper")))
    folder["training"]["learning_rate"] = 0.01
    folder["pruning"]["dense"] = 0.5
    changed = dataclasses.replace(found, folders=[folder])
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--learning_rate=0.01" in command and "--dense_pruned_fraction=0.5" in command
    usual = json.loads(json.dumps(dataclasses.asdict(run_settings("fc", "mnist", "paper", dropout=0.5))))
    changed = dataclasses.replace(found, folders=[usual | {"folder": folder["folder"], "precision": "float32"}])
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--dropout=0.5" in command and "--learning_rate" not in command
    other = found.levels.assign(scope="global", rewind_to=500)
    changed = dataclasses.replace(found, levels=other)
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--scope=global" in command and "--rewind_to=500" in command


def test_masks_have_their_commands(root):
    heuristic, learned = commands.supermask_commands(load.load(root))
    assert "runs.supermask" in heuristic and "--criterion=large_final,large_init,small_final" in heuristic
    assert "runs.learn_mask" in learned and "--weights=initial" in learned and "--iterations=2000" in learned
    assert "--rescale" not in learned and "--l1" not in learned


def test_numbers_in_a_figures_text_are_not_cut():
    figure = drawing.blank(4, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0.001, 0.0015])
    axes.set_title("kept0.125, p = 0.005")
    shown = page.inline("one", drawing.content(figure, "svg"), "one")
    text = "".join(re.findall(r">([^<]*)<", shown))
    assert "kept0.125, p = 0.005" in text and "0.0012" in text
    assert not re.search(r'd="[^"]*\.\d{3}', shown), "coordinates are rounded"


def test_commands_have_the_flags_that_there_are(root):
    """A list from JSON and a tuple of the settings are the same drops of the learning rate."""
    key = ("resnet20", "cifar10", "paper")
    settings = run_settings(*key, learning_rate=0.03)
    stored = json.loads(json.dumps(dataclasses.asdict(settings)))
    found = load.load(root)
    rows = found.levels.assign(network=key[0], dataset=key[1], schedule=key[2])
    found = dataclasses.replace(found, levels=rows, folders=[{"folder": "r", "precision": "float32", **stored}])
    for line in (
        *commands.training_commands(found, paper.FIGURE_LINES["figure3"]),
        *commands.missing_lottery(found, root),
    ):
        assert "--learning_rate=0.03" in line and "learning_rate_drops" not in line


def test_times_machines_and_commands_are_what_the_trainings_recorded(root, read):
    made = provenance.trainings(root)
    trained, levels = made.times.set_index("schedule"), len(load.load(root).levels)
    assert trained.loc["paper", "trainings"] == levels
    assert trained.loc["paper", "mean seconds"] == "1.5"
    recorded = {"packages": "numpy 2", "machine": "a machine", "threads": "2"}
    not_recorded = dict.fromkeys(("compiler", "commit"), "not recorded")
    of_levels, of_masks = sorted(made.origins.to_dict("records"), key=lambda row: row["packages"], reverse=True)
    assert of_levels == recorded | not_recorded | {"trainings": levels}
    assert {*of_masks.values()} == {"not recorded", len(load.load(root).learned_masks)}
    assert made.commands == {made_up.COMMAND: levels}
    text = " ".join("".join(read.text).split())
    assert f"Commands of the trainings: 1 {made_up.COMMAND}" in text and "a machine" in text


def test_results_that_do_not_say_of_which_network_they_are_have_times_too(tmp_path):
    """Those of a model of one's own, whose `ResultsFolder` has no labels."""
    path = tmp_path / "seed-0" / "dense"
    own = {"seed": 0, "level": 0, "kept_fraction": 1.0, "status": "finished", "parent": "", "fingerprint": "abc"}
    metrics = files.json_bytes({"kind": "level", "seconds": 2.0} | own)
    result_files.write_files(
        path, {"metrics.json": metrics, paths.CHECKSUMS: files.json_bytes({"metrics.json": files.sha256(metrics)})}
    )
    (tmp_path / "settings.json").write_text("{}")
    made = provenance.trainings(tmp_path)
    name = tmp_path.name
    assert made.times.to_dict("records") == [
        {"network": name, "dataset": "", "schedule": "", "precision": "float32", "trainings": 1,
         "total hours": "0.00", "mean seconds": "2.0"}
    ]  # fmt: skip
    assert {*made.origins.iloc[0][:-1]} == {"not recorded"} and not made.commands


def test_exported_files_give_a_report_and_say_what_they_lack(root, tmp_path):
    export.write_all(root, tmp_path / "exported")
    keep = tuple(section for section in sections.SECTIONS if section.anchor in ("criteria", "origin"))
    path = report.write(tmp_path / "exported", tmp_path / "out", sections=keep)
    text = "".join(Reader(path.read_text()).text)
    assert "left out: exported files hold no weights" in text
    assert "do not record the settings, times and versions" in text


def test_what_comes_from_data_is_escaped(root, tmp_path):
    """Names in exported files are anybody's text."""
    export.write_all(root, tmp_path / "exported")
    levels = pd.read_csv(tmp_path / "exported" / "levels.csv", keep_default_na=False)
    levels.loc[levels["criterion"] == "random", "criterion"] = "my:<script>alert(1)</script>"
    levels["schedule"] = '$a$ & "b" <i>'
    levels.to_csv(tmp_path / "exported" / "levels.csv", index=False)
    keep = [section for section in sections.SECTIONS if section.anchor in ("coverage", "criteria", "others")]
    path = report.write(tmp_path / "exported", tmp_path / "out", sections=tuple(keep))
    text = path.read_text()
    assert "<script>alert" not in text and "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    read = Reader(text)
    assert not read.unbalanced and "others" in read.identifiers


def test_precisions_are_compared_where_there_are_two(root, tmp_path):
    (only,) = [section for section in sections.SECTIONS if section.anchor == "precision"]
    made = report.prepare(root, tmp_path, sections=(only,))
    assert "precision" not in Reader(report.write_page(made, (only,)).read_text()).identifiers
    levels = made.given.results.levels
    half = levels.assign(precision="mixed_bfloat16", test_accuracy=levels["test_accuracy"] - 0.01)
    both = dataclasses.replace(made.given.results, levels=pd.concat([levels, half], ignore_index=True))
    made = dataclasses.replace(made, given=dataclasses.replace(made.given, results=both))
    read = Reader(report.write_page(made, (only,)).read_text())
    assert "precision" in read.identifiers and "-1.00" in "".join(read.text)
    assert set(pd.read_csv(tmp_path / "tables" / "precision.csv")["difference"].round(9)) == {-1}


def test_a_section_is_an_entry_of_a_table(root, tmp_path):
    mine = sections.Section(
        "mine", "A section of one's own", "What it says.", (lambda made: page.paragraph(f"<{made.root.name}>"),)
    )
    empty = sections.Section("nothing", "A section without content", "", (lambda made: page.paragraph(""),))
    text = report.write(root, tmp_path, sections=(mine, empty)).read_text()
    assert (
        f"<p>&lt;{root.name}&gt;</p>" in text and "What it says." in text and "nothing" not in Reader(text).identifiers
    )


def test_the_commands_on_the_page_say_what_was_asked_for(root, tmp_path):
    planes = tuple(section for section in sections.SECTIONS if section.anchor in ("criteria", "origin"))
    path = report.write(root, tmp_path, sections=planes, criteria=("movement",), rule=StarRule("welch"))
    commands = [line for line in "".join(Reader(path.read_text()).text).splitlines() if "analysis." in line]
    assert sum("--criterion=movement" in line for line in commands) == 2  # the page's own and that of Figure 2
    assert any("--figure=figure3" in line and "--test=welch" in line for line in commands)


def test_a_report_of_nothing_is_refused(root, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("precious")
    for given, out, message in (
        (tmp_path / "empty", tmp_path / "out", "holds no finished results"),
        (tmp_path / "nowhere", tmp_path / "out", "There is no folder"),
        (root, tmp_path / "file", "is a file; --out has to name a folder"),
    ):
        with pytest.raises(InputError, match=message):
            report.write(given, out)
    assert not (tmp_path / "out").exists() and (tmp_path / "file").read_text() == "precious"


def test_the_command(tmp_path, command, light_command):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=1, seeds=[0])
    done = command("analysis.report", f"--results_dir={folder}", f"--out={tmp_path / 'out'}", "--test=wilcoxon")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "index.html").read_text()
    assert "--test=wilcoxon" in text
    refused = light_command("analysis.report", "--results_dir=nowhere", f"--out={tmp_path / 'no'}")
    assert refused.returncode == 2 and refused.stderr == "There is no folder nowhere.\n"


def test_each_figure_has_the_settings_of_its_own_runs(root):
    found = load.load(root)
    assert set(provenance.settings_table(found)) == {"setting", "fc-mnist/paper", "fc-mnist/learned_masks"}
    own = provenance.settings_table(found, [("fc", "mnist", "paper", "float32")]).set_index("setting")
    assert list(own) == ["fc-mnist/paper"] and own.loc["training.learning_rate", "fc-mnist/paper"] == 1.2e-3
    learned = provenance.settings_table(found, [("fc", "mnist", None, "float32")])
    assert list(learned) == ["setting", "fc-mnist/learned_masks"]
    assert not len(provenance.settings_table(found, [("fc", "mnist", "half", "float32")]))


def test_tables_sort_by_buttons_and_mark_verdicts():
    text = page.table(pd.DataFrame({"a<b": ["holds", 2]}), "c&d", {"holds": "good"})
    assert text.count('aria-sort="none"') == 1 and "a&lt;b" in text and "c&amp;d" in text
    assert '<td class="good">holds</td>' in text


def test_every_figure_has_a_caption():
    assert set(captions.CAPTIONS) == set(catalogue.FIGURES)


def broken(given):
    raise ZeroDivisionError("a <fault> of ours")


def test_what_fails_is_named_in_its_place_and_the_rest_is_written(root, tmp_path, monkeypatch):
    monkeypatch.setitem(catalogue.FIGURES, "figure3", catalogue.FIGURES["figure3"]._replace(draw=broken))
    monkeypatch.setitem(parts.tables.TABLES, "table1", lambda found, rule: broken(found))
    keep = tuple(section for section in sections.SECTIONS if section.anchor in ("summary", "criteria", "supermasks"))
    made = report.prepare(root, tmp_path, sections=keep)
    read = Reader(report.write_page(made, (*keep, sections.Section("mine", "Mine", "", (broken,)))).read_text())
    text = "".join(read.text)
    assert not read.unbalanced and {"figure1", "figure2", "figure7", "summary"} <= {*read.identifiers}
    for what in ("Figure 3: Mask criteria", "The table table1", "Mine"):
        assert f"{what} could not be made: ZeroDivisionError: a <fault> of ours" in text
    assert made.failed == ["Figure 3: Mask criteria", "The table table1", "Mine"]


def test_a_page_that_cannot_be_written_is_an_error(root, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        report.write(root, tmp_path)


def test_names_that_are_no_formula_are_shown_as_text(tmp_path):
    """matplotlib reads what stands between two dollars as a formula, and cannot read these."""
    folder = made_up.write_results(
        tmp_path / "results",
        treatments=[Treatment(), Treatment("random"), Treatment(mask1="reinit"), Treatment(rounds="oneshot")],
        levels=2,
        ladders=paper.HEURISTIC_MASK_SOURCES[:9:8],
        learned=made_up.LEARNED[:1],
        landscape=[Treatment(), Treatment("random")],
    )
    export.write_all(folder, tmp_path / "exported")
    bad = {
        ",random,": r",my:$\bad$,",
        "fc,mnist": r"$\net{$,$\data$",
        ",paper,": r",$\s^$,",
        "dense_1/kernel": r"$\l{$",
    }
    for path in (tmp_path / "exported").iterdir():
        text = path.read_text()
        for name, other in bad.items():
            text = text.replace(name, other)
        path.write_text(text)
    given = catalogue.figure_inputs(tmp_path / "exported")
    for name in ("others", "figure6", "figure7", "lottery", *figure_sources.MEASURED):
        shown = drawing.content(catalogue.draw(name, given), "svg").decode()
        assert r"$\net{$ on $\data$" in shown.replace("\n", " ") or name == "figure6"
    assert r"my:$\bad$" in drawing.content(catalogue.draw("barriers", given), "svg").decode()


@pytest.mark.parametrize("kind", ["limit", "spectrum"])
def test_one_kind_of_measurement_alone_makes_a_page(kind, tmp_path):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=2, landscape=[Treatment()])
    given = catalogue.figure_inputs(folder)
    empty = {columns.FRAMES[each]: getattr(given.results, columns.FRAMES[each])[:0] for each in columns.LANDSCAPE}
    kept = {columns.FRAMES[each]: getattr(given.results, columns.FRAMES[each]) for each in (kind, "spectrum")}
    alone = dataclasses.replace(given, results=dataclasses.replace(given.results, **empty | kept))
    made = parts.Report(folder, tmp_path / "out", alone)
    text = parts.landscape_part(made)
    assert not made.failed and 'id="flatness"' in text
    assert "Right: the curvature" not in text, "no ray is drawn"


def test_the_page_opens_with_what_was_asked_for(root, tmp_path):
    found = load.load(root)
    assert overview.main_figure(found) == "figure4"  # three of eight lines, of figure3 two of nine
    said = " ".join(overview.what_was_run(found))
    assert "fc on mnist, paper schedule: 3 treatments, 2 levels of pruning" in said and "1 training diverged" in said
    assert "heuristic Supermasks of 3 criteria" in said and "3 learned Supermasks" in said
    lacking = " ".join(overview.what_is_missing(found))
    assert "2 of 9 lines of Figure 3" in lacking and "3 of 5 seeds, 2 of 24 levels" in lacking
    assert "There is no control of a winning ticket." in lacking
    text = report.write(root, tmp_path).read_text()
    assert text.index('id="figure4"') < text.index("What was run") < text.index('id="figure1"')


def test_what_holds_is_a_sentence_where_there_are_not_enough_data_for_anything(tmp_path):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=1, seeds=[0])
    made = parts.Report(folder, tmp_path / "out", catalogue.figure_inputs(folder))
    text = sections.summary_part(made)
    assert not made.failed and "There are not enough data for any claim." in text and "the other claims" not in text


def test_a_claim_stands_in_one_list_by_what_the_data_say():
    verdicts = [("a", "shown"), ("a", "not enough data"), ("b", "shown"), ("b", "contradicted"), ("c", "not shown"),
                ("d", "not enough data"), ("e", "shown"), ("e", "not shown")]  # fmt: skip
    made = [ClaimResult(claim, "there", "", "", verdict, "", "") for claim, verdict in verdicts]
    assert overview.what_holds(made) == {
        "1 claim shown on every network with enough data": ["a (there)"],
        "1 claim contradicted on at least one network": ["b (there)"],
        "1 claim shown on some networks, not shown on others": ["e (there)"],
        "1 claim neither shown nor contradicted on any network": ["c (there)"],
    }


def test_captions_say_what_is_drawn(root):
    given = catalogue.figure_inputs(root)
    assert "Lines are means over seeds" in captions.caption("figure3", given)
    assert "Solid lines" not in captions.caption("figure4", given), "no line of theirs is there"
    single = dataclasses.replace(given.results, levels=given.results.levels.query("seed == 0"))
    one = captions.caption("figure3", dataclasses.replace(given, results=single))
    assert "a single seed" in one and "means" not in one
    assert "trained network" not in captions.caption("figure2", given)


def test_a_command_breaks_between_its_words_only():
    shown = page.code(["python -m runs.lottery --network=fc '--results_dir=my results' --levels=3"])
    words = re.findall(r"<span>(.*?)</span>", shown)
    assert words[-2:] == ["&#39;--results_dir=my results&#39;", "--levels=3"] and len(words) == 6
    style = page.page("", page.paragraph(""), [])
    assert "pre span { white-space: pre; }" in style
