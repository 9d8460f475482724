"""Flags of the commands that train one network: the settings and seeds that they come to."""

from asked import answers

NAMES = ("network", "dataset", "schedule")
SETTINGS = f"[*(getattr(run := module.settings_from_flags({{}}), name) for name in {NAMES}), run.training.iterations]"
CASES = {
    (): ["fc", "digits", "1000", 1000],
    ("--dataset=mnist",): ["fc", "mnist", "paper", 50_380],
    ("--network=conv2", "--dataset=cifar10", "--schedule=half"): ["conv2", "cifar10", "half", 10_125],
    ("--iterations=60",): ["fc", "digits", "60", 60],
    ("--schedule=70",): ["fc", "digits", "70", 70],
    ("--schedule=half", "--iterations=60"): "Give --schedule or --iterations, not both.",
    ("--schedule=half", "--iterations=0"): "Give --schedule or --iterations, not both.",
}


def test_settings_are_those_of_the_network_and_the_length(command):
    told = answers(command, "runs.flags.common", SETTINGS, list(CASES))
    assert dict(zip(CASES, told, strict=True)) == CASES


def test_images_have_the_shape_that_the_network_takes(command):
    shapes = "[module.load_dataset('digits', name).train.images.shape for name in ('fc', 'conv2')]"
    assert answers(command, "runs.flags.common", shapes, [[]]) == [[[1200, 28, 28, 1], [1200, 32, 32, 3]]]


def test_seeds_are_numbers_and_ranges(command):
    assert answers(command, "runs.flags.common", "module.SEEDS.value", [[], ["--seeds=0-2,7"]]) == [[0], [0, 1, 2, 7]]
