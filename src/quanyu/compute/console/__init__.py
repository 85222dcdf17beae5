"""SQL over restricted views: read and rewritten here, run in a process that is shut in."""

from quanyu.compute.console.functions import FUNCTIONS, console_document
from quanyu.compute.console.running import LONGEST_S, MEMORY, MOST_ROWS, Rows, run_statement
from quanyu.compute.console.statement import MOST_TABLES, Statement, read_statement

__all__ = [
    "FUNCTIONS",
    "LONGEST_S",
    "MEMORY",
    "MOST_ROWS",
    "MOST_TABLES",
    "Rows",
    "Statement",
    "console_document",
    "read_statement",
    "run_statement",
]
