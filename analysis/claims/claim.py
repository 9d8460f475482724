"""What a claim is: a sentence of a paper, its test, and the data that it needs.

To add a claim, write a function that returns its conditions in the module of its paper, with the decorator `claim`:

    @claim("Random masks are worse than the dense network.", "Section 2", [*need_lines(LINES, "random"), NEED_DENSE])
    def random_worse_than_dense(evidence):
        '''The dense network is above the line random.'''
        return [above("dense", "random", {"dense": evidence.dense(), "random": ...})]

The docstring is printed as the rule of the claim. The third argument lists the data that the claim needs. A claim that
compares lines of one figure needs no function: see `analysis.claims.zhou2019.claim_above`.
"""

from __future__ import annotations

import dataclasses
import inspect
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from analysis.claims.evidence import ALL_LEVELS, LEAST_LEVELS_OF_LINE, LEAST_LEVELS_OF_PART, Evidence
from analysis.claims.verdicts import LEAST_SEEDS, Condition
from lottery_tf.pruning.treatments import Treatment

Part = tuple[float, float] | range | None  # part of a line: a range of kept fractions, of levels, or None for all


class Need(NamedTuple):
    """Data that a claim needs.

    Attributes:
      name: the name of the data.
      seeds: a function that returns the seeds that have the data.
    """

    name: str
    seeds: Callable[[Evidence], Collection[int]]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim of a paper and its test.

    Attributes:
      paper: the authors of the paper.
      sentence: the claim in words.
      section: the section that makes the claim.
      rule: what is tested, in a sentence or two.
      test: a function from the evidence of one panel to the conditions, all of which have to be shown.
      needs: the data that it needs, each for three seeds.
      networks: the networks that it is about; () means all.
      of_learned_masks: whether it is about learned masks alone. They have no schedule, so it is tested once for each
        network and data set.
    """

    paper: str
    sentence: str
    section: str
    rule: str
    test: Callable[[Evidence], list[Condition]]
    needs: tuple[Need, ...]
    networks: tuple[str, ...] = ()
    of_learned_masks: bool = False

    @property
    def place(self) -> str:
        """Paper and section."""
        return f"{self.paper}, {self.section}"

    def seeds(self, evidence: Evidence) -> dict[str, int]:
        """Returns the number of seeds that have each of the needed data."""
        return {need.name: len(need.seeds(evidence)) for need in self.needs}


def missing(seeds: Mapping[str, int]) -> str:
    """Returns in words the data for which there are fewer than three seeds; "" if there are none.

    >>> missing({"zero": 3, "init": 1, "hybrid": 0, "random": 1})
    '0 of 3 seeds: hybrid. 1 of 3 seeds: init; random'
    """
    lacking = [(count, [name for name in seeds if seeds[name] == count]) for count in range(LEAST_SEEDS)]
    return ". ".join(f"{count} of {LEAST_SEEDS} seeds: {'; '.join(names)}" for count, names in lacking if names)


def claims_of(paper_name: str) -> tuple[list[Claim], Callable[..., Callable]]:
    """Returns an empty list for a paper's claims, and the decorator that adds a test to it as a claim.

    Without another rule, the docstring of the test is the rule.
    """
    claims: list[Claim] = []

    def claim(sentence: str, section: str, needs: Iterable[Need], rule: str = "", **which) -> Callable:
        def add(test: Callable[[Evidence], list[Condition]]) -> Callable:
            words = rule or " ".join(inspect.getdoc(test).split())
            claims.append(Claim(paper_name, sentence, section, words, test, tuple(needs), **which))
            return test

        return add

    return claims, claim


def need_line(name: str, line: Callable[[Evidence], pd.DataFrame], part: Part = None) -> Need:
    """Returns the need for a line: half of the paper's levels, or three levels of a part of the line."""

    def seeds(evidence: Evidence) -> list[int]:
        rows, levels = line(evidence), ALL_LEVELS if part is None else part
        levels = evidence.levels_between(*part) if isinstance(part, tuple) else levels
        counts = rows[[level for level in levels if level in rows]].notna().sum(axis=1)
        return list(counts.index[counts >= (LEAST_LEVELS_OF_LINE if part is None else LEAST_LEVELS_OF_PART)])

    return Need(f"{name}{_part_in_words(part)}", seeds)


def _part_in_words(part: Part) -> str:
    if isinstance(part, range):
        return f" at levels {part[0]} to {part[-1]}"
    return f" with {100 * part[0]:g} to {100 * part[1]:g}% kept" if part else ""


def need_lines(lines: Mapping[str, Treatment], *names: str, part: Part = None) -> list[Need]:
    """Returns the needs for the named lines of a figure; see `need_line`."""
    return [need_line(name, operator.methodcaller("line", lines[name]), part) for name in names]


NEED_DENSE = Need("dense", lambda evidence: evidence.dense())
