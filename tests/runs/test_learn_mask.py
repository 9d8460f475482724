"""`runs.learn_mask` as a user runs it: learns, resumes, exports and packs, and refuses invalid flags."""

import pytest

pytestmark = pytest.mark.slow  # masks are learned


def test_a_preset_and_flags_that_change_it(warm_command, tmp_path):
    more = ("--mask_preset=adam_cosine", "--iterations=5", "--eval_interval=5", f"--results_dir={tmp_path}")
    for changes in ((), ("--learning_rate=0.5", "--precision=mixed_bfloat16")):
        done = warm_command("runs.learn_mask", *more, *changes)
        assert done.returncode == 0, done.stderr
    folders = {path.parent.name for path in tmp_path.rglob("metrics.json")}
    assert folders == {
        "initial-bernoulli-m0-adam0.1-batch250-5-cosine",
        "initial-bernoulli-m0-adam0.5-batch250-5-cosine-mixed_bfloat16",
    }


def test_the_command_learns_resumes_and_packs(command, warm_command, tmp_path):
    arguments = (
        "--weights=initial,signed_constant", "--rescale", "--initial_logit=0,dense_1=1+dense_2=0+output=-1",
        "--iterations=30", "--eval_interval=15", "--batch_size=50", "--seeds=1", "--l1=1e-7",
    )  # fmt: skip
    done = command("runs.learn_mask", *arguments, f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("% kept, test accuracy") == 4
    again = warm_command("runs.learn_mask", *arguments, f"--results_dir={tmp_path}")
    assert again.stderr.count("% kept, test accuracy") == 0, "a finished mask was learned again"
    assert again.stdout == done.stdout
    assert "signed constant, rescaled, bernoulli, m=dense_1=1+dense_2=0+output=-1" in done.stdout
    warm_command("analysis.export", f"--results_dir={tmp_path}", "--kind=learned_mask", f"--out={tmp_path}/masks.csv")
    rows = (tmp_path / "masks.csv").read_text().splitlines()
    assert len(rows) == 1 + 4
    assert "signed_constant,bernoulli,True,0,1e-07,,momentum,100.0,50,30,none,1.0,float32" in "".join(rows)
    (folder,) = (tmp_path / "fc-digits" / "learned_masks" / "seed-1").glob("initial-bernoulli-rescaled-m0-*")
    packed = warm_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path}/mask.ticket")
    assert packed.returncode == 0, packed.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--g=rounded", "--initial_logit=1", "--seeds=0,1"),
        ("--g=edge_popup", "--kept_fraction=0.3,0.6"),
        ("--weight_multiplier=1,0.5", "--weights=signed_constant"),
    ],
)
def test_the_other_gates_by_command(arguments, warm_command, tmp_path):
    done = warm_command("runs.learn_mask", *arguments, "--epochs=1", "--optimizer=adam", f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("% kept, test accuracy") == 2
    assert ("signed constant x 0.5, bernoulli, m=0" in done.stdout) == ("multiplier" in arguments[0])
    for share in (0.3, 0.6) if "edge_popup" in arguments[0] else ():
        assert f"kept {share}" in done.stdout
        assert f"{100 * (1 - share):.2f}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network=fcc"], "Unknown network 'fcc'"),
        (["--g=bernoull"], "Unknown function g 'bernoull'; did you mean 'bernoulli'"),
        (["--weights=const"], "Unknown kind of weights 'const'"),
        (["--weights="], "--weights is empty; it needs at least one value"),
        (["--weights=initial,initial"], "--weights gives 'initial' more than once"),
        (["--initial_logit=nan"], "initial_logit is nan; it must be a finite number"),
        (["--g=edge_popup", "--kept_fraction=0.5", "--initial_logit=1"], "--initial_logit does not go with"),
        (["--initial_logit=x"], "--initial_logit takes numbers; 'x' is not one"),
        (["--g=edge_popup"], "--g=edge_popup needs --kept_fraction"),
        (["--weight_multiplier=1,0"], "weight_multiplier is 0.0; it must be a finite number above 0"),
        (["--g=edge_popup", "--kept_fraction=2"], "kept_fraction is 2.0; it must lie between 0 and 1"),
        (["--kept_fraction=0.5"], "g = edge_popup needs a kept fraction; the other gates take none"),
        (["--epochs=2", "--iterations=3"], "Give --epochs or --iterations, not both"),
        (["--epochs=0"], "iterations is 0"),
        (["--batch_size=0"], "batch_size is 0"),
        (["--epochs=1", "--batch_size=0"], "--batch_size is 0; it must be 1 to 1200"),
        (["--epochs=1", "--batch_size=1201"], "--batch_size is 1201; it must be 1 to 1200"),
        (["--l1=-1"], "l1 is -1.0"),
        (["--optimizer=rms"], "Unknown optimizer 'rms'"),
    ],
)
def test_refused_flags(arguments, message, light_command):
    done = light_command("runs.learn_mask", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_logits_for_layers_that_are_not_there(warm_command):
    done = warm_command("runs.learn_mask", "--initial_logit=dense_9=1", "--iterations=1")
    assert done.returncode == 2
    assert "missing or unknown: dense_1/kernel" in done.stderr
