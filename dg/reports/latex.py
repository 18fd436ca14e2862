"""Tables for LaTeX papers; they need no package beyond LaTeX itself."""

from __future__ import annotations

import pandas as pd

# As pandas escapes cells, which it doesn't do for captions.
_SPECIAL = str.maketrans(
    {c: f"\\{c}" for c in "_%&#${}"}
    | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
)


def latex_table(table: pd.DataFrame, caption: str, label: str) -> str:
    """A table environment with a rule above, below and under the head, ready for \\input.

    Args:
        table: cells as text.
        caption: text. LaTeX's special characters are escaped in cells, head and caption.
    """
    rules = [{"selector": f"{name}rule", "props": ":hline"} for name in ("top", "mid", "bottom")]
    style = table.style.hide(axis="index").format(escape="latex").format_index(axis=1, escape="latex")
    text = style.set_table_styles(rules).to_latex(caption=caption.translate(_SPECIAL), label=label, position="tb")
    text = text.replace("±", "$\\pm$")  # the sign itself needs textcomp in older LaTeX
    return text.replace("\\begin{tabular}", "\\footnotesize\n\\begin{tabular}")
