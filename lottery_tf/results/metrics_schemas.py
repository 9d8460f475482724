"""The schemas of `metrics.json`, one for each kind of result: `METRICS_SCHEMAS`.

Entries that a schema does not name may have any JSON value. Entries that older versions did not write are
`NotRequired`.
"""

# Without `from __future__ import annotations`, which would hide `NotRequired` from TypedDict.
from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from attrs import validators

from lottery_tf.argument_checks.annotation_checks import check_mapping
from lottery_tf.argument_checks.validation import INDEX, NOT_NEGATIVE, SHARE, Positive, make_check
from lottery_tf.errors import InputError
from lottery_tf.results.stored_result import DIVERGED, FINISHED, diverged

Index = Annotated[int, INDEX]
Share = Annotated[float, SHARE]
Seconds = Annotated[float, NOT_NEGATIVE]
Status = Annotated[str, make_check(("it must be finished or diverged", validators.in_((FINISHED, DIVERGED))))]


class Metrics(TypedDict):
    """The metrics that all kinds of results have."""

    kind: str
    network: NotRequired[str]
    dataset: NotRequired[str]
    schedule: NotRequired[str]
    precision: NotRequired[str]
    seconds: NotRequired[Seconds]
    versions: NotRequired[dict[str, str]]
    made_by: NotRequired[dict[str, Any]]


class Pruned(Metrics):
    """The metrics of results that are made from a dense network by a treatment's actions."""

    seed: Index
    mask1: NotRequired[str]
    mask0: NotRequired[str]
    scope: NotRequired[str]
    parent: str


class TreatmentMetrics(Pruned):
    """The metrics of results of a treatment or of a dense network."""

    level: Index
    kept_fraction: Share
    criterion: NotRequired[str]
    rewind_to: NotRequired[Index]
    rounds: NotRequired[str]
    chosen_kept_fraction: NotRequired[Share | None]


class Trained(TypedDict):
    """The metrics of a training."""

    status: Status
    overflow: NotRequired[bool]
    iterations: NotRequired[Index]
    test_accuracy: NotRequired[Share | None]
    final_test_accuracy: NotRequired[Share | None]


class Level(TreatmentMetrics, Trained):
    """The metrics of a level or a rewind point."""

    fingerprint: str
    early_stop_iteration: NotRequired[Index]
    early_stop_val_loss: NotRequired[float | None]
    test: NotRequired[dict[str, float | None]]
    final_test: NotRequired[dict[str, float | None]]
    kept_fraction_by_layer: NotRequired[dict[str, Share]]
    keep_weights: NotRequired[bool]


class ControlMetrics(Level):
    """The metrics of a control."""

    control: str
    draw: Index


class MaskFrom(Pruned):
    """The metrics that all heuristic Supermasks have."""

    source: str
    criterion: str


class SupermaskRow(TypedDict):
    """One heuristic Supermask over one kind of weights."""

    level: Index
    kept_fraction: Share
    weights: str
    validation_accuracy: Share
    test_accuracy: Share


class Supermask(MaskFrom):
    """The metrics of the heuristic Supermasks of one source."""

    levels: Index
    rows: list[SupermaskRow]


class BestSupermaskMetrics(MaskFrom, SupermaskRow):
    """The metrics of the best heuristic Supermask over one kind of weights."""

    rescale: bool


class LearnedMask(Metrics, Trained):
    """The metrics of a learned mask."""

    seed: Index
    weights: NotRequired[str]
    g: NotRequired[str]
    rescale: bool
    initial_logit: NotRequired[str]
    l1: NotRequired[Seconds]
    chosen_kept_fraction: NotRequired[Share | None]
    weight_multiplier: NotRequired[Positive]
    optimizer: NotRequired[str]
    learning_rate: NotRequired[Seconds]
    batch_size: NotRequired[Index]
    decay: NotRequired[str]
    best_iteration: NotRequired[Index]
    best_val_accuracy: NotRequired[Share | None]
    most_likely_test_accuracy: NotRequired[Share | None]
    pruned_fraction: NotRequired[Share | None]
    final_most_likely_test_accuracy: NotRequired[Share | None]
    final_pruned_fraction: NotRequired[Share | None]
    kept_fraction_of_most_likely: NotRequired[Share]
    pruned_fraction_by_layer: NotRequired[dict[str, Share | None]]


class Point(TypedDict):
    """A point of a line; `line` names the line if there are several."""

    position: float
    loss: float | None
    error: Share | None
    line: NotRequired[str]


class Line(TreatmentMetrics):
    """The metrics of the line between two networks."""

    relation: NotRequired[str]
    first: NotRequired[str]
    second: NotRequired[str]
    second_level: Index
    second_kept_fraction: NotRequired[Share]
    first_error: float | None
    second_error: float | None
    dense_error: float | None
    error_barrier: NotRequired[float | None]
    loss_barrier: NotRequired[float | None]
    rows: list[Point]


class Perturbation(TreatmentMetrics):
    """The metrics of a training from a perturbed start."""

    multiple: float
    draw: Index
    projection: NotRequired[float | None]
    distance: NotRequired[float | None]
    end_error: float | None
    unperturbed_error: float | None
    dense_error: float | None
    error_barrier: float | None
    loss_barrier: NotRequired[float | None]
    error_barrier_to_before: float | None
    loss_barrier_to_before: NotRequired[float | None]
    rows: list[Point]


class Eigenvalue(TypedDict):
    """An eigenvalue of a spectrum."""

    found_by: str
    eigenvalue: float | None
    weight: float | None


class Spectrum(TreatmentMetrics):
    """The metrics of the spectrum of the Hessian."""

    size: Index
    top_eigenvalue: NotRequired[float | None]
    trace: NotRequired[float | None]
    trace_standard_error: NotRequired[float | None]
    gradient_length: NotRequired[float | None]
    rows: list[Eigenvalue]


class RayPoint(Point):
    """A point on a ray."""

    direction: str
    length: float | None
    curvature: float | None


class Ray(TreatmentMetrics):
    """The metrics of the loss along several directions."""

    next_pruned_fraction: NotRequired[Share | None]
    rows: list[RayPoint]


class LimitRow(TypedDict):
    """The limit for one criterion, found by one method."""

    pruned_by: str
    method: str
    pruned_fraction: Share | None


class Limit(TreatmentMetrics):
    """The metrics of the limit of one-shot pruning."""

    end_error: NotRequired[float | None]
    allowed_error: NotRequired[float | None]
    loss_allowance: NotRequired[float | None]
    rows: list[LimitRow]


class LayerThreshold(TypedDict):
    """The weights of a layer below the threshold of the next round."""

    layer: str
    weights: Index
    threshold: float | None
    share_before: float | None
    share_after: float | None
    length_before: float | None
    length_after: float | None


class Threshold(TreatmentMetrics):
    """The metrics of the weights below the threshold of the next round."""

    rows: list[LayerThreshold]


class Bin(TypedDict):
    """A bin of a histogram."""

    layer: str
    bin_from: float
    bin_to: float
    before: Index
    after: Index


class Histogram(TreatmentMetrics):
    """The metrics of the histograms of magnitudes."""

    rows: list[Bin]


METRICS_SCHEMAS: dict[str, Any] = {  # kind of result -> schema of its metrics; all others have `Metrics`
    "level": Level,
    "rewind": Level,
    "control": ControlMetrics,
    "supermask": Supermask,
    "best_supermask": BestSupermaskMetrics,
    "learned_mask": LearnedMask,
    "line": Line,
    "perturbation": Perturbation,
    "spectrum": Spectrum,
    "ray": Ray,
    "limit": Limit,
    "threshold": Threshold,
    "histogram": Histogram,
}
TRAINED_SCHEMAS = (Level, ControlMetrics)  # the schemas of trained networks


def check_metrics(metrics: Mapping) -> None:
    """Raises InputError if metrics do not match the schema of their kind."""
    check_mapping(Metrics, metrics)
    schema = METRICS_SCHEMAS.get(metrics["kind"], Metrics)
    check_mapping(schema, metrics)
    if metrics.get("rows") == []:
        raise InputError("rows is empty")
    if schema in TRAINED_SCHEMAS and "test" not in metrics and not diverged(metrics):
        for name in ("early_stop_iteration", "test_accuracy"):
            if name in metrics and metrics[name] is None:
                raise InputError(f"{name} is None, but the training is finished.")
