"""Every file of a report that is a pure function of the result files: what `verify` writes again.

Tables, papers' numbers beside ours, LaTeX, and results as MTEB keeps them. Figures and the page
are compared by hash, costs not at all.
"""

from collections.abc import Sequence

from jaxprobe.reports import latex, mteb, published, tables
from jaxprobe.reports.read import Result


def files(results: Sequence[Result]) -> dict[str, str]:
    """Name below the report's folder -> content."""
    written = tables.files(results) | published.files(results)
    return written | latex.files(results) | mteb.files(results)
