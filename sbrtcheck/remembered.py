"""Functions that remember what they made of the objects of a case; a process that checks many lets go after each."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
_ALL: list[Any] = []


def remembered(most: int) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Decorate a function so that it keeps its last results, as ``functools.lru_cache`` does.

    Parameters
    ----------
    most : int
        Results kept at most. The objects that they were made of stay in memory with them, so what is kept is bounded,
        and only ``let_go`` gives all of it back.
    """

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
        keeping = lru_cache(maxsize=most)(function)
        _ALL.append(keeping)
        return keeping  # type: ignore[return-value]  # typeshed gives lru_cache no parameters

    return decorate


def let_go() -> None:
    """Forget everything that was remembered of the objects of a case."""
    for one in _ALL:
        one.cache_clear()
