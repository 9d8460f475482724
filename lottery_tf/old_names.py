"""Old names of methods and properties. They still work, and warn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any


def warn_of(old: str, new: str) -> None:
    """Warns the caller of the function that calls this one that a name is an old one."""
    warnings.warn(f"{old} is now called {new}.", DeprecationWarning, stacklevel=3)


def old_name(old: str, new: str) -> Callable[..., Any]:
    """Returns a method that does what the method or property called `new` does, and warns that it is called so now.

    >>> class Ticket:
    ...     def sparsity(self):
    ...         return 0.8
    ...
    ...     pruned = old_name("pruned", "sparsity")
    >>> with warnings.catch_warnings(record=True) as warned:
    ...     warnings.simplefilter("always")
    ...     Ticket().pruned(), str(warned[0].message)
    (0.8, 'Ticket.pruned is now called Ticket.sparsity.')
    """

    def method(self, *arguments, **keywords):  # without annotations, `checked` does not wrap it
        warn_of(f"{type(self).__name__}.{old}", f"{type(self).__name__}.{new}")
        value = getattr(self, new)
        return value(*arguments, **keywords) if callable(value) else value

    method.__name__, method.__doc__ = old, f"Does what `{new}` does; this is its old name."
    return method
