"""Pruning: criteria, masks, mask-1 actions, mask-0 actions and treatments. It needs NumPy and SciPy only."""

from typing import TYPE_CHECKING

from lottery_tf.old_modules import old_attributes

if not TYPE_CHECKING:  # type checkers would accept any name
    __getattr__ = old_attributes("pruning")
