"""What all tasks of a study have. Importing this module does not import TensorFlow."""

from __future__ import annotations

import abc
import functools


class Task(abc.ABC):
    """One training or evaluation, which is a node in the graph of a `planning.Plan`.

    The scheduler starts a task when its prerequisites are finished. A worker then does it and writes its result to the
    results folder. Two studies that need the same result have equal tasks, which are done once.

    Attributes:
      seed: the seed, a field of every task.
    """

    seed: int

    @property
    @abc.abstractmethod
    def kind(self) -> str:
        """Its kind: "training", "learned mask" or "supermasks"; each kind has its own speed."""

    @property
    @abc.abstractmethod
    def network(self) -> str:
        """The name of its network."""

    @property
    @abc.abstractmethod
    def dataset(self) -> str:
        """The name of its data set."""

    @property
    @abc.abstractmethod
    def folder(self) -> str:
        """The folder of its network, data set and schedule, relative to the results folder."""

    @property
    @abc.abstractmethod
    def result_path(self) -> str:
        """The path of its result, relative to `folder`."""

    @property
    @abc.abstractmethod
    def settings_on_disk(self) -> dict:
        """The settings that all results in its folder share, except for the data."""

    @property
    @abc.abstractmethod
    def amount(self) -> int:
        """The amount of work: the number of images in all training steps, or of networks to evaluate."""

    @property
    def further_paths(self) -> tuple[str, ...]:
        """The paths of further results that it writes before its own."""
        return ()

    @property
    def iterations(self) -> int:
        """The number of its training steps."""
        return 0

    @property
    def made_from(self) -> Task | None:
        """The task whose result it starts from, if any."""
        return None

    @property
    def rewinds_to(self) -> Task | None:
        """The task of its rewind point, if any."""
        return None

    @property
    def follows(self) -> Task | None:
        """A task that must be done before it although it does not use the result, if any."""
        return None

    @property
    def log_name(self) -> str:
        """The name of its log; the levels of a treatment share one."""
        return self.result_path

    @functools.cached_property
    def prerequisites(self) -> tuple[str, ...]:
        """The keys of the tasks that must be finished first."""
        return tuple(dict.fromkeys(task.key for task in (self.made_from, self.rewinds_to, self.follows) if task))

    @functools.cached_property
    def key(self) -> str:
        """The path of its result, relative to the results folder."""
        return f"{self.folder}/{self.result_path}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all its results. Its own result is written last, so it marks them as complete."""
        return (*(f"{self.folder}/{path}" for path in self.further_paths), self.key)
