"""How claims are tested on results: on which panels, and what becomes of data that are missing."""

import dataclasses
import importlib
import pkgutil

import pandas as pd

from analysis import claims
from analysis.claims.catalogue import CLAIMS, evaluate
from analysis.claims.claim import NEED_DENSE, Claim, Need
from analysis.claims.verdicts import Condition, Verdict

WITH_DATA = Need("anything", lambda evidence: range(3))


def claim(verdicts=(Verdict.SHOWN,), needs=(WITH_DATA,), **more):
    """A claim whose conditions have these verdicts, whatever the evidence."""
    conditions = [Condition(verdict, f"{number}: {verdict.value}") for number, verdict in enumerate(verdicts)]
    return Claim("Mine", "It holds.", "Section 1", "Nothing is tested.", lambda evidence: conditions, needs, **more)


def panels_of(found):
    return [each.panel for each in found]


def test_every_claim_of_the_papers_is_there_once():
    names = {module.name for module in pkgutil.iter_modules(claims.__path__)} - {"__main__", "catalogue"}
    modules = [importlib.import_module(f"analysis.claims.{name}") for name in names]
    of_modules = [each for module in modules for each in getattr(module, "CLAIMS", ())]
    assert {*of_modules} == {*CLAIMS} and len(of_modules) == len(CLAIMS) == len({each.rule for each in CLAIMS})
    assert {each.paper for each in CLAIMS} == {"Zhou et al.", "Frankle & Carbin", "Paul et al."}


def test_a_claim_is_tested_on_each_panel_of_its_networks(world):
    other = world.levels.assign(network="conv2", dataset="cifar10")
    levels = pd.concat([world.levels, world.levels.assign(schedule="half"), other], ignore_index=True)
    results = dataclasses.replace(world, levels=levels)
    fc, conv2 = ["fc, mnist, half", "fc, mnist, paper"], ["conv2, cifar10, paper"]
    assert panels_of(evaluate(results, [claim()])) == conv2 + fc
    assert panels_of(evaluate(results, [claim(networks=("fc",))])) == fc
    assert panels_of(evaluate(results, [claim(networks=("conv4",))])) == []
    learned = evaluate(results, [claim(of_learned_masks=True)])
    assert panels_of(learned) == ["conv2, cifar10", "fc, mnist"], "they have no schedule"


def test_the_verdict_is_that_of_all_conditions_together(world):
    shown, contradicted, not_shown = Verdict.SHOWN, Verdict.CONTRADICTED, Verdict.NOT_SHOWN
    for verdicts, verdict in (
        ((shown, shown), shown),
        ((shown, not_shown), not_shown),
        ((not_shown, contradicted, shown), contradicted),
        ((), Verdict.NO_DATA),
    ):
        (found,) = evaluate(world, [claim(verdicts)])
        assert found.verdict == verdict.value
        assert found.numbers == "; ".join(f"{number}: {each.value}" for number, each in enumerate(verdicts))
        assert (found.claim, found.place, found.rule) == ("It holds.", "Mine, Section 1", "Nothing is tested.")


def test_without_any_seed_of_some_data_nothing_is_tested(world):
    nothing, few = Need("nothing", lambda evidence: ()), Need("few", lambda evidence: (4,))
    (found,) = evaluate(world, [claim(needs=(WITH_DATA, nothing, few, NEED_DENSE))])
    assert (found.verdict, found.numbers) == ("not enough data", "")
    assert found.missing == "0 of 3 seeds: nothing. 1 of 3 seeds: few"
    (found,) = evaluate(world, [claim(needs=(few,))])
    assert (found.verdict, found.missing) == ("shown", "1 of 3 seeds: few"), "the test itself says whether it is enough"
