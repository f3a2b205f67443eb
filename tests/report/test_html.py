"""The page: whole, closed, escaped, and no verdict that could be taken for another."""

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sbrtcheck.report import render
from sbrtcheck.report.html import fingerprint
from sbrtcheck.results import InputRecord, Interval, PlanReport, Verdict

GOLDEN = Path(__file__).parent / "golden"
VOID = {"meta", "br", "img", "input", "hr", "link"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    r"$\frac$",
    "--><b>",
    "]]></svg><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "x" * 300,
    "\u05e9\u05dc\u05d5\u05dd \u202eABC",
    "a\x00\x1b[31mred\x07\ud800",
]


class Page(HTMLParser):
    """Tags, attributes and text of a page; tags that do not nest are an error."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def _strip_figures(page: str) -> str:
    page = re.sub(r'<svg class="(figure|slice)".*?</svg>', "<figure-stripped/>", page, flags=re.DOTALL)
    return re.sub(r"<style>.*?</style>", "<style-stripped/>", page, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["passing", "failing", "empty"])
def test_the_page_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    """Compare all but drawings and style; run with SBRTCHECK_WRITE_GOLDEN=1 to write anew, and read the difference."""
    path = GOLDEN / f"{name}.html"
    page = _strip_figures(render(request.getfixturevalue(name), "html").decode("utf-8"))
    if os.environ.get("SBRTCHECK_WRITE_GOLDEN"):
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["passing", "failing", "empty"])
def test_nothing_is_fetched_and_nothing_runs(name: str, request: pytest.FixtureRequest) -> None:
    content = render(request.getfixturevalue(name), "html")
    page = Page(content)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base", "form"}
    for tag, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:image/png;base64,")), tag
    assert re.findall(rb"url\((?!#)", content) == []
    assert b"@import" not in content


def test_no_two_elements_share_an_id(passing: PlanReport) -> None:
    again = tuple(picture.model_copy(update={"id": "2"}) for picture in passing.pictures)
    twice = passing.model_copy(update={"pictures": (*passing.pictures, *again)})
    ids = [attributes["id"] for _, attributes in Page(render(twice, "html")).tags if "id" in attributes]
    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_a_file_stays_text(text: str, saying: Callable[[str], PlanReport]) -> None:
    plain = Page(render(saying("plain"), "html"))
    page = Page(render(saying(text), "html"))
    # Whatever the text, the page has the same elements with the same attributes (a role may choose a colour).
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert [set(attributes) for _, attributes in page.tags] == [set(attributes) for _, attributes in plain.tags]
    shown = " ".join("".join(c for c in text if c.isprintable() or c == " ").split())
    assert shown in page.text


def test_control_and_reordering_characters_are_gone(saying: Callable[[str], PlanReport]) -> None:
    page = render(saying("a\x00\x1b\x07\x85\u202e\u2066\u200fb\ud800c"), "html").decode("utf-8")
    assert "ab\ufffdc" in page
    assert not set(page) & set("\x00\x1b\x07\x85\u202e\u2066\u200f")


def test_every_name_from_a_file_is_isolated_from_the_direction_of_its_neighbours(
    saying: Callable[[str], PlanReport],
) -> None:
    name = "\u05e9\u05dc\u05d5\u05dd"
    page = _strip_figures(render(saying(name), "html").decode("utf-8"))
    bare = re.sub(rf"<bdi>[^<]*{name}[^<]*</bdi>", "", page)
    # What is left are codes, units, versions and hashes, which are ours or the protocol's.
    assert {"target", "lesion", "ROI"} & set(re.findall(rf"(\w+)[^<>]{{0,20}}{name}", bare)) == set()


def test_a_uid_that_is_none_does_not_reach_the_style_sheet(saying: Callable[[str], PlanReport]) -> None:
    style = re.findall(r"<style>.*?</style>", render(saying('"}*{display:none}'), "html").decode(), flags=re.DOTALL)
    assert len(style) == 1
    assert "display:none" not in style[0]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_a_pass_looks_like_a_pass(verdict: Verdict, failing: PlanReport) -> None:
    one = failing.results[0].model_copy(update={"verdict": verdict})
    page = Page(render(failing.model_copy(update={"verdict": verdict, "results": (one,)}), "html"))
    classes = [attributes.get("class") or "" for _, attributes in page.tags]
    box = next(name for name in classes if name.startswith("verdict "))
    assert box == f"verdict v-{verdict}"
    assert any("v-pass" in name.split() for name in classes) == (verdict is Verdict.PASS)
    assert ("PASS" in page.text) == (verdict is Verdict.PASS)


def test_the_green_is_used_for_pass_alone() -> None:
    import sbrtcheck.report

    style = (Path(sbrtcheck.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    users = [line for line in style.splitlines() if "var(--pass)" in line]
    assert len(users) == 1
    assert users[0].startswith(".v-pass ")


def test_each_verdict_has_a_shape_of_its_own(failing: PlanReport) -> None:
    shapes = {}
    for verdict in Verdict:
        page = render(failing.model_copy(update={"verdict": verdict}), "html").decode()
        shapes[verdict] = re.search(r'<p class="word"><svg[^>]*>(.*?)</svg>', page, flags=re.DOTALL).group(1)  # type: ignore[union-attr]
    assert len(set(shapes.values())) == len(Verdict)


def test_order_of_what_is_not_green(failing: PlanReport) -> None:
    page = render(failing, "html").decode()
    marks = re.findall(r'<article class="row">.*?<span class="mark v-([a-z-]+)">', page, flags=re.DOTALL)
    assert marks == [
        *("fail", "fail", "error", "not-evaluated", "indeterminate", "variation", "variation"),
        "not-evaluated",  # what a person declares, in its own section
    ]


def test_results_lead_to_their_pictures_and_no_link_leads_nowhere(passing: PlanReport, failing: PlanReport) -> None:
    for report, links in ((passing, 1), (failing, 2)):
        page = Page(render(report, "html"))
        places = {attributes.get("id") for _, attributes in page.tags}
        found = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
        assert len(found) == links
        assert all(link is not None and link[1:] in places for link in found)
    lost = failing.model_copy(update={"pictures": ()})
    assert "<a " not in render(lost, "html").decode()


def test_what_is_not_pictured_is_said(failing: PlanReport) -> None:
    text = Page(render(failing, "html")).text
    assert "Not pictured: longest axial diameter of ROI 3: a report holds pictures of 24 places at most" in text
    assert "no picture of lesion 2" in text


def test_a_set_shows_its_planes_its_ends_and_one_legend(passing: PlanReport) -> None:
    text = Page(render(passing, "html")).text
    assert re.search(
        r"Picture 1 · lesion 1 · lesion 1: GTV_1 \(-10\.0, 0\.0, -12\.0\) to \(20\.0, 0\.0, -12\.0\) mm", text
    )
    assert [text.count(f"{view} at") for view in ("axial", "coronal", "sagittal")] == [1, 1, 1]
    assert text.count("50 % (25 Gy)") == 1
    said = re.sub(r" (?=[;,])", "", text)  # texts of neighbouring elements
    assert "sagittal at x = 4.0 mm; lung window, -600 ± 750 HU; first end 14.0 mm right of the plane" in said


def test_measurement_limit_and_margin_stand_together(failing: PlanReport) -> None:
    text = Page(render(failing, "html")).text
    assert re.search(r"43\.1 mm \[42\.6 to 43\.5 mm\] .* limit ≤ 40 mm margin -2\.6 mm", text)
    assert "40.010 mm [40.004 to 40.020 mm]" in text


def test_the_bar_draws_limit_and_whisker_where_they_are(failing: PlanReport) -> None:
    page = render(failing, "html").decode()
    bars = re.findall(r'<svg class="bar".*?</svg>', page, flags=re.DOTALL)
    worst = next(bar for bar in bars if "43.1 mm" in bar)
    limit = float(re.search(r'class="limit" x1="([\d.]+)"', worst).group(1))  # type: ignore[union-attr]
    ends = [float(x) for x in re.findall(r'<line x1="([\d.]+)" x2="\1"', worst)]
    centre = float(re.search(r'circle cx="([\d.]+)"', worst).group(1))  # type: ignore[union-attr]
    assert limit < ends[0] < centre < ends[1]
    # 40.0, 42.6, 43.1 and 43.5 mm on one scale: (43.1 - 40) / (43.5 - 40). Coordinates are written to 0.01 px of 130.
    assert (centre - limit) / (ends[1] - limit) == pytest.approx(3.1 / 3.5, abs=2e-4)
    unbounded = next(bar for bar in bars if "at most 50.4 mm" in bar)
    assert "polyline" in unbounded


def test_what_the_dose_grid_does_not_reach_is_said(passing: PlanReport) -> None:
    assert "2.3 % outside the dose grid" in Page(render(passing, "html")).text


def test_the_reader_is_told_what_this_is_and_signs(empty: PlanReport) -> None:
    text = Page(render(empty, "html")).text
    assert "not a medical device; the reader signs" in text
    assert "signature" in text
    assert "No plan was read" in text


def test_the_spread_of_repeated_readings_is_printed_with_the_sizes(passing: PlanReport) -> None:
    text = Page(render(passing, "html")).text
    assert "between 35 and 45 mm (Oxnard" in text
    assert "It does not bound delineation or treatment." in text


def test_the_fingerprint_is_that_of_the_sorted_hashes() -> None:
    # printf 'a\nb\n' | sha256sum
    records = [InputRecord(sop_instance_uid="", modality="", sha256=h, used=True, why="") for h in ("b", "a")]
    assert fingerprint(records) == "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2"


def test_a_measurement_without_a_limit_has_no_bar(failing: PlanReport) -> None:
    one = failing.results[6].model_copy(update={"limit": None, "margin": None, "measured": Interval.exact(3.0)})
    assert 'class="bar"' not in render(failing.model_copy(update={"results": (one,)}), "html").decode()
