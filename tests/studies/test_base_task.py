"""What every task has: keys, and the tasks that come before it."""

import dataclasses

import pytest

from lottery_tf.studies.base_task import Task


@dataclasses.dataclass(frozen=True)
class Step(Task):
    """A task that is made by hand."""

    name: str
    seed: int = 0
    made_from: Task | None = None
    rewinds_to: Task | None = None
    follows: Task | None = None
    further_paths: tuple[str, ...] = ()

    kind, network, dataset, folder, settings_on_disk, amount = "training", "fc", "digits", "run", {}, 1

    @property
    def result_path(self):
        return f"seed-{self.seed}/{self.name}"


def test_a_task_comes_after_all_that_it_needs_once_each():
    dense, point = Step("dense"), Step("rewind-5")
    assert dense.prerequisites == ()
    assert Step("b", made_from=dense, rewinds_to=point, follows=Step("a")).prerequisites == (
        "run/seed-0/dense", "run/seed-0/rewind-5", "run/seed-0/a",
    )  # fmt: skip
    assert Step("b", made_from=dense, follows=Step("dense")).prerequisites == ("run/seed-0/dense",)
    assert Step("b", 1, rewinds_to=point, made_from=point).prerequisites == ("run/seed-0/rewind-5",)


def test_its_own_result_is_the_last_of_its_keys():
    assert Step("a").keys == (Step("a").key,) == ("run/seed-0/a",)
    assert Step("a", 3, further_paths=("x/1", "x/2")).keys == ("run/x/1", "run/x/2", "run/seed-3/a")


def test_keys_are_kept_and_are_no_part_of_a_task():
    one, other = Step("a", made_from=Step("dense")), Step("a", made_from=Step("dense"))
    assert one.key is one.key and one.prerequisites is one.prerequisites
    assert one == other and hash(one) == hash(other) and len({one, other, Step("a", 1)}) == 2


def test_a_task_says_what_it_is():
    with pytest.raises(TypeError, match="abstract"):
        Task()
    task = Step("a")
    assert (task.iterations, task.log_name) == (0, "seed-0/a")
