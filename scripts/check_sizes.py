"""Size budgets: a module of at most 400 lines (a warning from 250), a function of at most 50.

A file of tables may opt out by name in `EXEMPT`, with its reason.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MODULE_LINES, MODULE_WARNING_LINES, FUNCTION_LINES = 400, 250, 50

EXEMPT: dict[str, str] = {}
"""Path below src/ and the reason why it may be longer."""


def main() -> int:
    failures, warnings = [], []
    root = Path(__file__).parent.parent / "src"
    for path in sorted(root.rglob("*.py")):
        name = str(path.relative_to(root))
        text = path.read_text()
        lines = len(text.splitlines())
        if lines > MODULE_LINES and name not in EXEMPT:
            failures.append(f"{name}: {lines} lines, at most {MODULE_LINES}")
        elif lines > MODULE_WARNING_LINES and name not in EXEMPT:
            warnings.append(f"{name}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    failures.append(f"{name}:{node.lineno} {node.name}: {length} lines, at most {FUNCTION_LINES}")
    print("\n".join([*(f"warning: {warning}" for warning in warnings), *failures]) or "sizes: fine")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
