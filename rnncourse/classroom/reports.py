"""What grading leaves behind: grades, feedback, the answers to grade by hand, statistics, a log."""

import collections
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from rnncourse.classroom.by_hand import NO_ANSWER, Mark
from rnncourse.classroom.handed_in import NOTHING, Assignment, HandedIn, natural, one_line
from rnncourse.classroom.tables import harmless, visible


def write_reports(
    submissions: Sequence[HandedIn],
    results: Sequence[Mapping[str, Any]],
    table: pd.DataFrame,
    marks: Mapping[tuple[str, str], Mark],
    assignment: Assignment,
    out: Path,
) -> None:
    """Write grades.csv, feedback for each student, what to grade by hand, statistics of the class, and a log."""
    table.to_csv(out / "grades.csv", index=False, float_format="%g", lineterminator="\n")
    feedback = out / "feedback"
    feedback.mkdir(exist_ok=True)
    for handed, result, (_, row) in zip(submissions, results, table.iterrows(), strict=True):
        if handed.problem == NOTHING:
            continue
        comments = {name: _comment(mark) for (key, name), mark in marks.items() if key == handed.key}
        page = feedback_page(result, row, comments, assignment)
        (feedback / f"{handed.stem}.html").write_text(page, encoding="utf-8")
    if assignment.by_hand:
        page = by_hand_page(submissions, results, marks, assignment)
        (out / "by-hand.html").write_text(page, encoding="utf-8")
    write_statistics(results, table[table["total"].notna()], assignment, out)
    pairs = [*zip(submissions, results, strict=True)]
    lines = [f"{handed.stem}: {result['seconds']:.1f} s" for handed, result in pairs]
    lines += [one_line(f"{handed.stem}: {problem}") for handed, result in pairs for problem in result["problems"]]
    (out / "log.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _comment(mark: Mark) -> str:
    return mark.comment or (NO_ANSWER if mark.remark == NO_ANSWER and not mark.points else "")


def write_statistics(
    results: Sequence[Mapping[str, Any]], table: pd.DataFrame, assignment: Assignment, out: Path
) -> None:
    """Write statistics.csv (questions), messages.csv (what students were told, most frequent first), and a plot."""
    most = pd.Series(assignment.points())
    points = table[list(most.index)].dropna(axis="columns")  # no statistics of a question that is not graded yet
    full, none = (points == most[points.columns]).mean(), (points == 0).mean()
    columns = {"points": most, "mean": points.mean(), "full": full, "none": none}
    statistics = pd.DataFrame(columns).reindex(most.index).rename_axis("question")
    statistics.to_csv(out / "statistics.csv", float_format="%.3f", lineterminator="\n")
    told = [(name, text) for result in results for name, texts in result["messages"].items() for text in texts]
    counted = sorted(collections.Counter(told).items(), key=lambda pair: (-pair[1], natural(pair[0][0]), pair[0][1]))
    rows = [(name, number, harmless(text)) for (name, text), number in counted]
    messages = pd.DataFrame(rows, columns=["question", "students", "message"])
    messages.to_csv(out / "messages.csv", index=False, lineterminator="\n")
    share = (100 * points.mean() / most).dropna().sort_values(ascending=False, kind="stable")
    figure = Figure(figsize=(9, 0.35 * len(share) + 1.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    bars = left.barh(share.index, share, color="#0072B2")
    left.bar_label(bars, fmt="%.0f", padding=3)
    left.set(xlim=(0, 112), xticks=range(0, 101, 20), xlabel="points reached, mean of the class (%)", ylabel="question")
    total = int(np.ceil(most.sum()))
    right.hist(table["total"], bins=[edge - 0.5 for edge in range(total + 2)], color="#0072B2")
    right.set(xlim=(-0.7, total + 0.7), xlabel=f"total (points of {most.sum():g})", ylabel="submissions")
    right.yaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(f"{assignment.title}: {len(table)} submissions")
    figure.savefig(out / "statistics.png", dpi=150, metadata={"Software": None})


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;
padding:0 1rem;overflow-wrap:anywhere}}
th,code{{overflow-wrap:normal}}p{{margin:.4em 0}}table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;
vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8886}}.points{{white-space:nowrap}}
article .words{{white-space:pre-wrap}}
article{{border-left:4px solid #0072b2;padding:.1rem 1rem;margin:1.5rem 0}}</style></head>
<body><main>{body}</main></body></html>
"""


def feedback_page(
    result: Mapping[str, Any], row: "pd.Series[Any]", comments: Mapping[str, str], assignment: Assignment
) -> str:
    """Return a student's page; everything that the student wrote is escaped."""
    most = assignment.points()
    rows = []
    for name, points in most.items():
        told = [*result["messages"].get(name, []), *([comments[name]] if comments.get(name) else [])]
        reached = "not graded yet" if pd.isna(row[name]) else f"{row[name]:g} of {points:g}"
        texts = "".join(f"<p>{_escaped(text)}</p>" for text in told)
        title = html.escape(assignment.titles.get(name, name))
        rows.append(f'<tr><td>{title}</td><td class="points">{reached}</td><td>{texts}</td></tr>')
    reached = "Not graded" if pd.isna(row["total"]) else f"{row['total']:g} of {sum(most.values()):g} points"
    late = f"<p>It came late: {row['penalty']:g} points are taken off.</p>" if row.get("penalty", 0) > 0 else ""
    unfinished = "; some questions are not graded yet" if row[list(most)].isna().any() else ""
    problems = "".join(f"<li>{_escaped(problem)}</li>" for problem in result["problems"])
    title = html.escape(f"{assignment.title}: {result['student']}")
    return PAGE.format(
        title=title,
        body=f"<h1>{title}</h1><p><strong>{reached}</strong>{unfinished}</p>{late}"
        "<table><thead><tr><th>Question</th><th>Points</th><th>What to look at</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        + (f"<h2>When your notebook ran from top to bottom</h2><ul>{problems}</ul>" if problems else ""),
    )


def _escaped(text: str) -> str:
    """Return text as HTML, with what stands between backquotes as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def by_hand_page(
    submissions: Sequence[HandedIn],
    results: Sequence[Mapping[str, Any]],
    marks: Mapping[tuple[str, str], Mark],
    assignment: Assignment,
) -> str:
    """Return a page with each open question, its rubric, the graded examples, and the answers of all students.

    What students wrote is shown as it is, as text.
    """
    render = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "reference"]).render

    def parts() -> Iterator[str]:
        yield f"<h1>{html.escape(assignment.title)}: answers to grade by hand</h1>"
        yield "<p>Points and comments go into <code>by-hand.csv</code>. Then run the same command again.</p>"
        for name, question in assignment.by_hand.items():
            yield render(question["prompt"])
            yield f"<details><summary>Graded examples</summary>{render(question['examples'])}</details>"
            for handed, result in zip(submissions, results, strict=True):
                if mark := marks.get((handed.key, name)):
                    heading = html.escape(f"{handed.stem}, {name}")
                    remark = f"<p><em>{html.escape(mark.remark)}</em></p>" if mark.remark else ""
                    answer = html.escape(visible(result["answers"].get(name, ""), "\n\t"))
                    yield f'<article><h2>{heading}</h2>{remark}<p class="words">{answer}</p></article>'

    return PAGE.format(title=html.escape(assignment.title), body="".join(parts()))
