"""Results folders with made-up numbers, written through the real store, small or of a whole study's size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from analysis.tables.table_s1 import kernel_shapes
from lottery_tf.landscape.measurements.row_names import METHODS
from lottery_tf.models.settings import ExperimentSettings, TrainingSettings, experiment_settings
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import (
    DENSE,
    control_path,
    experiment_folder,
    learned_mask_path,
    level_name,
    level_path,
    measurement_path,
    supermask_path,
)
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.seeds import generator
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource

COMMAND = "python -m runs.lottery --network=fc"  # that made the levels
PANELS = (("fc", "mnist", "paper"), *((network, "cifar10", "paper") for network in ("conv2", "conv4", "conv6")))
DENSE_ACCURACY = {"fc": 0.977, "conv2": 0.692, "conv4": 0.754, "conv6": 0.783}
TREATMENTS = tuple({treatment: None for figure in paper.FIGURE_LINES.values() for treatment in figure.lines.values()})
LEARNED = tuple(settings for column in paper.LEARNED_MASKS.values() for settings in column)

WORTH = {  # how far above (below) random each name lifts (lowers) accuracy, in a world where all of the paper holds
    "large_final": 1.0, "small_final": -1.0, "large_init": 0.5, "small_init": -0.5, "large_init_large_final": 0.8,
    "small_init_small_final": -0.8, "magnitude_increase": 1.0, "movement": 0.7, "random": 0.0,
    "large_final_same_sign": 3.0, "large_final_diff_sign": -1.0,
    "reinit": -0.9, "reshuffle": -0.8, "constant": -0.7, "init": -0.4, "hybrid": 0.4, "hybrid_all": 0.5,
    "hybrid_random": -0.2, "hybrid_reverse": -0.5,
}  # fmt: skip

MEASURED_ALIKE = {  # kind of measurement -> the metrics that all levels but the dense network have of it
    "histogram": {
        "rows": [
            {"layer": "dense_1/kernel", "bin_from": 0.1 * at, "bin_to": 0.1 * at + 0.1, "before": at, "after": 4 - at}
            for at in range(4)
        ]
    },
}

MASK = {"dense_1/kernel": np.array([[True, False], [True, True]])}

Run = tuple[int, str, int]  # seed, the treatment's or mask's name, level
Accuracy = Callable[[str, int, str, int], float]  # network, seed, the treatment's name, level -> a share in [0, 1]


def worth(treatment: str) -> float:
    """How much better than random a treatment is, from the parts of its name."""
    return sum(WORTH.get(part, 0.0) for part in treatment.split("-"))


def paper_like(network: str, seed: int, treatment: str, level: int) -> float:
    """An accuracy that moves with the level as the treatment is worth, with a little noise; large_final rises a little.

    Weights frozen at their initial values are worse than zeros, but not in the last levels.
    """
    noise = generator(seed, network, treatment, level).normal() if level else 0.1 * seed
    late = 0.03 if treatment.endswith("-init") and level > 18 else 0.0
    trend = level * (0.002 * worth(treatment) - 0.0019)
    return float(np.clip(DENSE_ACCURACY[network] + trend + late + 0.0005 * noise, 0.05, 1.0))


def write_results(
    root: str | Path,
    panels: Iterable[tuple[str, str, str]] = PANELS[:1],
    treatments: Iterable[Treatment] = TREATMENTS,
    seeds: Iterable[int] = (0, 1, 2),
    levels: int = 3,
    mask_sources: Iterable[MaskSource] = (),
    learned: Iterable[MaskSettings] = (),
    controls: Iterable[str] = (),
    landscape: Iterable[Treatment] = (),
    accuracy: Accuracy = paper_like,
    missing: Collection[Run] = (),
    diverged: Collection[Run] = (),
    seconds: float = 1.5,
) -> Path:
    """Writes a results folder.

    Args:
      root: where; made if it does not exist.
      panels: network, data set and schedule of each experiment.
      treatments: those that are trained; () trains the dense networks only.
      seeds: the seeds of all of it.
      levels: rounds of pruning, and levels of heuristic supermasks.
      mask_sources: heuristic supermasks, such as `paper.HEURISTIC_MASK_SOURCES`; the baseline comes with them.
      learned: learned masks, such as `LEARNED`.
      controls: kinds of controls of each level of large_final with rewinding and zeros, two draws each.
      landscape: the treatments whose levels are measured in every way.
      accuracy: what test accuracy a level (or a control, named "reinit-1" for example) has; the early-stopping
        iteration falls as it rises.
      missing: levels that are not there.
      diverged: levels whose training diverged; nothing follows them.
      seconds: how long each training took.

    Returns:
      The folder.
    """
    treatments, seeds, mask_sources, learned = map(tuple, (treatments, seeds, mask_sources, learned))
    controls, landscape = map(tuple, (controls, landscape))
    # Made-up numbers need not survive a power cut, and flushing each file takes most of the time.
    with mock.patch("os.fsync"):
        for panel in panels:
            study = _Study(Path(root), experiment_settings(*panel), levels, accuracy, missing, diverged, seconds)
            for seed in seeds:
                study.write_dense(seed)
                for treatment in treatments:
                    study.write_treatment(seed, treatment)
                for mask_source in (UNTRAINED, *mask_sources) if mask_sources else ():
                    study.write_supermasks(seed, mask_source)
                for mask in learned:
                    study.write_learned(seed, mask)
                for control in controls:
                    study.write_controls(seed, Treatment(), control)
                for treatment in landscape:
                    study.write_landscape(seed, treatment)
    return Path(root)


def kept_fractions(network: str, levels: int) -> list[float]:
    """The kept fraction of a network of Table S1 at levels 0 to `levels`."""
    table = NETWORKS[network]
    kernels = {str(index): np.empty(shape, np.int8) for index, shape in enumerate(kernel_shapes(table))}
    shares = kept_counts.pruned_fraction_by_layer(
        kernels, table.conv_pruned_fraction, table.dense_pruned_fraction, table.output_pruned_fraction
    )
    return kept_counts.kept_fractions(kernels, shares, levels)


@dataclasses.dataclass
class _Study:
    """Writes the results of one network, data set and schedule."""

    root: Path
    settings: ExperimentSettings
    levels: int
    accuracy: Accuracy
    missing: Collection[Run]
    diverged: Collection[Run]
    seconds: float

    def __post_init__(self):
        own = dataclasses.asdict(self.settings) | {"data": "made up"}
        self.folder = ResultsFolder(self.root / experiment_folder(self.settings), own)
        self.network = self.settings.network
        self.network_and_dataset = {"network": self.network, "dataset": self.settings.dataset}
        self.labels = self.network_and_dataset | {"schedule": self.settings.schedule}
        self.kept_fractions = kept_fractions(self.network, self.levels)

    def write_dense(self, seed: int) -> None:
        names = {"criterion": DENSE, "mask1": "", "mask0": "", "scope": "", "rounds": ""}
        found = self.accuracy(self.network, seed, DENSE, 0)
        self._write_level(seed, dataclasses.asdict(Treatment()) | names, DENSE, 0, found)

    def write_treatment(self, seed: int, treatment: Treatment) -> None:
        for level in range(1, self.levels + 1):
            run = (seed, treatment.name, level)
            if run in self.missing:
                continue
            found = None if run in self.diverged else self.accuracy(self.network, seed, treatment.name, level)
            self._write_level(seed, dataclasses.asdict(treatment), treatment.name, level, found)
            if found is None:
                return

    def write_controls(self, seed: int, treatment: Treatment, control: str) -> None:
        for level in range(1, self.levels + 1):
            for draw in (1, 2):
                names = dataclasses.asdict(treatment) | {"kind": "control", "control": control, "draw": draw}
                name = f"{control}-{draw}"
                found = None if (seed, name, level) in self.diverged else self.accuracy(self.network, seed, name, level)
                self._write_level(
                    seed, names, name, level, found, control_path(seed, treatment.name, level, control, draw)
                )

    def _write_level(
        self, seed: int, names: dict, name: str, level: int, found: float | None, where: str | None = None
    ) -> None:
        iterations, there = self.settings.training.iterations, found is not None
        metrics = {
            "kind": "level",
            **self.labels,
            **names,
            "seed": seed,
            "level": level,
            "parent": "",
            "early_stop_iteration": int(iterations * (1 - 0.9 * found)) // 100 * 100 if there else 0,
            "early_stop_val_loss": 1 - found if there else None,
            "test_accuracy": found,
            "final_test_accuracy": max(0.0, found - 0.001) if there else None,
            "iterations": iterations if there else 100,
            "seconds": self.seconds,
            "status": "finished" if there else "diverged",
            "kept_fraction": self.kept_fractions[level],
            "fingerprint": f"{seed} {name} {level}",
            "keep_weights": False,
            "versions": {"numpy": "2"},
            "made_by": {"command": COMMAND, "machine": "a machine", "threads": 2, "commit": None},
        }
        history = np.array([[0, np.nan, np.nan, 2.3, 0.1], [100, 1.0, 0.5, 1.1, 0.6]])
        self.folder.write(where or level_path(seed, name, level), StoredResult(MASK, metrics, history))

    def write_landscape(self, seed: int, treatment: Treatment) -> None:
        """Measurements in a world where all of Paul et al. holds: half of the levels match, the others are apart."""
        for level in range(self.levels):
            about = self.labels | {"seed": seed, **dataclasses.asdict(treatment)}
            about |= {"level": level, "kept_fraction": self.kept_fractions[level]}
            noise = generator(seed, self.network, treatment.name, level, "landscape")
            for name, metrics in self._measurements(level, noise):
                path = measurement_path(seed, treatment.name, level_name(level), name)
                self.folder.write(path, StoredResult({}, about | metrics | {"parent": "", "seconds": 0.1}))

    def _measurements(self, level: int, noise: np.random.Generator) -> Iterator[tuple[str, dict]]:
        matches = level < self.levels // 2
        dense = 1 - DENSE_ACCURACY[self.network]
        error = dense + (0.001 if matches else 0.01)
        barrier = (0.001 if matches else 0.05) * (1 + 0.1 * noise.random())
        shape = {"dense_error": dense, "error_barrier": barrier, "loss_barrier": barrier}

        def path(**about: str) -> list[dict]:
            heights = (0, barrier, 0)
            places = zip((0.0, 0.5, 1.0), heights, strict=True)
            return [{**about, "position": at, "loss": 5 * (error + up), "error": error + up} for at, up in places]

        following = {"second_level": level + 1, "second_kept_fraction": self.kept_fractions[level + 1]}
        ends = {"first": level_name(level), "second": level_name(level + 1)}
        ends |= {"first_error": dense if matches else error, "second_error": error, "relation": "successive"}
        yield f"line-{ends['second']}", {"kind": "line", **following, **ends, **shape, "rows": path()}
        for multiple in (0.5, 1.0, 2.0) if level else ():
            near = {name: value * multiple**2 if "barrier" in name else value for name, value in shape.items()}
            near |= {f"{name}_to_before": 2 * value for name, value in near.items() if "barrier" in name}
            near |= {"multiple": multiple, "draw": 1, "projection": 2.0, "distance": 2 * multiple}
            near |= {"end_error": error, "unperturbed_error": error, "kind": "perturbation"}
            yield f"perturbation-{multiple:g}-1", near | {"rows": path(line="unperturbed") + path(line="before")}
        top = 10.0 / (level + 1) * (1 + 0.1 * noise.random())
        nodes = [(-0.01 * top, 0.3), (0.0, 0.5), (0.3 * top, 0.199), (top, 0.001)]
        rows = [{"found_by": "lanczos", "eigenvalue": value, "weight": weight} for value, weight in nodes]
        rows += [{"found_by": "eigsh", "eigenvalue": top, "weight": 0.01}]
        spectrum = {"size": 100, "top_eigenvalue": top, "trace": 6 * top, "trace_standard_error": 0.1}
        yield "spectrum", {"kind": "spectrum", **spectrum, "gradient_length": 0.01, "rows": rows}
        curvatures = {"large_final": 0.01, "random": 0.03, "random direction": 0.02}
        rows = [
            {"direction": name, "length": 2.0, "curvature": value * (1 + 0.1 * noise.random())} | point
            for name, value in curvatures.items()
            for point in path()
        ]
        yield "ray", {"kind": "ray", "next_pruned_fraction": 0.2, "rows": rows}
        yield from self._limits(level, error, noise)
        shares = {"share_before": 0.1 + 0.01 * noise.random(), "share_after": 0.2, "threshold": 0.1}
        rows = [
            {"layer": layer, "weights": 10, **shares, "length_before": 2.0, "length_after": 1.0}
            for layer in ("dense_1/kernel", "all")
        ]
        if level:
            yield "threshold", {"kind": "threshold", "rows": rows}
            yield from ((kind, {"kind": kind, **metrics}) for kind, metrics in MEASURED_ALIKE.items())

    def _limits(self, level: int, error: float, noise: np.random.Generator) -> Iterator[tuple[str, dict]]:
        ends = {"kind": "limit", "end_error": error, "allowed_error": error + 0.002}
        rows = []
        for pruned_by, lead in (("large_final", 0.2), ("random", 0.0)):
            share = 0.7 / (level + 1) + lead
            for method in METHODS[:-1]:
                found = {"pruned_fraction": share + 0.01 * noise.random()}
                rows.append({"pruned_by": pruned_by, "method": method, **found})
            retrained = {"pruned_by": pruned_by, "method": METHODS[-1], "pruned_fraction": share + 0.02}
            yield f"limit-retrained-{pruned_by}", {**ends, "rows": [retrained]}
        yield "limit", {**ends, "loss_allowance": 0.01, "rows": rows}

    def write_supermasks(self, seed: int, mask_source: MaskSource) -> None:
        rows = list(self._supermask_rows(seed, mask_source))
        identity = self.labels | {"seed": seed, **dataclasses.asdict(mask_source)}
        for weights in SUPERMASK_WEIGHTS:
            best = max((row for row in rows if row["weights"] == weights), key=lambda row: row["validation_accuracy"])
            metrics = {"kind": "best_supermask", **identity, **best, "rescale": False, "parent": ""}
            self.folder.write(supermask_path(seed, mask_source.name, weights), StoredResult(MASK, metrics))
        metrics = {"kind": "supermask", **identity, "levels": self.levels, "rows": rows, "seconds": 0.1, "parent": ""}
        self.folder.write(supermask_path(seed, mask_source.name), StoredResult(MASK, metrics))

    def _supermask_rows(self, seed: int, mask_source: MaskSource) -> Iterator[dict]:
        for level in range(1, self.levels + 1) if mask_source != UNTRAINED else (0,):
            for weights in SUPERMASK_WEIGHTS:
                noise = generator(seed, self.network, mask_source.name, weights, level).normal()
                lift = 0.15 * max(0.0, worth(mask_source.criterion)) * level / self.levels
                lift *= 1.5 if weights == "signed_constant" else 1
                found = float(np.clip(0.1 + lift + 0.01 * noise, 0, 1))
                yield {
                    "level": level,
                    "kept_fraction": self.kept_fractions[level],
                    "weights": weights,
                    "validation_accuracy": round(found, 3),
                    "test_accuracy": found,
                }

    def write_learned(self, seed: int, mask: MaskSettings) -> None:
        table = NETWORKS[self.network]
        training = TrainingSettings(table.mask_iterations, table.mask_learning_rate, "momentum", paper.MASK_BATCH)
        below = 0.03 + 0.01 * abs(float(mask.initial_logit)) - 0.02 * mask.rescale
        found = DENSE_ACCURACY[self.network] - below + 0.001 * generator(seed, self.network, mask.name).normal()
        pruned = 1 / (1 + np.exp(float(mask.initial_logit)))
        metrics = {
            "kind": "learned_mask",
            **self.network_and_dataset,
            "seed": seed,
            **{name: value for name, value in dataclasses.asdict(mask).items() if name != "kept_fraction"},
            "chosen_kept_fraction": mask.kept_fraction,
            "initial_logit": mask.logit_name,
            "optimizer": training.optimizer,
            "learning_rate": training.learning_rate,
            "batch_size": training.batch_size,
            "iterations": training.iterations,
            "status": "finished",
            "best_iteration": training.iterations,
            "best_val_accuracy": round(found, 4),
            "test_accuracy": found,
            "most_likely_test_accuracy": found,
            "pruned_fraction": pruned,
            "final_test_accuracy": found,
            "final_most_likely_test_accuracy": found,
            "final_pruned_fraction": pruned,
            "kept_fraction_of_most_likely": 1 - pruned,
            "seconds": self.seconds,
        }
        folder = self.root / f"{self.network}-{self.settings.dataset}" / "learned_masks"
        results = ResultsFolder(folder, self.network_and_dataset | {"data": "made up"})
        iterations = np.arange(0, training.iterations + 1, 200)
        accuracy = found - 0.5 * np.exp(-iterations / 400)
        history = np.stack([iterations, 2 * (1 - accuracy), accuracy, 2 * (1 - accuracy), accuracy], axis=1)
        results.write(learned_mask_path(mask.name, training, seed), StoredResult(MASK, metrics, history))
