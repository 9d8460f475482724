"""What the pages say of the measured results, against the CSV files, by plain arithmetic.

A behaviour of the pages alone: their sentences, and the tables beside the CSV files.
"""

from collections import defaultdict
from statistics import fmean, stdev

import numpy as np
from measured_files import MEASURED, rows_of
from scipy import stats
from shared import ROOT

TABLES = ("table1", "figure3", "figure4", "figure5", "learned_masks")
LONG = ("conv2", "8000")  # network and iterations of the masks that were learned for longest


IN_BOTH_PRECISIONS = ("dense", "large_final", "random")


def test_what_is_said_of_both_precisions_of_conv2_is_so():
    accuracies = defaultdict(dict)  # (criterion, level) -> (precision, seed) -> accuracy in %
    for row in [*rows_of("levels"), *rows_of("half_precision/levels")]:
        if (row["network"], row["schedule"]) == ("conv2", "tenth") and row["criterion"] in IN_BOTH_PRECISIONS:
            measured = accuracies[row["criterion"], int(row["level"])]
            measured[row["precision"], int(row["seed"])] = 100 * float(row["test_accuracy"])
    assert len(accuracies) == 13 and {len(measured) for measured in accuracies.values()} == {6}
    wider = []
    for key, measured in accuracies.items():
        full = np.array([measured["float32", seed] for seed in range(3)])
        differences = np.array([measured["mixed_bfloat16", seed] for seed in range(3)]) - full
        half_width = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / 3**0.5
        assert abs(differences.mean()) < min(0.6, half_width)
        if abs(differences.mean()) >= full.std(ddof=1):
            wider.append((*key, round(float(np.ptp(full)), 2)))
    assert wider == [("large_final", 2, 0.06)]
    gain = {
        precision: fmean(
            accuracies["large_final", 6][precision, seed] - accuracies["dense", 0][precision, seed] for seed in range(3)
        )
        for precision in ("float32", "mixed_bfloat16")
    }
    front = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = (
        "conv2 gains {float32:.1f} points from pruning to 26% (three seeds, a tenth of the iterations; "
        "{mixed_bfloat16:.1f} in half precision)"
    )
    assert said.format(**gain) in front


def test_what_is_said_of_four_criteria_on_conv2_is_so():
    lines = defaultdict(lambda: np.full((3, 8), np.nan))  # criterion -> (seeds, levels) accuracies in %
    dense = {}
    for row in rows_of("half_precision/levels"):
        seed, level, accuracy = int(row["seed"]), int(row["level"]), 100 * float(row["test_accuracy"])
        assert row["network"] == "conv2" and row["schedule"] == "tenth"
        if level:
            lines[row["criterion"]][seed, level - 1] = accuracy
        else:
            dense[seed] = accuracy
    assert set(lines) == {"large_final", "magnitude_increase", "movement", "random"}
    deepest = {criterion: np.isfinite(accuracies).all(axis=0).sum() for criterion, accuracies in lines.items()}
    assert deepest.pop("magnitude_increase") == 8 and set(deepest.values()) == {6}
    last = fmean(lines["magnitude_increase"][seed, 7] - dense[seed] for seed in range(3))
    lines = {criterion: accuracies[:, :6] for criterion, accuracies in lines.items()}
    lead = lines["magnitude_increase"] - lines["large_final"]
    low, high = stats.ttest_1samp(lead.mean(axis=1), 0).confidence_interval()
    assert lead.min() > 0, "in all seeds and at all levels"
    text = " ".join((MEASURED / "README.md").read_text().split())
    assert f"by {lead.mean():.2f} points on average [{low:.2f}, {high:.2f}]" in text
    assert f"it is still {last:.1f} points above the dense network" in text
    between = lines["movement"].mean(axis=0)
    assert (lines["random"].mean(axis=0) < between).all() and (between < lines["large_final"].mean(axis=0)).all()
    gain = fmean(lines["magnitude_increase"][seed, -1] - dense[seed] for seed in range(3))
    front = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"With `magnitude_increase` it gains {gain:.1f}" in front


def test_what_is_said_of_masks_in_both_precisions_is_so():
    accuracies = defaultdict(list)
    for row in rows_of("half_precision/learned_masks"):
        if (row["iterations"], row["rescale"]) == ("2000", "False"):
            accuracies[row["weights"]].append(100 * float(row["test_accuracy"]))
    deviations = [stdev(accuracies[weights]) for weights in ("initial", "signed_constant")]
    text = " ".join((MEASURED / "README.md").read_text().split())
    assert "the deviation of the seeds in half precision ({:.2f} and {:.2f})".format(*deviations) in text


def test_what_is_said_of_long_masks_of_conv2_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    front = " ".join((ROOT / "README.md").read_text().split())
    rows = [row for row in rows_of("half_precision/learned_masks") if (row["network"], row["iterations"]) == LONG]
    found = defaultdict(list)
    for row in rows:
        key = (row["dataset"], row["weights"], float(row["weight_multiplier"]), row["rescale"] == "True")
        found[key].append(100 * float(row["test_accuracy"]))
    standardized, constant = "cifar10_standardized", "signed_constant"
    paper, (initial,) = (found.pop((standardized, "initial", *how)) for how in ((1.2, False), (0.6, True)))
    said = "conv2 has {:.1f} and {:.1f} (two seeds) over initial weights without rescaling (the paper's variant, x 1.2"
    assert said.format(*paper) in text and f"{initial:.1f} over initial weights with rescaling" in text
    both = found.pop((standardized, constant, 0.6, True))
    assert "{:.1f} and {:.1f} (two seeds) over the signed constant".format(*both) in text
    (no_factor,), (unscaled,) = (
        found.pop((data, constant, f, True)) for data, f in ((standardized, 1.0), ("cifar10", 0.6))
    )
    assert f"reaches {no_factor:.1f} without the smaller constant and {unscaled:.1f} without" in text and not found
    best = [row for row in rows if row["rescale"] == "True" and float(row["test_accuracy"]) > 0.6]
    likely, kept = (
        sorted(100 * float(row[name]) for row in best)
        for name in ("most_likely_test_accuracy", "kept_fraction_of_most_likely")
    )
    assert f"have {likely[0]:.1f} to {likely[-1]:.1f} with {kept[0]:.1f} to {kept[-1]:.1f}% of the weights" in text
    assert (
        f"conv2 reach {fmean(paper):.1f} on CIFAR-10 (two seeds; the paper: 64.4), and {likely[-1]:.1f} with" in front
    )
    conv4 = {row["weights"]: row for row in rows_of("half_precision/learned_masks") if row["network"] == "conv4"}
    initial, constant = (100 * float(conv4[weights]["test_accuracy"]) for weights in ("initial", "signed_constant"))
    likely = 100 * float(conv4["signed_constant"]["most_likely_test_accuracy"])
    assert f"has {initial:.1f} over initial weights without rescaling (x 1.2; the paper publishes 65.4)" in text
    assert f"and {constant:.1f} over the signed constant with rescaling (x 0.6), where its most likely mask" in text
    assert f"mask has {likely:.1f}." in text
    (conv6,) = (row for row in rows_of("half_precision/learned_masks") if row["network"] == "conv6")
    deepest, likely = (100 * float(conv6[name]) for name in ("test_accuracy", "most_likely_test_accuracy"))
    assert f"conv6 has {deepest:.1f} over the signed constant with rescaling (x 0.6, one seed)" in text
    assert f"its most likely mask {likely:.1f}; the paper publishes 65.3 over initial weights" in text
    assert f"with rescaling reach {constant:.1f} and {deepest:.1f} (one seed each" in front
    readings = {
        int(float(row["iteration"])): 100 * float(row["validation_accuracy"])
        for row in rows_of("half_precision/mask_histories")
        if (row["network"], row["iterations"]) == LONG and row["weight_multiplier"] == "1.2" and row["seed"] == "0"
    }
    assert f"(x 1.2: {readings[2000]:.1f})" in text and f"(x 1.2: {readings[1000]:.1f})" in text


def over_levels(schedule, *treatment):
    """Each seed's mean accuracy over the levels of a treatment of fc."""
    found = defaultdict(list)
    for row in rows_of("levels"):
        if (row["network"], row["schedule"], row["criterion"], row["mask1"], row["mask0"]) == (
            "fc",
            schedule,
            *treatment,
        ):
            found[row["seed"]].append(100 * float(row["test_accuracy"]))
    return np.array([fmean(found[seed]) for seed in sorted(found)])


def within(a, b, margin):
    """The p-value of "a and b differ by less than the margin"."""
    return max(
        stats.ttest_rel(a, b - margin, alternative="greater").pvalue,
        stats.ttest_rel(a, b + margin, alternative="less").pvalue,
    )


def test_what_hangs_on_the_rules_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    dense = [100 * float(row["test_accuracy"]) for row in rows_of("levels") if row["criterion"] == "dense"
             and (row["network"], row["schedule"]) == ("fc", "paper")]  # fmt: skip
    deviation = stdev(dense)
    margin = 2.8 * deviation
    rewind, constant, reshuffle = (
        over_levels("tenth", "large_final", action, "zero")
        for action in ("rewind", "constant_init_sign", "reshuffle_init_sign")
    )
    low, high = stats.ttest_rel(constant, rewind).confidence_interval(0.95)
    below = f"{(rewind - constant).mean():.2f} points below rewinding, [{low:+.2f}, {high:+.2f}]"
    assert f"a single magnitude is {below}" in text
    quarter = {
        name: over_levels("quarter", criterion, action, "zero")
        for name, criterion, action in (
            ("rewind", "large_final", "rewind"),
            ("constant", "large_final", "constant_init_sign"),
            ("random", "random", "rewind"),
        )
    }
    assert {name: len(seeds) for name, seeds in quarter.items()} == {"rewind": 4, "constant": 4, "random": 4}
    low, high = stats.ttest_rel(quarter["constant"], quarter["rewind"]).confidence_interval(0.95)
    below = f"{(quarter['rewind'] - quarter['constant']).mean():.2f} points below, [{low:+.2f}, {high:+.2f}]"
    assert f"With a quarter of the schedule (four seeds) it is {below}" in text
    random = over_levels("tenth", "random", "rewind", "zero")
    kept = [
        (constant - random).mean() / (rewind - random).mean(),
        (quarter["constant"] - quarter["random"]).mean() / (quarter["rewind"] - quarter["random"]).mean(),
    ]
    assert (
        "with a tenth of the schedule it has {:.0f}% of that lead, with a quarter of it {:.0f}%".format(
            *(100 * share for share in kept)
        )
        in text
    )
    hybrid, reverse, at_random = (
        over_levels("quarter", "large_final", "rewind", action)
        for action in ("hybrid", "hybrid_reverse", "hybrid_random")
    )
    assert (hybrid > reverse).all() and f"`hybrid` is {(hybrid - reverse).mean():.2f} points above" in text
    assert stats.ttest_rel(hybrid, at_random, alternative="greater").pvalue > 0.05
    assert f"`reshuffle_init_sign`, {(rewind - reshuffle).mean():.2f} points below rewinding, is equivalent" in text
    with_five = 2.8 * stdev(dense[:5])
    assert f"For fc the margin is {margin:.2f} points" in text and len(dense) == 8
    assert f"With the first five of their eight seeds it would be {with_five:.2f} points" in text
    assert max(within(reshuffle, rewind, each) for each in (margin, 0.2)) < 0.05 < within(reshuffle, rewind, with_five)
    assert max(within(constant, rewind, each) for each in (margin, 0.2, with_five)) < 0.05
    movement, large_final = (over_levels("half", name, "rewind", "zero") for name in ("movement", "large_final"))
    low, high = stats.ttest_rel(large_final, movement).confidence_interval(0.95)
    assert f"`movement`, {(large_final - movement).mean():.2f} [{low:.2f}, {high:.2f}] below `large_final`" in text
    assert min(within(movement, large_final, each) for each in (margin, 0.2, with_five)) > 0.05


def test_what_agrees_with_frankle_and_carbin_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = defaultdict(lambda: defaultdict(list))
    for row in rows_of("levels"):
        names = [row[name] for name in ("network", "schedule", "criterion", "mask1", "mask0")]
        if names in (["fc", "half", "dense", "", ""], ["fc", "half", "large_final", "rewind", "zero"]):
            for name in ("early_stop_iteration", "test_accuracy"):
                found[row["level"]][name].append(float(row[name]))
    dense, fifth, little = (
        {name: fmean(values) for name, values in found[level].items()} for level in ("0", "7", "15")
    )
    stops = fifth["early_stop_iteration"], dense["early_stop_iteration"]
    earlier = f"stops {1 - stops[0] / stops[1]:.0%} earlier than the dense network"
    assert f"{earlier} ({stops[0]:,.0f} iterations, against {stops[1]:,.0f};" in text
    accuracies = [f"{100 * each['test_accuracy']:.2f}" for each in (little, dense)]
    assert "({}, against {}; Frankle & Carbin: also at 3.6%)".format(*accuracies) in text


def test_what_is_said_of_tickets_and_their_controls_is_so():
    page = " ".join((MEASURED / "README.md").read_text(encoding="utf-8").split())
    stops, accuracies = defaultdict(lambda: defaultdict(list)), defaultdict(lambda: defaultdict(list))
    late = []
    for row in [*rows_of("tickets/levels"), *rows_of("tickets/controls")]:
        level, iteration = int(row["level"]), int(row["early_stop_iteration"])
        kind = row.get("control") or "-".join((row["mask1"], row["rounds"])) * (level > 0)
        assert row["schedule"] == "8000"
        if level in (0, 7):
            stops[kind][row["seed"]].append(iteration)
            accuracies[kind][row["seed"]].append(float(row["test_accuracy"]))
        if kind == "random" and level >= 7:
            late.append(iteration >= 7000)

    def by_seed(values):
        return np.array([fmean(values[seed]) for seed in ("0", "1", "2")])

    dense, ticket = by_seed(stops[""]), by_seed(stops["rewind-iterative"])
    assert (ticket < dense).all() and (by_seed(accuracies["rewind-iterative"]) > by_seed(accuracies[""])).all()
    assert abs(ticket.mean() / dense.mean() - 2 / 3) < 0.02
    ratios = [by_seed(stops[kind]).mean() / ticket.mean() for kind in ("reinit", "random")]
    assert (
        "{:.1f} times as late as the ticket, a random subnetwork of the same size {:.1f} times".format(*ratios) in page
    )
    assert all((by_seed(accuracies[kind]) < by_seed(accuracies[""])).all() for kind in ("reinit", "random"))
    assert f"Of the {len(late)} random subnetworks with 21% kept and less, {sum(late)} have" in page
    p = stats.ttest_rel(ticket, dense, alternative="less").pvalue
    assert f"(p = {p:.2f})" in page


def test_the_tables_beside_the_csv_files_are_those_that_the_command_writes(light_command, tmp_path):
    options = (f"--table={','.join(TABLES)}", "--format=markdown", f"--out={tmp_path}")
    done = light_command("analysis.tables", f"--results_dir={MEASURED}", *options)
    assert done.returncode == 0, done.stderr
    stored = {path.name: path.read_text() for path in (MEASURED / "tables").iterdir()}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == stored


def test_what_is_said_of_sampling_and_rounding_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = defaultdict(list)
    for row in rows_of("learned_masks"):
        if (row["network"], row["iterations"], row["rescale"]) == ("fc", "22000", "False"):
            found[row["g"], row["weights"]].append(100 * float(row["test_accuracy"]))
    assert set(map(len, found.values())) == {3}
    means = [fmean(found[g, w]) for g in ("bernoulli", "rounded") for w in ("initial", "signed_constant")]
    said = "sampling has {:.1f} over initial weights and {:.1f} over the signed constant, rounding {:.1f} and {:.1f}"
    assert said.format(*means) in text


def test_what_is_said_of_heuristic_masks_of_fc_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    runs = defaultdict(lambda: defaultdict(list))  # (criterion, weights) -> seed -> (level, validation, test) in %
    for row in rows_of("supermasks"):
        if (row["network"], row["schedule"]) == ("fc", "paper"):
            accuracies = (100 * float(row[f"{split}_accuracy"]) for split in ("validation", "test"))
            runs[row["criterion"], row["weights"]][row["seed"]].append((row["level"], *accuracies))
    ways = [runs["large_final_same_sign", weights] for weights in ("initial", "signed_constant")]
    assert {len(way) for way in ways} == {8}
    best = [[max(test for *_, test in masks) for masks in way.values()] for way in ways]
    assert "as accurate as published: {:.1f} and {:.1f} over eight seeds".format(*map(fmean, best)) in text
    validated = [fmean(max(masks, key=lambda mask: mask[1])[2] for masks in way.values()) for way in ways]
    assert "Chosen on validation images they have {:.1f} and {:.1f}".format(*validated) in text
    single = []
    for way in ways:
        by_level = defaultdict(list)
        for level, _, test in (mask for masks in way.values() for mask in masks):
            by_level[level].append(test)
        single.append(max(map(fmean, by_level.values())))
    said = "they have {:.1f} and {:.1f}, which is {:.1f} and {:.1f} below the published values"
    assert said.format(*single, 79.3 - single[0], 86.3 - single[1]) in text
    other = [max(test for *_, test in masks) for masks in runs["magnitude_increase_same_sign", "initial"].values()]
    assert f"has {fmean(other):.1f}, as good as `large_final_same_sign`" in text
    assert [round(float(np.ptp(own))) for own in best] == [12, 5]
    assert "the eight seeds of fc span five to twelve points" in text


def test_what_is_said_of_heuristic_masks_of_conv2_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    best = {weights: defaultdict(lambda: defaultdict(float)) for weights in ("initial", "signed_constant")}
    for row in rows_of("supermasks"):
        if row["network"] == "conv2" and row["criterion"] == "large_final_same_sign":
            of_schedule = best[row["weights"]][row["schedule"]]
            of_schedule[row["seed"]] = max(of_schedule[row["seed"]], 100 * float(row["test_accuracy"]))
    initial, constant = ([*best[weights]["paper"].values()] for weights in best)
    said = "{:.1f}, {:.1f} and {:.1f} over initial weights (published 22.3), and {:.1f}, {:.1f} and {:.1f} over the"
    assert said.format(*initial, *constant) in text
    intervals = []
    for seeds, published in ((initial, 22.3), (constant, 37.4)):
        low, high = stats.t.interval(0.95, 2, fmean(seeds), stats.sem(seeds))
        intervals.append(f"[{low:.1f}, {high:.1f}]")
        assert low < published < high
    assert "The 95% intervals of the two means, {} and {}, contain the published values".format(*intervals) in text
    dense = [
        100 * float(row["test_accuracy"])
        for row in rows_of("levels")
        if (row["network"], row["schedule"], row["criterion"]) == ("conv2", "paper", "dense")
    ]
    assert len(dense) == 3 and f"hardly differ ({min(dense):.1f} to {max(dense):.1f})" in text
    shorter = [accuracy for weights in best for accuracy in best[weights]["tenth"].values()]
    said = "have {:.1f} and {:.1f} over initial weights, and only {:.1f} and {:.1f} over the signed constant"
    assert said.format(*shorter) in text
    published = {"conv2": (22.3, 37.4), "conv4": (23.7, 39.7), "conv6": (24.0, 41.0)}
    apart = [fmean(initial) - published["conv2"][0], fmean(constant) - published["conv2"][1]]
    for network in ("conv4", "conv6"):
        masks = [row for row in rows_of("supermasks") if row["network"] == network]
        for weights, value in zip(best, published[network], strict=True):
            apart.append(max(100 * float(row["test_accuracy"]) for row in masks if row["weights"] == weights) - value)
    assert f"by {min(apart):+.1f} to {max(apart):+.1f} points" in text
