"""The report of a HIL run: ``report.html``, which needs nothing else, and ``measurements.csv``.

``python -m titra.hil.report FOLDER`` makes both from ``results.json`` in the folder.  The
same results give the same bytes.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from titra import exit_codes
from titra.files import write_whole
from titra.hil.results import Results, ResultsError, load

REPORT = "report.html"
RAW = "measurements.csv"
_TEMPLATES = Path(__file__).parents[1] / "templates"


def write(folder: str | Path) -> Path:
    """Write report and raw data into ``folder``; the report's path.

    Raises ``ResultsError`` if the results are missing or wrong, ``OSError`` if the files
    cannot be written; each file is written whole or not at all.
    """
    folder = Path(folder)
    results = load(folder)
    write_whole(folder / RAW, _sound(raw(results)))
    write_whole(folder / REPORT, _sound(render(results)))
    return folder / REPORT


def render(results: Results) -> str:
    """The page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from titra.hil.facts import page_facts

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("hil.html.j2").render(**page_facts(results))


def raw(results: Results) -> str:
    """Every value as it was measured: a row each, a column for each segment of any limit.

    The uncertainty is not added; it stands in ``results.json``.
    """
    segments = list(dict.fromkeys(s for item in results.measurements for s in item.segments))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["limit", "name", "unit", "index", "value", *segments])
    for item in results.measurements:
        parts = [item.segments.get(name, ()) for name in segments]
        for index in range(max(len(item.values), *map(len, parts), 0)):
            columns = [item.values, *parts]
            writer.writerow(
                [
                    item.limit,
                    item.name,
                    item.unit,
                    index,
                    *(repr(column[index]) if index < len(column) else "" for column in columns),
                ]
            )
    return out.getvalue()


def _sound(text: str) -> str:
    """Without what has no place in UTF-8, which JSON lets through."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def main(arguments: list[str]) -> int:
    """The exit code; what is wrong in one line on standard error."""
    if len(arguments) != 1:
        print("python -m titra.hil.report FOLDER", file=sys.stderr)
        return exit_codes.WRONG_INPUT
    try:
        print(write(arguments[0]))
    except ResultsError as error:
        print(f"titra: {error}", file=sys.stderr)
        return exit_codes.WRONG_INPUT
    except OSError as error:
        print(f"titra: {error.filename}: {error.strerror}", file=sys.stderr)
        return exit_codes.FAILED
    return exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
