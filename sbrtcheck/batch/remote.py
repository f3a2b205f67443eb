"""Submissions elsewhere: every first entry below a URL is one, so that workers need no disk of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sbrtcheck.batch.submission import Submission
from sbrtcheck.errors import UsageError

# What tells two states of a file apart, as the file systems name it.
_MARKS = ("size", "etag", "ETag", "mtime", "LastModified", "last_modified", "updated", "sha256", "md5Hash", "created")


def is_url(root: str) -> bool:
    """Whether a root is named by a URL (``s3://bucket/trial``), not by a folder."""
    return "://" in root


def find_remote(url: str, declared: Mapping[str, str] | None = None) -> tuple[Submission, ...]:
    """Return the submissions below a URL, by name.

    Parameters
    ----------
    url : str
        Of a folder, as fsspec reads it (``s3://``, ``gs://``, ``file://``, ``memory://``).
    declared : mapping, optional
        Declared facts, TOML, by the name of a submission.

    Returns
    -------
    tuple of Submission
        One for every folder and every zip archive right below the URL: nothing is read here, so several plans within
        one are told by the worker that checks it. Their stamp is that of names, sizes and times, or what the service
        has in their place.

    Raises
    ------
    UsageError
        If the extra is not installed, or the URL cannot be listed.
    """
    try:
        import fsspec
    except ImportError:
        raise UsageError(
            "a root that is a URL needs the extra remote", remedy='pip install "sbrtcheck[remote]"'
        ) from None
    try:
        files, place = fsspec.core.url_to_fs(url)
        below = files.find(place, detail=True)
    except Exception as problem:  # whatever the service raises
        raise UsageError(
            f"the root cannot be listed ({type(problem).__name__})",
            remedy="Check the URL, and that its service is installed and lets this user in",
        ) from None
    groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for path, info in below.items():
        inside = path[len(place) :].strip("/")
        name, slash, _ = inside.partition("/")
        if slash or name.lower().endswith(".zip"):
            groups.setdefault(name, []).append((inside, info))
    facts = declared or {}
    return tuple(
        Submission(
            name,
            (files.unstrip_protocol(f"{place.rstrip('/')}/{name}"),),
            None,
            _stamp(found, facts.get(name, "")),
            declared=facts.get(name, ""),
        )
        for name, found in sorted(groups.items())
    )


def _stamp(found: list[tuple[str, dict[str, Any]]], declared: str) -> str:
    told = sorted((path, [(mark, str(info[mark])) for mark in _MARKS if mark in info]) for path, info in found)
    return hashlib.sha256(repr((told, declared)).encode()).hexdigest()
