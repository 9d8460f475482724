"""Table S1 of the paper as data, and Frankle & Carbin's deeper networks.

In the text of the paper, the row of dense layers in Table S1 is shifted by one column; here it is corrected by the
weight counts. Epochs have only whole batches (the last partial batch is dropped), as in the authors' code.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """The settings of one network: a column of Table S1, or of the table of Frankle & Carbin.

    Attributes:
      image_shape: height, width, channels of the images that the network is used for.
      conv: (plain) channels of the 3x3 convolutions; a 2x2 max pooling follows each pair.
      dense: units of the dense layers; the last one is the output layer.
      optimizer: a name in `OPTIMIZERS`.
      learning_rate: learning rate of the optimizer.
      iterations: training steps of the paper's schedule.
      conv_pruned_fraction, dense_pruned_fraction, output_pruned_fraction: fraction of a layer's unmasked weights that a
        round prunes; 0 for layers that are not pruned.
      batch_size: number of images in each training step.
      mask_learning_rate: learning rate of SGD with momentum 0.9 for learning a Supermask (Section S3).
      mask_iterations: the "iterations" for learning a Supermask in Section S3; the published accuracies needed this
        number of epochs.
      family: a name in `networks.FAMILIES`, the function that builds the network.
      stages: (residual, vgg) for each stage the number of its blocks or convolutions, and their channels.
      downsample_pruned_fraction: fraction for convolutions on a shortcut; None: as for other convolutions.
      scope: a name in `ranking.SCOPES`, the default scope of pruning.
      learning_rate_drops, warmup_iterations, weight_decay, augmentation: see `TrainingSettings`.
      dropout: dropout rate of each hidden dense layer; None: no dropout.
      dropout_learning_rate, dropout_iterations: learning rate and iterations with dropout; None: the same as without.
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
    "fc": NetworkSettings(  # it has no convolutions
        (28, 28, 1), (), (300, 100, 10), learning_rate=1.2e-3, iterations=55 * 916, conv_pruned_fraction=0.1
    ),
    "conv2": NetworkSettings(
        (32, 32, 3),
        (64, 64),
        (256, 256, 10),
        learning_rate=2e-4,
        iterations=27 * 750,
        conv_pruned_fraction=0.1,
        dropout_learning_rate=3e-4,
        dropout_iterations=3 * 27 * 750,
    ),
    "conv4": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128),
        (256, 256, 10),
        learning_rate=3e-4,
        iterations=34 * 750,
        conv_pruned_fraction=0.1,
        mask_learning_rate=50.0,
        mask_iterations=1000,
        dropout_learning_rate=2e-4,
        dropout_iterations=3 * 34 * 750,
    ),
    "conv6": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128, 256, 256),
        (256, 256, 10),
        learning_rate=3e-4,
        iterations=40 * 750,
        conv_pruned_fraction=0.15,
        mask_learning_rate=20.0,
        mask_iterations=800,
        dropout_learning_rate=2e-4,
        dropout_iterations=3 * 40 * 750,
    ),
    "resnet20": NetworkSettings(  # Frankle & Carbin call it ResNet-18
        (32, 32, 3),
        (),
        (10,),
        learning_rate=0.1,
        iterations=30_000,
        conv_pruned_fraction=0.2,
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
        learning_rate=0.1,
        iterations=112_000,  # 160 epochs
        conv_pruned_fraction=0.2,
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
