"""Table 1 on the page of results."""

import dataclasses

from analysis.readme_tables.table1 import table1_beside_published


def test_table_1_on_the_page_of_results_names_the_precision(results):
    """Also where a network has masks in half precision alone, and where learned masks have another precision."""
    half = {"precision": "mixed_bfloat16"}
    only_half = dataclasses.replace(
        results, levels=results.levels.assign(**half), supermasks=results.supermasks.assign(**half)
    )
    head, *rows = table1_beside_published(only_half)
    learned = [place for place, title in enumerate(head) if title.startswith("learned")]
    by_name = {row[0]: row for row in rows}
    row = by_name["fc, mnist, schedule paper, mixed_bfloat16"]
    for place, cell in enumerate(row[1:], 1):
        assert cell.endswith(", float32") == (place in learned and cell != "")
    (before,) = [each for each in table1_beside_published(results) if each[0].startswith("fc, mnist")]
    assert before == ["fc, mnist, schedule paper", *(cell.removesuffix(", float32") for cell in row[1:])]
