"""Figures by name, and the inputs that they are drawn from."""

import made_up
import pytest
from figure_parts import legend_of

from analysis.figures import catalogue, drawing
from analysis.statistics.stars import StarRule
from lottery_tf.errors import InputError


@pytest.mark.slow
def test_what_is_not_there_is_named(tmp_path):
    material = catalogue.figure_inputs(made_up.write_results(tmp_path, treatments=(), seeds=[0]))
    for name, what in {"figure5": "large_final-rewind-hybrid", "figure7": "no learned mask", "others": "other"}.items():
        with pytest.raises(drawing.NothingToDraw, match=what):
            catalogue.draw(name, material)
    assert len(catalogue.draw("figure6", material).axes) == 2  # the planes need no results


def test_names_of_figures():
    assert [catalogue.full_name(name) for name in ("1", "S1", "figure7", "supplement")] == [
        "figure1", "figureS1", "figure7", "supplement",
    ]  # fmt: skip
    with pytest.raises(InputError, match="Unknown figure 'figure33'; did you mean 'figure3'"):
        catalogue.full_name("figure33")


def test_unknown_names_are_refused(folder):
    with pytest.raises(InputError, match="Unknown format of figures 'gif'"):
        drawing.content(drawing.blank(1, 1), "gif")
    with pytest.raises(InputError, match="did you mean 'large_final'"):
        catalogue.figure_inputs(folder, criteria=("larg_final",))
    with pytest.raises(InputError, match="Unknown figure 'figure9'"):
        catalogue.draw("figure9", catalogue.FigureInputs(None))


def test_a_figure_of_the_paper_has_its_number():
    numbers = [catalogue.paper_label(name) for name in catalogue.FIGURES]
    assert [number for number in numbers if number] == [
        *(f"Figure {number}" for number in range(1, 8)), "Figure S1", "Section S2",
    ]  # fmt: skip


def test_inputs_are_those_of_what_was_chosen(tmp_path):
    folder = made_up.write_results(tmp_path, panels=made_up.PANELS[:2], treatments=(), seeds=[0])
    rule = StarRule(significance=0.01)
    inputs = catalogue.figure_inputs(folder, criteria=("movement",), rule=rule, network=["conv2"])
    assert {*inputs.results.levels["network"]} == {"conv2"}
    assert (inputs.criteria, inputs.rule, inputs.layer) == (("movement",), rule, None), "no network kept its weights"
    assert {*catalogue.figure_inputs(folder, network=[]).results.levels["network"]} == {"fc", "conv2"}


def test_stars_are_drawn_by_the_rule_of_the_inputs(given):
    def starred(significance):
        inputs = catalogue.FigureInputs(given.results, rule=StarRule(significance=significance))
        return any(label.startswith("better than all") for label in legend_of(catalogue.draw("figure5", inputs)))

    assert starred(0.5) and not starred(1e-12)
