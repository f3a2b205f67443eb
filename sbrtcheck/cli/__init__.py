"""The command line: typer commands, exit codes, progress; nothing else.

Each command imports what it needs when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from sbrtcheck.cli.app import main

__all__ = ["main"]
