"""Where a key of a TOML file stands: lines by key path, for messages that a person acts on."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_PART: Final = r"(?:[A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')"
_HEADER: Final = re.compile(rf"\s*(\[\[|\[)\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_STRING: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*")


def lines_by_path(text: str) -> dict[str, int]:
    """Return the line, from 1, of each table and key: ``rules[2]``, ``rules[2].limit``, ``sources[0].id``.

    Text over several lines and arrays count where they begin. What stands inside an inline table is found by the key
    that holds it.
    """
    found: dict[str, int] = {}
    counts: Counter[str] = Counter()
    here, quoted, depth = "", "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if quoted:
            quoted = "" if line.count(quoted) % 2 else quoted
            continue
        if depth > 0:  # within an array over several lines
            depth += _opened(line)
            continue
        header = _HEADER.match(line)
        if header is not None:
            here = _table(header.group(1) == "[[", _dotted(header.group(2)), counts)
            found.setdefault(here, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            path = f"{here}.{_dotted(key.group(1))}" if here else _dotted(key.group(1))
            found.setdefault(path, number)
        quoted = next((q for q in ('"""', "'''") if line.count(q) % 2), "")
        depth = 0 if quoted else max(_opened(line), 0)
    return found


def _dotted(path: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, path))


def _opened(line: str) -> int:
    """Return how many brackets a line opens and does not close."""
    bare = _STRING.sub("", line)
    return sum(bare.count(sign) for sign in "[{") - sum(bare.count(sign) for sign in "]}")


def _table(is_array: bool, name: str, counts: Counter[str]) -> str:
    first, _, rest = name.partition(".")
    if is_array and not rest:
        counts[first] += 1
        return f"{first}[{counts[first] - 1}]"
    head = f"{first}[{counts[first] - 1}]" if counts[first] else first
    return f"{head}.{rest}" if rest else head


def line_of(path: str, lines: dict[str, int]) -> int | None:
    """Return the line of a key path, or of the nearest table or key around it; None where there is none.

    Examples
    --------
    >>> line_of("rules[0].limit.op", {"rules[0]": 4, "rules[0].limit": 7})
    7
    """
    while path:
        if path in lines:
            return lines[path]
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return None
