"""Draws docs/metrics-grammar.png: what four metrics read off one dose-volume histogram.

python tests/benchmarks/grammar_picture.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

TOTAL_CM3 = 2400.0
INK, BLUE, ORANGE, GREY = "#1f2933", "#0b6fa4", "#b54708", "#9aa5b1"


def at_least(dose_gy: np.ndarray) -> np.ndarray:
    """Return a made-up volume in cm3 at or above each dose: a lung with a small hot part."""
    return TOTAL_CM3 * (0.8 * np.exp(-dose_gy / 5.0) + 0.2 / (1.0 + np.exp((dose_gy - 24.0) / 3.0)))


def read(axes: plt.Axes, dose: float, volume: float, text: str, at: tuple[float, float], colour: str) -> None:
    """Mark a point of the curve, the way it is read off, and what is read."""
    axes.plot([dose, dose, 0.0], [0.0, volume, volume], color=colour, lw=1.0, ls=(0, (4, 3)))
    axes.plot([dose], [volume], "o", color=colour, ms=6)
    axes.annotate(
        text, (dose, volume), at, color=colour, fontsize=10, arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8}
    )


def main() -> None:
    """Write the picture."""
    doses = np.linspace(0.0, 45.0, 400)
    figure, axes = plt.subplots(figsize=(8.6, 4.6), dpi=110)
    axes.plot(doses, at_least(doses), color=INK, lw=2.2)
    axes.fill_between(doses, at_least(doses), TOTAL_CM3, where=doses <= 12.5, color=BLUE, alpha=0.07, lw=0)
    twelve, twenty = (float(at_least(np.array(d))) for d in (12.5, 20.0))
    cold = float(np.interp(1500.0, TOTAL_CM3 - at_least(doses), doses))
    hot = float(np.interp(-10.0, -at_least(doses), doses))
    axes.annotate("", (12.5, twelve), (12.5, TOTAL_CM3), arrowprops={"arrowstyle": "<->", "color": BLUE, "lw": 1.4})
    axes.text(13.0, 1960, f"CV12.5Gy[cc] = {TOTAL_CM3 - twelve:.0f}\nvolume that gets less than 12.5 Gy", color=BLUE)
    axes.axhline(TOTAL_CM3, color=GREY, lw=0.8)
    axes.text(44.8, TOTAL_CM3 + 25, "whole structure", ha="right", color=GREY, fontsize=9)
    read(
        axes,
        cold,
        TOTAL_CM3 - 1500.0,
        f"DC1500cc[Gy] = {cold:.1f}\nhottest dose in the coldest 1500 cm3",
        (13.0, 1380),
        BLUE,
    )
    read(axes, 20.0, twenty, f"V20Gy[%] = {100 * twenty / TOTAL_CM3:.0f}\nshare at or above 20 Gy", (23.5, 760), ORANGE)
    read(axes, hot, 10.0, f"D10cc[Gy] = {hot:.1f}\nleast dose in the hottest 10 cm3", (31.0, 250), ORANGE)
    axes.set(xlim=(0.0, 45.0), ylim=(0.0, 2550.0), xlabel="dose, Gy", ylabel="volume at or above the dose, cm3")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(Path(__file__).parents[2] / "docs" / "metrics-grammar.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
