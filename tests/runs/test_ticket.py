"""`runs.ticket` as a user runs it: packs results, shows files, unpacks models, and refuses anything else."""

import numpy as np
import pytest
from ticket_files import draw_kernels, draw_mask, expected_kernel, same_bits

from lottery_tf.pruning import masks
from lottery_tf.results import files
from lottery_tf.results.result_files import write_files
from lottery_tf.tickets import packing, ticket_format


def result_files(contents):
    """The files of a result of some contents and a mask, with their checksums."""
    contents |= {"mask.npz": files.npz_bytes(masks.pack_mask(draw_mask("fc", 0.3)))}
    return contents | {"checksums.json": files.json_bytes({name: files.sha256(own) for name, own in contents.items()})}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results: a dense level, two trained ones (the first without weights), a winning ticket and a supermask."""
    import lottery_tf as lt

    root = tmp_path_factory.mktemp("results")
    settings = lt.experiment_settings("fc", "digits", "3")
    treatment = lt.Treatment("large_final", mask0="init")
    experiment = lt.paper_experiment(settings, lt.load("digits"), root, keep_weights=False)
    winning = lt.Treatment("large_final")
    for _ in (*experiment.levels(treatment, 2, levels=2), *experiment.levels(winning, 2, levels=1)):
        pass
    seed = root / "fc-digits" / "3" / "seed-2"
    supermask = seed / "supermask"
    labels = {"network": "fc", "dataset": "digits", "seed": 2, "weights": "signed_constant", "rescale": True}
    labels |= {"kind": "best_supermask", "source": "oneshot", "criterion": "large_final", "parent": "", "level": 1}
    labels |= {"kept_fraction": 0.8, "validation_accuracy": 0.5, "test_accuracy": 0.5}
    write_files(supermask, result_files({"metrics.json": files.json_bytes(labels)}))
    return {
        "dense": seed / "dense",
        "dropped": seed / treatment.name / "level-01",
        "trained": seed / treatment.name / "level-02",
        "winning": seed / winning.name / "level-01",
        "supermask": supermask,
    }


def test_trained_results_are_packed(warm_command, results, tmp_path):
    from lottery_tf.masking import model_weights

    for folder in (results["dense"], results["trained"]):
        done = warm_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path / 'x.ticket'}")
        assert done.returncode == 0, done.stderr
        packed = ticket_format.parse((tmp_path / "x.ticket").read_bytes())
        assert (packed.weights, packed.rescale, packed.seed) == ("trained", False, 2)
        with np.load(folder / "weights.npz") as arrays:
            wanted = {key[6:]: arrays[key] for key in arrays.files if key.startswith("final/")}
        assert same_bits(model_weights.get_weights(packing.rebuild(packed)), wanted)


def test_a_winning_ticket_is_its_mask_and_seed(warm_command, results, tmp_path):
    from lottery_tf.masking import model_weights

    for folder in (results["winning"], results["dense"]):
        file = tmp_path / "x.ticket"
        done = warm_command("runs.ticket", "pack", "--untrained", f"--run={folder}", f"--out={file}")
        assert done.returncode == 0, done.stderr
        assert file.stat().st_size < 266_200 / 8 + 1000
        with np.load(folder / "weights.npz") as arrays:
            wanted = {key[6:]: arrays[key] for key in arrays.files if key.startswith("start/")}
        assert same_bits(model_weights.get_weights(packing.rebuild(ticket_format.parse(file.read_bytes()))), wanted)


def test_what_did_not_begin_with_initial_weights_is_no_winning_ticket(light_command, results, tmp_path):
    given = ("pack", "--untrained", f"--run={results['dropped']}", f"--out={tmp_path / 'x.ticket'}")
    done = light_command("runs.ticket", *given)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    control = tmp_path / "level-01-reinit-1"
    own = {"kind": "control", "network": "fc", "dataset": "digits", "seed": 2, "mask1": "rewind", "mask0": "zero"}
    own |= {
        "level": 1,
        "kept_fraction": 0.8,
        "status": "finished",
        "parent": "",
        "fingerprint": "abc",
        "control": "reinit",
        "draw": 1,
    }
    write_files(control, result_files({"metrics.json": files.json_bytes(own)}))
    refused = light_command("runs.ticket", "pack", "--untrained", f"--run={control}", f"--out={tmp_path / 'x.ticket'}")
    assert f"--untrained packs the winning ticket of a level; {control} holds a control." in refused.stderr
    assert "needs a level that started from its initial weights under a mask; " in done.stderr
    assert "did not (mask1 rewind, mask0 init, rewind_to 0)." in done.stderr


def test_results_that_cannot_be_packed(light_command, results, tmp_path):
    dropped, measured = results["dropped"], tmp_path / "level-01-line-level-02"
    metrics = {"kind": "curve", "network": "fc", "dataset": "digits", "seed": 2}
    write_files(measured, result_files({"metrics.json": files.json_bytes(metrics)}))
    for folder, message in {
        dropped: "The weights of",
        dropped.parent: "is not a finished result",
        measured: "holds a measurement (curve), not a network or a mask",
    }.items():
        done = light_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path / 'x.ticket'}")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert message in done.stderr
    assert not (tmp_path / "x.ticket").exists()


LOAD_PLAIN = """
import sys
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.savez(sys.argv[2], **{layer.name: layer.get_weights()[0] for layer in model.layers if layer.weights})
assert not any(name.startswith("lottery_tf") for name in sys.modules)
assert type(model.layers[-1]) is keras.layers.Dense
"""


def test_each_verb_does_its_work(command, warm_command, results, tmp_path):
    file, model = tmp_path / "x.ticket", tmp_path / "model.keras"
    packed = warm_command("runs.ticket", "pack", f"--run={results['supermask']}", f"--out={file}")
    assert packed.returncode == 0, packed.stderr
    assert f"{file.stat().st_size:,} bytes" in packed.stdout

    shown = warm_command("runs.ticket", "inspect", file)
    assert shown.returncode == 0, shown.stderr
    mask = draw_mask("fc", 0.3)
    kept = mask["dense_1/kernel"].sum()
    assert ["dense_1/kernel", "235,200", f"{kept:,}", f"{100 * kept / 235_200:.3f}"] in [
        line.split() for line in shown.stdout.splitlines()
    ]
    assert "fc for 28x28x1 images in 10 classes" in shown.stdout
    assert "supermask on the signed constant, rescaled" in shown.stdout
    assert f"{4 * 266_610:,}" in shown.stdout

    unpacked = warm_command("runs.ticket", "unpack", file, f"--to={model}")
    assert unpacked.returncode == 0, unpacked.stderr
    loaded = command(None, model, tmp_path / "weights.npz", code=LOAD_PLAIN)
    assert loaded.returncode == 0, loaded.stderr
    initial = draw_kernels({name: value.shape for name, value in mask.items()}, 2)
    wanted = {name[:-7]: expected_kernel(initial[name], mask[name], "signed_constant", True) for name in mask}
    with np.load(tmp_path / "weights.npz") as weights:
        assert same_bits(dict(weights), wanted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "weights.npz", "x.ticket"]

    small = warm_command("runs.ticket", "unpack", file, f"--to={tmp_path / 'small.keras'}", "--compact")
    assert small.returncode == 0, small.stderr
    images = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    import keras

    outputs = [keras.models.load_model(path)(images).numpy() for path in (model, tmp_path / "small.keras")]
    np.testing.assert_allclose(*outputs, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give a verb: pack, inspect, unpack, examples."),
        (("unpak",), "Unknown verb 'unpak'; did you mean 'unpack'?"),
        (("pack", "--run=x"), "pack needs --out."),
        (("pack", "--run=x", "--out=/tmp"), "--out is /tmp, a folder; it must name a file."),
        (("pack", "--run=x", "--out=y", "--dtype=int8"), "Unknown dtype 'int8'. Valid: float32, float16."),
        (("pack", "--run=tests", "--out=y"), "tests is not a finished result"),
        (("inspect",), "inspect takes the ticket file"),
        (("inspect", "setup.cfg"), "setup.cfg cannot be read as a ticket: it does not begin as one."),
        (("unpack", "setup.cfg", "--to=x.h5"), "Keras needs a name that ends in .keras."),
        (("unpack", "none", "--to=x.keras"), "There is no file none."),
        (("inspect", "fc-mnist-supermsk"), "'fc-mnist-supermsk'; did you mean 'fc-mnist-supermask'?"),
    ],
)
def test_refused_commands(light_command, arguments, message):
    done = light_command("runs.ticket", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_is_imported_before_it_is_needed(command):
    check = (
        "import sys, lottery_tf.tickets.packing, runs.ticket; assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    assert command(None, code=check).returncode == 0
    shown = command("runs.ticket", "--help")
    assert "--dtype" in shown.stdout
    assert "--seeds" not in shown.stdout
