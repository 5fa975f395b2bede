"""The figures of docs/normalisation.md: pairs read right, by class and language, and every miss.

`--check` fails when the page holds others; without it the page is rewritten between its two marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.speech.text.reference import LANGUAGES, cases, classes, misses  # noqa: E402

from backline.speech.text.normalise.normaliser import Normaliser  # noqa: E402

PAGE = ROOT / "docs" / "normalisation.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main() -> int:
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    fresh = f"{head}{BEGIN}\n\n{figures()}\n{END}{tail}"
    if "--check" in sys.argv:
        if fresh != text:
            print("docs/normalisation.md is behind: run scripts/normalisation_report.py")
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    print(figures())
    return 0


def figures() -> str:
    """The table, then the misses."""
    normaliser = Normaliser()
    names = sorted({name for language in LANGUAGES for name in classes(language)})
    lines = ["| class | " + " | ".join(LANGUAGES) + " |", "|---|" + "---:|" * len(LANGUAGES)]
    missed: list[str] = []
    totals = {language: [0, 0] for language in LANGUAGES}
    for name in names:
        row = []
        for language in LANGUAGES:
            if name not in classes(language):
                row.append("")
                continue
            count = len(cases(language, name))
            wrong = misses(normaliser, language, name)
            totals[language][0] += count - len(wrong)
            totals[language][1] += count
            row.append(f"{count - len(wrong)}/{count}")
            missed += [f"* {language} {name}: `{case.written}` is read `{spoken}`" for case, spoken in wrong]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    sums = (f"**{right}/{count} = {100 * right / count:.1f} %**" for right, count in totals.values())
    lines.append("| **all** | " + " | ".join(sums) + " |")
    return "\n".join([*lines, "", *(missed or ["No misses."]), ""])


if __name__ == "__main__":
    sys.exit(main())
