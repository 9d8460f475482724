"""A ticket as a small file: its format, the coding of masks, architectures as JSON."""

from typing import TYPE_CHECKING

from lottery_tf.old_modules import old_attributes

if not TYPE_CHECKING:  # type checkers would accept any name
    __getattr__ = old_attributes("tickets")
