"""A progress bar on standard error, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(total_ul: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told the volume delivered so far, in uL."""
    if not wanted or not sys.stderr.isatty():
        yield lambda delivered_ul: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("delivered"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total_ul)
        yield lambda delivered_ul: progress.update(task, completed=delivered_ul)
