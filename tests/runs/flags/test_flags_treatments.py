"""Flags that choose treatments: every combination of their values."""

import itertools

from asked import answers

NAMES = "[treatment.name for treatment in module.treatments_from_flags()]"
CASES = [
    [],
    ["--network=resnet20"],
    ["--criterion=large_final,random", "--mask1=rewind,reinit", "--mask0=zero,init,hybrid", "--scope=layer"],
    ["--rounds=oneshot", "--kept_fraction=0.2,0.05"],
    ["--rewind_to=0,500", "--scope=layer,global"],
    ["--network=fcc"],
    ["--kept_fraction=0.2"],
]


def test_treatments_are_all_combinations(command):
    one, deeper, many, shares, late, unknown, refused = answers(command, "runs.flags.treatments", NAMES, CASES)
    assert one == ["large_final-rewind-zero"] and deeper == ["large_final-rewind-zero-global"]
    parts = (("large_final", "random"), ("rewind", "reinit"), ("zero", "init", "hybrid"))
    assert many == ["-".join(names) for names in itertools.product(*parts)]
    assert shares == [f"large_final-rewind-zero-oneshot-kept{share}" for share in ("0.2", "0.05")]
    ends = ("", "-rewind500", "-global", "-global-rewind500")
    assert sorted(late) == sorted(f"large_final-rewind-zero{end}" for end in ends)
    assert unknown.startswith("Unknown network 'fcc'; did you mean 'fc'") and "it needs one-shot pruning" in refused
