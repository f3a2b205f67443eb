"""Finding the formats, the same bytes each time, and what is imported on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sbrtcheck.errors import UsageError
from sbrtcheck.report import formats, render
from sbrtcheck.results import PlanReport, report_json_schema


def _python(code: str, *arguments: str, **environment: str) -> bytes:
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=True, env=os.environ | environment
    )
    return ran.stdout


def test_formats_are_found_by_their_modules() -> None:
    assert formats() == ("html", "json", "text")


def test_an_unknown_format_is_refused_with_those_known(passing: PlanReport) -> None:
    with pytest.raises(UsageError, match="html, json, text"):
        render(passing, "docx")


@pytest.mark.parametrize("name", ["passing", "failing", "empty"])
def test_json_is_valid_against_the_published_schema_and_comes_back(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    document = render(report, "json")
    jsonschema.Draft202012Validator.check_schema(report_json_schema())
    jsonschema.Draft202012Validator(report_json_schema()).validate(json.loads(document))
    assert render(PlanReport.from_json(document), "json") == document


def test_a_bound_that_is_not_known_is_null_in_json(failing: PlanReport) -> None:
    unbounded = [r for r in json.loads(render(failing, "json"))["results"] if r["subject"] == "lesion 3"]
    assert [r["measured"] for r in unbounded] == [{"value": 50.0, "low": None, "high": 50.4}]


@pytest.mark.parametrize("format_id", ["html", "json", "text"])
@pytest.mark.parametrize("name", ["passing", "failing", "empty"])
def test_the_same_report_gives_the_same_bytes(name: str, format_id: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    assert render(report, format_id) == render(PlanReport.from_json(report.to_json()), format_id)


def test_another_process_gives_the_same_bytes(passing: PlanReport, tmp_path: Path) -> None:
    # A user's own matplotlib settings, another hash seed and another terminal must not show.
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nlines.linewidth: 7\nsvg.fonttype: path\n")
    path = tmp_path / "report.json"
    path.write_text(passing.to_json(), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from sbrtcheck.report import render; "
        "from sbrtcheck.results import PlanReport; "
        "report = PlanReport.from_json(Path(sys.argv[1]).read_bytes()); "
        "sys.stdout.buffer.write(render(report, 'html') + render(report, 'text'))"
    )
    changed = {"MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "7", "COLUMNS": "40", "FORCE_COLOR": "1"}
    assert _python(code, str(path), **changed) == render(passing, "html") + render(passing, "text")


def test_json_and_text_do_not_load_what_only_the_page_needs(passing: PlanReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(passing.to_json(), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from sbrtcheck.report import render; "
        "from sbrtcheck.results import PlanReport; "
        "report = PlanReport.from_json(Path(sys.argv[1]).read_bytes()); [render(report, f) for f in ('json', 'text')]; "
        "print(sorted({'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert _python(code, str(path)).strip() == b"[]"


def test_drawing_leaves_the_settings_of_matplotlib_alone(passing: PlanReport) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render(passing, "html")
    assert dict(mpl.rcParams) == before
