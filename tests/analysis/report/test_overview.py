"""The summary of a folder: what was run, which claims hold, what is missing."""

import pytest

from analysis.claims.catalogue import ClaimResult
from analysis.report import overview, report
from analysis.results import load

pytestmark = pytest.mark.slow


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
