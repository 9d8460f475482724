"""Names as they were before a change still work, and warn."""

import numpy as np
import pytest

import lottery_tf as lt

OLD_NAMES = {  # class -> its old names and what they are called now, as the CHANGELOG lists them
    lt.Treatment: {"made": "matches", "goes_on": "continues_training", "check_length": "check_training"},
    lt.HeuristicSupermasks: {"ladder": "evaluate"},
    lt.Trainer: {"of": "with_model"},
    lt.MaskLearner: {"of": "with_settings"},
    lt.MaskedModel: {"drawn": "draw_network", "scatter_scores": "draw_scores"},
    lt.MaskSummary: {"left_whole": "without_mask"},
}


def test_methods_and_properties_do_what_their_new_names_do():
    treatment, summary = lt.Treatment(mask1="finetune"), lt.MaskSummary(10, 8, {"last": 2})
    with pytest.warns(DeprecationWarning, match=r"^Treatment.made is now called Treatment.matches\.$") as warned:
        assert treatment.made({"criterion": "large_final", "mask1": "finetune"})
    assert warned[0].filename == __file__, "Python shows such warnings only for the caller's own code"
    with pytest.warns(DeprecationWarning, match="continues_training"):
        assert treatment.goes_on
    with pytest.warns(DeprecationWarning, match="check_training"), pytest.raises(lt.InputError, match="rewind_to is 5"):
        lt.Treatment(rewind_to=5).check_length(iterations=5)
    with pytest.warns(DeprecationWarning, match="without_mask"):
        assert summary.left_whole == {"last": 2}


def test_masked_models_draw_under_the_old_name_too():
    masked = lt.MaskedModel(lt.build("fc", (2, 2, 1)), g="edge_popup", kept_fraction=0.5)
    logits = [mask.logits.numpy() for mask in masked.masks]
    with pytest.warns(DeprecationWarning, match="draw_scores"):
        masked.scatter_scores(1)
    changed = [mask.logits.numpy() for mask in masked.masks]
    masked.draw_scores(1)
    for before, drawn, again in zip(logits, changed, masked.masks, strict=True):
        assert (before != drawn).any()
        np.testing.assert_array_equal(drawn, again.logits.numpy())


@pytest.mark.parametrize("owner", OLD_NAMES)
def test_every_old_name_is_there_and_its_new_one_too(owner):
    for old, new in OLD_NAMES[owner].items():
        assert old in vars(owner)
        assert new in vars(owner) or new in owner.__dataclass_fields__
