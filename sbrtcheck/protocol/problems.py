"""All problems of a file in one message, each with its key path."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError


def problems_of(error: ValidationError, under: str = "") -> list[str]:
    """Return one line a problem: key path and what is wrong."""
    found = []
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    inside = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in inside:
            continue  # the list is short only because entries with problems were not counted
        path = under
        for key in problem["loc"]:
            path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
        found.append(f"{path or '(file)'}: {problem['msg'].removeprefix('Value error, ')}")
    return found


def joined(what: str, problems: Sequence[str]) -> str:
    """Return the message for a file with problems.

    Examples
    --------
    >>> joined("the site file", ["schema: missing"])
    'the site file has 1 problem: schema: missing'
    """
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{what} has {count}: " + "; ".join(problems)
