"""The pictures of ``docs/accuracy.md``."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from accuracy import BREAKDOWNS, VOLUME, error_percent, half_width_percent
from cases import HELD_OUT
from matplotlib.ticker import FuncFormatter, NullFormatter

OWN = "sbrtcheck"
_COLOURS = {OWN: "#c8102e"}
_OTHERS = ("#1f4e79", "#4f9d9d", "#8a6fb0", "#b8862b")
_MARKERS = "sD^v"
_INK, _PALE = "#333333", "#d9d9d9"
_LEAST = 1e-3  # percent: what is smaller is drawn there
_STYLE = {
    "font.size": 9,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#ececec",
    "svg.hashsalt": "sbrtcheck",
}
_LABELS = {"size": "radius of the sphere of equal volume, mm", "solid": ""}
Errors = list[tuple[dict[str, Any], float]]  # of one program: phantom and error, percent


def errors_by(path: Path, metric: str, keys: tuple[str, ...], programs: dict[str, Errors]) -> None:
    """Draw median and 95th percentile of the error over what phantoms differ in, a line for each program."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(2, 3, figsize=(9.2, 5.6), sharey="row", layout="constrained")
        for column, name in enumerate(keys):
            for row, share in enumerate((50, 95)):
                _lines(axes[row, column], programs, BREAKDOWNS[name], share)
                axes[row, column].set_yscale("log")
                axes[row, column].yaxis.set_major_formatter(FuncFormatter(_percent))
                axes[row, column].yaxis.set_minor_formatter(NullFormatter())
                axes[row, column].tick_params(axis="y", labelleft=column == 0)
            axes[1, column].set_xlabel(_LABELS.get(name, f"{name}, mm"))
        axes[0, 0].set_ylabel("median error, %")
        axes[1, 0].set_ylabel("95th percentile, %")
        figure.suptitle(f"Error of {_named(metric)} against the continuous solid", x=0.01, ha="left", fontweight="bold")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        _save(figure, path)


def _lines(axes: Any, programs: dict[str, Errors], key: Callable[[Any], str], share: float) -> None:
    classes = sorted({key(record) for errors in programs.values() for record, _ in errors}, key=_order)
    words = not any(c.isdigit() for c in classes[0])  # nothing lies between one kind and the next: no line
    for n, (name, errors) in enumerate(programs.items()):
        heights = [np.percentile([abs(e) for r, e in errors if key(r) == c] or [np.nan], share) for c in classes]
        own = name == OWN
        axes.plot(
            classes,
            np.maximum(heights, _LEAST),
            color=_COLOURS.get(name, _OTHERS[n % len(_OTHERS) - 1]),
            marker="o" if own else _MARKERS[n - 1],
            lw=0.0 if words else 2.2 if own else 1.2,
            ms=5 if own else 4,
            zorder=3 if own else 2,
            label=name,
        )
    axes.set_xticks(range(len(classes)), [_short(c) for c in classes])
    if words:
        plt.setp(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")


def _order(text: str) -> tuple[float, str]:
    digits = "".join(c for c in text.replace("r > 12.5", "99").split("-", maxsplit=1)[0] if c.isdigit() or c == ".")
    return float(digits or 0), text


def _short(text: str) -> str:
    return text.removeprefix("r ").removesuffix(" mm").replace("-", "\u2013")


def _percent(value: float, position: int) -> str:
    del position
    return f"{value:g}"


def _named(metric: str) -> str:
    return "volume" if metric == VOLUME else metric.split("[", maxsplit=1)[0].replace("%", " %").replace("cc", " cc")


def intervals(path: Path, metrics: tuple[str, ...], records: list[dict[str, Any]]) -> None:
    """Draw error against half width of the interval: what lies under the diagonal is held."""
    with plt.rc_context(_STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(1, len(metrics), figsize=(9.2, 3.7), layout="constrained", sharey=True)
        low, high = _LEAST, 100.0
        for n, metric in enumerate(metrics):
            axes[n].fill_between([low, high], [low, high], [high, high], color="#f7e3e3", lw=0)
            axes[n].plot([low, high], [low, high], color="#c08080", lw=0.8)
            for split, colour, label in (("development", "#9a9a9a", "development"), (HELD_OUT, "#1f4e79", "held out")):
                found = [r["metrics"].get(metric, {}) for r in records if r["split"] == split]
                found = [f for f in found if "value" in f and math.isfinite(half_width_percent(f))]
                axes[n].scatter(
                    np.clip([half_width_percent(f) for f in found], low, high),
                    np.clip([abs(error_percent(f)) for f in found], low, high),
                    s=10,
                    color=colour,
                    alpha=0.6,
                    lw=0,
                    label=label,
                )
            axes[n].set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
            axes[n].set_title(_named(metric), loc="left", fontweight="bold", fontsize=10)
            axes[n].set_xlabel("half width of the interval, %")
            for axis in (axes[n].xaxis, axes[n].yaxis):
                axis.set_ticks([0.01, 0.1, 1.0, 10.0])
                axis.set_major_formatter(FuncFormatter(_percent))
                axis.set_minor_formatter(NullFormatter())
        axes[0].text(1.5 * low, 60, "beyond half the width", fontsize=8, color="#a05050", va="top")
        axes[0].set_ylabel("error of the value, %")
        axes[0].legend(loc="upper left", bbox_to_anchor=(0, 0.92), frameon=False, handletextpad=0.1, borderaxespad=0.1)
        _save(figure, path)


def cost(path: Path, curve: dict[str, list[dict[str, float]]], start_seconds: float) -> None:
    """Draw seconds over contour points and over voxels at surfaces, each with a straight line through them."""
    panels = (("points", 1e6, "contour points, million"), ("voxels", 1e6, "dose voxels cut by a surface, million"))
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.3), layout="constrained", sharey=True)
        for n, (key, unit, label) in enumerate(panels):
            x = np.array([row[key] for row in curve[key]]) / unit
            y = np.array([row["seconds"] for row in curve[key]])
            slope, base = np.polyfit(x, y, 1)
            ends = np.array([0.0, 1.08 * x.max()])
            axes[n].plot(ends, base + slope * ends, color=_PALE, lw=2, zorder=1)
            axes[n].scatter(x, y, color=_COLOURS[OWN], zorder=2, s=28)
            axes[n].axhline(start_seconds, color="#888888", lw=0.8, ls=(0, (4, 3)))
            axes[n].set(xlim=(0, ends[1]), xlabel=label)
            axes[n].set_title(f"{slope:.2g} s more per million", loc="left", fontsize=9)
        axes[0].text(0.01, start_seconds, "start of the interpreter, with imports", fontsize=8, va="bottom")
        axes[0].set_ylim(0, None)
        axes[0].set_ylabel("whole process, s")
        _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
