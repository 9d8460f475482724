"""The schemas of the JSON files in a results folder; `metrics_schemas` has those of `metrics.json`.

Entries that a schema does not name may have any JSON value. Entries that older versions did not write are
`NotRequired`.
"""

# Without `from __future__ import annotations`, which would hide `NotRequired` from TypedDict.
from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from attrs import validators

from lottery_tf.argument_checks.annotation_checks import check_value
from lottery_tf.argument_checks.validation import INDEX, make_check

Index = Annotated[int, INDEX]
Sha256 = Annotated[str, make_check(("it must be a SHA-256", validators.matches_re(r"[0-9a-f]{64}")))]
FileName = Annotated[
    str,
    make_check(
        ("it must be the name of a file", validators.matches_re(r"(?!\.{1,2}$)[^/\x00-\x1f\ud800-\udfff]+")),
        ("it must have at most 255 characters", validators.max_len(255)),
    ),
]


def check_checksums(sums: Mapping) -> None:
    """Raises InputError if a `checksums.json` does not map file names to SHA-256 sums."""
    check_value("it", sums, dict[FileName, Sha256])


class Settings(TypedDict):
    """`settings.json`: the common settings of the results of an experiment; a user-defined one may have other names."""

    network: NotRequired[str]
    dataset: NotRequired[str]
    schedule: NotRequired[str]
    training: NotRequired[dict[str, Any]]
    pruning: NotRequired[dict[str, Any]]
    dropout: NotRequired[float | None]
    eval_interval: NotRequired[Index]
    data: NotRequired[str]


class Record(TypedDict):
    """`experiment.json` and `mask_learner.json`: the description of an experiment, which `record.py` compares."""


class RequestFile(TypedDict):
    """`request.json`: the request of a study; `studies.planning.Request` checks the rest."""

    studies: list[str]


class RunningTaskEntry(TypedDict):
    """A task that ran when the state was written."""

    seconds: float
    steps: Index
    of: Index


class State(TypedDict):
    """`state.json`: the progress of a study."""

    process: NotRequired[Index]
    machine: NotRequired[str]
    began: NotRequired[str]
    written: NotRequired[str]
    stage: NotRequired[str]
    counts: NotRequired[dict[str, Index]]
    steps_per_second: NotRequired[float]
    seconds_left: NotRequired[float]
    running: NotRequired[dict[str, RunningTaskEntry]]
    failed: NotRequired[dict[str, str]]
