"""Measurements against limits, and the verdicts that follow; nothing else in the program compares."""

from sbrtcheck.judge.binding import BoundRule, bind
from sbrtcheck.judge.compare import compare, margin
from sbrtcheck.judge.judging import judge
from sbrtcheck.judge.rollup import roll_up

__all__ = ["BoundRule", "bind", "compare", "judge", "margin", "roll_up"]
