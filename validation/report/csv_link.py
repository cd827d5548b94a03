"""All tables of the page as one CSV file inside a link."""

import base64
import csv
import io
from collections.abc import Iterable

from recon.validation.report.numbers import Table


def link_csv(tables: Iterable[Table]) -> str:
    """A data URI; tables one after the other, the name of each in front of its rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for table in tables:
        writer.writerow(["table", *table.heads])
        writer.writerows([table.name, *row] for row in table.rows)
        writer.writerow([])
    encoded = base64.b64encode(text.getvalue().encode()).decode("ascii")
    return f"data:text/csv;charset=utf-8;base64,{encoded}"
