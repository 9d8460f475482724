"""Thresholds and histograms of levels, against the weights themselves."""

import numpy as np
import pytest
from measured_levels import SETTINGS, measured, trained_levels

from lottery_tf.landscape import retraining
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow  # networks are trained and measured


def test_thresholds_are_what_the_next_level_prunes(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    thresholds = [metrics for metrics in measured(measurer, trained, "magnitudes") if metrics["kind"] == "threshold"]
    assert [metrics["level"] for metrics in thresholds] == [1, 2, 3]
    for metrics in thresholds[:-1]:
        own, following = measurer.level(trained, metrics["level"]), measurer.level(trained, metrics["level"] + 1)
        before = measurer.level(trained, metrics["level"] - 1)
        for row in metrics["rows"][:-1]:
            name = row["layer"]
            kept, pruned = own.mask[name], own.mask[name] & ~following.mask[name]
            threshold = float(np.abs(own.final[name][pruned]).max())
            assert row["threshold"] == pytest.approx(threshold)
            assert row["share_after"] == pytest.approx(pruned.sum() / kept.sum())
            assert row["share_before"] == pytest.approx((np.abs(before.final[name][kept]) <= threshold).mean())
        assert metrics["rows"][-1]["layer"] == retraining.WHOLE_NETWORK


def test_histograms_hold_every_kept_weight(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer, Treatment(rounds="oneshot"))
    for metrics in measured(measurer, trained, "magnitudes"):
        if metrics["kind"] == "histogram":
            mask = measurer.level(trained, metrics["level"]).mask
            for name, kept in mask.items():
                own = [row for row in metrics["rows"] if row["layer"] == name]
                assert len(own) == SETTINGS.bins
                assert sum(row["before"] for row in own) == sum(row["after"] for row in own) == kept.sum()
            before = measurer.level(trained, 0).final
            magnitudes = np.abs(before[name][kept])
            assert own[1]["before"] == ((magnitudes >= own[1]["bin_from"]) & (magnitudes < own[1]["bin_to"])).sum()


def test_global_pruning_has_one_threshold(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer, Treatment(scope="global"))
    threshold = measured(measurer, trained, "magnitudes")[0]
    own, following = measurer.level(trained, 1), measurer.level(trained, 2)
    pruned = np.concatenate([own.final[name][own.mask[name] & ~following.mask[name]] for name in own.mask])
    assert [row["threshold"] for row in threshold["rows"]] == pytest.approx([float(np.abs(pruned).max())] * 3)
    rays = measured(measurer, trained, "flatness", [1])[1]
    assert rays["next_pruned_fraction"] == pytest.approx(
        1 - masks.kept_fraction(following.mask) / masks.kept_fraction(own.mask)
    )
