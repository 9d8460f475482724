"""Old names of methods and properties. They still work, and warn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any


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

    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        warnings.warn(
            f"{type(self).__name__}.{old} is now called {type(self).__name__}.{new}.", DeprecationWarning, stacklevel=2
        )
        value = getattr(self, new)
        return value(*arguments, **keywords) if callable(value) else value

    method.__name__, method.__doc__ = old, f"Does what `{new}` does; this is its old name."
    return method
