"""Make the folder of a new chapter: ``python tests/new_chapter.py wind-power``, from ``make new-chapter``.

It gets the next number, a page with a figure and an exercise, and its solutions; a line in ``_toc.yml`` and one in the
table of ``book/index.md``. All of it passes the checks, so that one goes on from something that is right.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import address
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from normalise import treat

ROOT = Path(__file__).resolve().parents[1]

QUESTION = """# {title}

A sentence or two on what happens in this chapter, and why one would want to know.

:::{{admonition}} On this page
**You will be able to** do what the chapter is about.

**You need** [chapter 1](../01-sine/1-one-step.ipynb).

**Time**: about 5 minutes to read; a few seconds to run.
:::"""
IMPORTS = """import matplotlib.pyplot as plt
import numpy as np

from rnncourse import datasets, plotting, training"""
SETUP = """training.reproducible(seed=0)
plotting.style()
series = datasets.sine(250)
print(f"{len(series)} points, from {series.min():.2f} to {series.max():.2f}")"""
FIGURE = """fig, ax = plt.subplots(figsize=(7, 2.4))
ax.plot(0.04 * np.arange(len(series)), series)
ax.set(xlabel="x", ylabel="sin(x)")
plt.show()"""
CHECK = """```{selfcheck}
A period of the sine is 2π long, and two points are 0.04 apart. How many points are a period?

- [ ] 25
  That is a period of length 1.
- [x] 157
  6.283 / 0.04 = 157.
- [ ] 250
  These are all points of the figure: ten units of x.
```"""
EXERCISES = """## Summary

- What a reader takes home.

## Exercises

```{{exercise}} {title}: how long?
:label: ex-{name}-steps

How many units of x do the points span? Work it out first, then compute it.
```

```{{dropdown}} Hint
Between two points lies a step of 0.04.
```

Solution: {{ref}}`sol-ex-{name}-steps`."""
ABOUT = """# Solutions to chapter {number}

These are the solutions to the exercises of {{doc}}`1-{name}`. Try each exercise first; then unfold the solution."""
BEGIN = """(sol-ex-{name}-steps)=
## How long?

```{{solution-start}} ex-{name}-steps
:class: dropdown
:label: solution-ex-{name}-steps
```

One step fewer than points."""
SOLUTION = """training.reproducible(seed=0)
print(f"{0.04 * (len(datasets.sine(250)) - 1):.2f}")"""


def page(name: str, title: str) -> NotebookNode:
    """Return the chapter's page."""
    figure = code(name, "series-plot", FIGURE)
    figure.metadata["mystnb"] = {
        "figure": {"name": f"fig-{name}-series", "caption": "What the figure shows, in a sentence."},
        "image": {"alt": "A sine wave over ten units of x, a period and a half."},
    }
    return new_notebook(
        cells=[
            text(name, "question", QUESTION.format(title=title)),
            code(name, "install", address.first_cell(address.setting())),
            code(name, "imports", IMPORTS),
            code(name, "series", SETUP),
            text(name, "figure", f"{{numref}}`fig-{name}-series` is where the chapter begins."),
            figure,
            text(name, "check", CHECK),
            text(name, "exercises", EXERCISES.format(name=name, title=title)),
        ]
    )


def solutions(name: str, number: int) -> NotebookNode:
    """Return the notebook with the exercises' solutions."""
    return new_notebook(
        cells=[
            text(name, "sol-about", ABOUT.format(name=name, number=number)),
            code(name, "sol-install", address.first_cell(address.setting())),
            code(name, "sol-imports", "from rnncourse import datasets, training"),
            text(name, "sol-begin", BEGIN.format(name=name)),
            code(name, "sol-steps", SOLUTION),
            text(name, "sol-end", "```{solution-end}\n```"),
        ]
    )


def text(name: str, part: str, source: str) -> NotebookNode:
    """Return a cell of Markdown."""
    return new_markdown_cell(source, id=f"{name}-text-{part}")


def code(name: str, part: str, source: str) -> NotebookNode:
    """Return a cell of code; the one that says how to get the course is not shown."""
    hidden = {"tags": ["remove-cell"]} if part.endswith("install") else {}
    return new_code_cell(source, id=f"{name}-{part}", metadata=hidden)


def listed(name: str, number: int, title: str) -> Iterator[tuple[Path, str]]:
    """Yield the files that list the chapters, with the new one after the last; its page is not yet a whole one."""
    line = f"{number:02d}-{name}/1-{name}"
    row = f"| {number} [{title}]({line}.ipynb) | What does the chapter ask? | What it finds, in a sentence. |"
    for file, last, new in (
        ("_toc.yml", r"(?ms)\A.*^( {6}- file: book/)\d\d-[^\n]+\n(?: {8}[^\n]+\n)*", rf"\g<0>\g<1>{line}\n"),
        ("book/index.md", r"(?m)^\| \d+ \[.+\n(?!\| \d)", rf"\g<0>{row}\n"),
        ("tests/test_pages.py", r'(?m)^EXEMPT = \{\n(?: {4}".+\n)+', rf'\g<0>    "{line}",\n'),
    ):
        path = ROOT / file
        changed, count = re.subn(last, new, path.read_text(encoding="utf-8"))
        if count != 1:
            raise ValueError(f"{file} must list the chapters once, got {count} places")
        yield path, changed


def main() -> str | None:
    """Make the folder, run its notebooks, and say what comes next."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        return f"NAME must be lower-case words with hyphens, such as wind-power, got {name!r}"
    folders = sorted((ROOT / "book").glob("[0-9][0-9]-*"))
    if taken := [folder for folder in folders if folder.name[3:] == name]:
        return f"NAME is taken: there is {taken[0].relative_to(ROOT)}"
    number, title = int(folders[-1].name[:2]) + 1, name.replace("-", " ").capitalize()
    lists = list(listed(name, number, title))
    folder = ROOT / "book" / f"{number:02d}-{name}"
    folder.mkdir()
    notebooks = {f"1-{name}.ipynb": page(name, title), "solutions.ipynb": solutions(name, number)}
    for file, notebook in notebooks.items():
        path = folder / file
        nbformat.write(notebook, path)
        if fault := treat(path, execute=True):
            return fault
    for path, changed in lists:
        path.write_text(changed, encoding="utf-8")
    where = "_toc.yml, book/index.md and tests/test_pages.py"
    print(f"{folder.relative_to(ROOT)} is made, and listed in {where}: see CONTRIBUTING.md")
    return None


if __name__ == "__main__":
    sys.exit(main())
