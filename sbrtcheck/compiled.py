"""Loops that are compiled to machine code on first use, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])

# Threads may run the loops side by side. No fast mathematics: the order of additions, and so every last digit, stays
# as written. Division by 0 gives infinity, as in numpy.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays on its first call.

    The machine code is kept beside the module, or in the user's cache folder where the installation cannot be written.
    Where neither can be written, each process compiles anew.

    Parameters
    ----------
    function : callable
        What numba can compile: loops over arrays.

    Returns
    -------
    callable
        Takes and returns the same; releases the global interpreter lock.
    """
    try:
        made: F = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = numba.njit(**_OPTIONS)(function)
    return made


def inlined(function: F) -> F:
    """Let compiled loops use a function of numbers that stays an ordinary function of arrays elsewhere."""
    made: F = register_jitable(function)
    return made
