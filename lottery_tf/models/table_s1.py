"""Table S1 of the paper as data, and Frankle & Carbin's deeper networks.

Table S1 in the paper's text has its row of dense layers shifted by one column; the weight counts settle which is which.
Epochs are of whole batches (the last partial batch is dropped), as in the authors' code.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """One column of Table S1, or of Frankle & Carbin's table of the networks that they study.

    Attributes:
      image_shape: height, width, channels of the images it is meant for.
      conv: (plain) channels of the 3x3 convolutions; a 2x2 max pooling follows each pair.
      dense: units of the dense layers, output layer last.
      optimizer: a name in `OPTIMIZERS`.
      learning_rate: of the optimizer.
      iterations: training steps of the paper's schedule.
      conv_pruned_fraction, dense_pruned_fraction, output_pruned_fraction: share of a layer's unmasked weights that a
        round prunes; 0 leaves such layers whole.
      batch_size: images a step.
      mask_learning_rate: of SGD with momentum 0.9 when a Supermask is learned (Section S3).
      mask_iterations: the "iterations" that Section S3 prints for that; the published accuracies took that many epochs.
      family: a name in `networks.FAMILIES`: how the network is built from this.
      stages: (residual, vgg) for each stage the number of its blocks or convolutions, and their channels.
      downsample_pruned_fraction: as above, for convolutions on a shortcut; None: as for other convolutions.
      scope: a name in `treatments.SCOPES`: how the network is pruned where nothing else is asked for.
      learning_rate_drops, warmup_iterations, weight_decay, augmentation: see `TrainingSettings`.
      dropout: share of the units of each hidden dense layer that a step leaves out; None: none.
      dropout_learning_rate, dropout_iterations: what takes the place of the two above where there is dropout.
    """

    image_shape: tuple[int, int, int]
    conv: tuple[int, ...]
    dense: tuple[int, ...]
    learning_rate: float
    iterations: int
    conv_pruned_fraction: float
    dense_pruned_fraction: float = 0.2
    output_pruned_fraction: float = 0.1
    optimizer: str = "adam"
    batch_size: int = 60
    mask_learning_rate: float = 100.0
    mask_iterations: int = 2000
    family: str = "plain"
    stages: tuple[tuple[int, int], ...] = ()
    downsample_pruned_fraction: float | None = None
    scope: str = "layer"
    learning_rate_drops: tuple[int, ...] | None = None
    warmup_iterations: int | None = None
    weight_decay: float | None = None
    augmentation: str | None = None
    dropout: float | None = None
    dropout_learning_rate: float | None = None
    dropout_iterations: int | None = None


NETWORKS: dict[str, NetworkSettings] = {
    "fc": NetworkSettings((28, 28, 1), (), (300, 100, 10), 1.2e-3, 55 * 916, 0.1),
    "conv2": NetworkSettings(
        (32, 32, 3),
        (64, 64),
        (256, 256, 10),
        2e-4,
        27 * 750,
        0.1,
        dropout_learning_rate=3e-4,
        dropout_iterations=3 * 27 * 750,
    ),
    "conv4": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128),
        (256, 256, 10),
        3e-4,
        34 * 750,
        0.1,
        mask_learning_rate=50.0,
        mask_iterations=1000,
        dropout_learning_rate=2e-4,
        dropout_iterations=3 * 34 * 750,
    ),
    "conv6": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128, 256, 256),
        (256, 256, 10),
        3e-4,
        40 * 750,
        0.15,
        mask_learning_rate=20.0,
        mask_iterations=800,
        dropout_learning_rate=2e-4,
        dropout_iterations=3 * 40 * 750,
    ),
    "resnet20": NetworkSettings(  # which Frankle & Carbin call ResNet-18
        (32, 32, 3),
        (),
        (10,),
        0.1,
        30_000,
        0.2,
        output_pruned_fraction=0.0,
        optimizer="momentum",
        batch_size=128,
        family="residual",
        stages=((3, 16), (3, 32), (3, 64)),
        downsample_pruned_fraction=0.0,
        scope="global",
        learning_rate_drops=(20_000, 25_000),
        weight_decay=1e-4,
        augmentation="flip_and_crop",
    ),
    "vgg19": NetworkSettings(
        (32, 32, 3),
        (),
        (10,),
        0.1,
        112_000,  # 160 epochs
        0.2,
        output_pruned_fraction=0.0,
        optimizer="momentum",
        batch_size=64,
        family="vgg",
        stages=((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
        scope="global",
        learning_rate_drops=(56_000, 84_000),  # epochs 80 and 120
        weight_decay=1e-4,
        augmentation="flip_and_crop",
    ),
}
