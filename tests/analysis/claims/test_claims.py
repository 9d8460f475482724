"""The printed claims and their numbers."""

import dataclasses
import re
from statistics import stdev

import made_up
import pandas as pd
import pytest

from analysis.claims.__main__ import counts, margins, text
from analysis.claims.catalogue import evaluate
from analysis.claims.verdicts import Verdict


@pytest.mark.slow
def test_the_text_has_each_claim_once(world):
    both = dataclasses.replace(
        world, levels=pd.concat([world.levels, world.levels.assign(schedule="half")], ignore_index=True)
    )
    shown = text(evaluate(both))
    assert shown.count("The signs of the initial weights are crucial, not their relative magnitudes.") == 1
    assert "  fc, mnist, half: shown" in shown
    assert "  fc, mnist, paper: shown" in shown


@pytest.mark.slow
def test_what_lacks_data_is_named_in_a_line_and_counted(world):
    few = world.levels[world.levels["seed"] < 2].assign(schedule="half")
    verdicts = evaluate(dataclasses.replace(world, levels=pd.concat([world.levels, few], ignore_index=True)))
    (block,) = [block for block in text(verdicts).split("\n\n") if block.startswith("magnitude_increase works just as")]
    assert [line for line in block.splitlines() if "half" in line] == ["  not enough data: fc, mnist, half"]
    assert block.count("fc, mnist, paper: shown") == 1
    for line in counts(verdicts).splitlines():
        panel, _, numbers = line.partition(": ")
        own = [found.verdict for found in verdicts if found.panel == panel]
        wanted = [own.count(verdict.value) for verdict in Verdict]
        assert [int(number) for number in re.findall(r"\d+", numbers)] == wanted
    assert {line.partition(": ")[0] for line in counts(verdicts).splitlines()} == {found.panel for found in verdicts}


def test_a_margin_is_printed_where_it_is_defined(world):
    """For three seeds of the dense network, 2.8 standard deviations; for two it is not defined."""
    dense = world.levels[world.levels["level"] == 0]
    assert dense["seed"].tolist() == [0, 1, 2]
    few = world.levels[world.levels["seed"] < 2].assign(network="conv2", dataset="cifar10")
    both = dataclasses.replace(world, levels=pd.concat([world.levels, few], ignore_index=True))
    assert margins(both) == f"margin of fc, mnist: {280 * stdev(dense['test_accuracy']):.2f} points"


def test_the_command(command, light_command, tmp_path):
    made_up.write_results(tmp_path, treatments=(), seeds=[0], learned=made_up.LEARNED)
    done = command("analysis.claims", f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "The initial logit controls" in done.stdout
    assert "  not enough data: fc, mnist, paper\n" in done.stdout
    refused = light_command("analysis.claims", f"--results_dir={tmp_path / 'nowhere'}")
    assert (refused.returncode, refused.stderr) == (2, f"There is no folder {tmp_path / 'nowhere'}.\n")
