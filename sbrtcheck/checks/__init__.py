"""Rule families: one module a check, found by its ``CHECK`` constant."""

from sbrtcheck.checks.base import Check, Task, all_checks

__all__ = ["Check", "Task", "all_checks"]
