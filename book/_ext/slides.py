"""Sphinx: a deck of slides for each chapter, cut from the finished page.

The page has everything rendered: references, formulas, numbers of figures, drawings. So nothing is
written twice, and a deck cannot say other things than its chapter. The rule:

- A section begins a column of slides; its other slides lie below the first.
- Of a paragraph the first sentence stays, with the second if it is short, and those in bold and
  those that ask. All of it goes into the notes.
- A figure, a table, a formula or a list stays whole.
- A cell that draws or shows a table gives the picture or the table; another gives its code and what
  it printed. Cells that import, or only check, are left out.
- A few sentences after a picture or a table come below it, at the next key; other ones introduce
  what follows.
- A self-check gives the question; the answer comes at the next key. Exercises stay, without hints
  and solutions.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from posixpath import normpath
from typing import Any

from bs4 import BeautifulSoup, NavigableString, PageElement, Tag
from sphinx.application import Sphinx

FULL = 620  # characters of text on one slide
BESIDE = 330  # characters that fit beside something else
LEFT_OUT = "Further reading"
SHORT = 60  # characters of a sentence that says little by itself
SENTENCE = re.compile(r"(?:(?<=[.?!])|(?<=[.?!][”’)]))\s+")
TEXT = ["p", "ul", "ol", "dl", "blockquote"]
FOLDED = {"dropdown", "solution"}
PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<link rel="stylesheet" href="../_static/reveal/reveal.css">
<link rel="stylesheet" href="../_static/pygments.css">
<link rel="stylesheet" href="../_static/slides.css">
<script>window.MathJax = {{ options: {{ processHtmlClass: "math" }} }};</script>
<script defer src="../_static/mathjax/tex-mml-chtml.js"></script>
<script defer src="../_static/reveal/reveal.js"></script>
<script defer src="../_static/reveal/notes.js"></script>
<script defer src="../_static/slides.js"></script>
</head>
<body class="tex2jax_ignore">
<main><div class="reveal"><div class="slides">
{slides}
</div></div></main>
</body>
</html>
"""


@dataclass
class Slide:
    """What is shown at once, and what the teacher may say to it."""

    heading: str
    opens: str = ""
    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    picture: bool = False
    has_room: bool = False

    def __str__(self) -> str:
        tag, kind = (self.opens, "") if self.opens else ("h3", ' class="where"')
        heading = f"<{tag}{kind}>{self.heading}</{tag}>"
        notes = f'<aside class="notes">{"".join(self.notes)}</aside>' if self.notes else ""
        return f"<section>\n{heading}\n" + "\n".join(self.parts) + f"\n{notes}</section>"


class Deck:
    """Columns of slides, made while walking down a page."""

    def __init__(self, article: Tag, address: str) -> None:
        self.columns: list[list[Slide]] = []
        # Reasons of bets stand at the page's end.
        self.reasons = {str(part["data-for"]): part for part in article.select("[data-for]")}
        self.heading = ""
        self.said: list[tuple[str, int]] = []  # sentences to be shown, with their lengths
        self.told: list[str] = []  # paragraphs for the notes
        tidy(article, address)
        for end in article.select(".at-the-end"):
            end.extract()
        section = article.find("section")
        assert isinstance(section, Tag)
        self.walk(section)

    def __str__(self) -> str:
        columns = ["\n".join(map(str, column)) for column in self.columns]
        return "\n".join(f"<section>\n{column}\n</section>" for column in columns)

    def walk(self, section: Tag) -> None:
        """Take the children of a section in order."""
        for child in section.find_all(True, recursive=False):
            classes = set(child.get_attribute_list("class"))
            if child.name in {"h1", "h2", "h3"}:
                if child.text.endswith(LEFT_OUT):
                    return
                self.begin(child)
            elif child.name == "section":
                self.walk(child)
            elif "admonition" in classes and "exercise" not in classes:
                for part in [] if classes & FOLDED else child.find_all(TEXT, recursive=False):
                    self.say(part)
            elif child.name != "details" and not child.text.startswith("Solution:"):
                self.take(child, classes)
        self.settle()

    def take(self, block: Tag, classes: set[str]) -> None:
        """Take one block."""
        for name, take in (
            ("exercise", self.exercise),
            ("selfcheck", self.question),
            ("cell", self.cell),
            ("math", self.say),
        ):
            if name in classes:
                take(block)
                return
        if block.name in TEXT:
            self.say(block)
        elif block.name == "figure" or block.find("table"):
            self.show(block, picture=True)

    def begin(self, heading: Tag) -> None:
        """Begin a column, or below a smaller heading a slide."""
        self.settle()
        self.heading = heading.decode_contents()
        if heading.name in {"h1", "h2"}:
            self.columns.append([])
        self.add(opens="h1" if len(self.columns) == 1 else "h2")

    def add(self, *, opens: str = "") -> Slide:
        """Put another slide into the column, or take the last one if nothing stands there yet."""
        column = self.columns[-1]
        if opens or not column or column[-1].parts:
            column.append(Slide(self.heading, opens))
        column[-1].notes += self.told
        self.told = []
        return column[-1]

    def say(self, block: Tag) -> None:
        """Remember what is to be said: of a paragraph what matters, of anything else all."""
        if "admonition-title" in block.get_attribute_list("class"):
            return
        if block.name != "p":
            self.said.append(
                (
                    str(block),
                    150 if "math" in block.get_attribute_list("class") else len(block.text),
                )
            )
            self.told.append(str(block) if block.name != "div" else "")
            return
        self.told.append(str(block))
        kept = main_sentences(block)
        self.said.append((f"<p>{kept}</p>", len(re.sub("<[^>]+>", "", kept))))

    def settle(self, *, introduces: bool = False) -> None:
        """Put what is to be said below a picture, above what follows, or on slides of its own."""
        said, self.said = self.said, []
        if not said:
            return
        last, short = self.columns[-1][-1], sum(size for _, size in said) <= BESIDE
        if last.picture and short and not (introduces and said[-1][0].endswith(":</p>")):
            shown = "".join(text for text, _ in said)
            last.parts.append(f'<div class="fragment">{shown}</div>')
            last.picture = False
            last.notes += self.told
            self.told = []
            return
        slide, room = self.add(), FULL
        for text, size in said:
            if slide.parts and size > room:
                slide, room = Slide(self.heading), FULL
                self.columns[-1].append(slide)
            slide.parts.append(text)
            room -= size
        slide.has_room = introduces and room >= FULL - BESIDE

    def show(self, *parts: Tag, picture: bool = False) -> None:
        """Show something below a few sentences, or else on a slide of its own."""
        self.settle(introduces=True)
        last = self.columns[-1][-1]
        slide = last if last.has_room else self.add()
        slide.parts += [str(part) for part in parts]
        slide.picture, slide.has_room = picture, False

    def cell(self, cell: Tag) -> None:
        """Show a cell's picture, its table, or else its code and what it printed."""
        code, output = cell.find(class_="cell_input"), cell.find(class_="cell_output")
        shown = output.find_all(["figure", "table", "pre"]) if isinstance(output, Tag) else []
        shown = [part for part in shown if not part.find_parent(["figure", "table"])]
        pictures = [part for part in shown if part.name != "pre"]
        visible = (
            isinstance(code, Tag) and not code.find_parent("details") and not cell.find("details")
        )
        if pictures:
            # What is printed beside a table is mostly where it was recorded.
            self.show(
                *(pictures if any(p.name == "table" for p in pictures) else shown), picture=True
            )
        elif (
            visible
            and isinstance(code, Tag)
            and not re.match(r"\s*(#.*\s*)?(import|from|%)\s", code.text)
        ):
            self.show(code, *shown)

    def question(self, check: Tag) -> None:
        """Ask; answer at the next key."""
        self.settle()
        labels = check.find_all("label")
        reasons = [self.reasons[str(label["for"])] for label in labels]
        asked = "".join(
            f"<p>{part.decode_contents()}</p>" if part.name == "legend" else part.decode_contents()
            for part in check.select(".asked")
        )
        answers = "".join(f"<p>{label.decode_contents()}</p>" for label in labels)
        (right,) = (reason for reason in reasons if "right" in reason["class"])
        slide = self.add()
        slide.parts += [
            f'<div class="asked">{asked}</div>',
            f'<div class="answers">{answers}</div>',
            f'<div class="fragment reason">{right.decode_contents()}</div>',
        ]
        slide.notes += [reason.decode_contents() for reason in reasons if reason is not right]

    def exercise(self, exercise: Tag) -> None:
        """Show an exercise without its solution."""
        self.settle()
        for part in exercise.find_all("section"):
            part.unwrap()  # reveal.js takes every section for a slide
        self.add().parts.append(f'<div class="exercise">{exercise.decode_contents()}</div>')


def tidy(article: Tag, address: str) -> None:
    """Take away what belongs to a page only."""
    for citation in article.select(".bibtex-citation"):
        before = citation.previous_sibling
        if isinstance(before, NavigableString):
            before.replace_with(before.rstrip())
        citation.decompose()
    extras = ".headerlink, style, script, input, button, .verdict .of, .your-turn-solution"
    for extra in article.select(extras):
        extra.decompose()
    for corner in article.find_all("th", string=re.compile(r"^\s*$")) + article.select("th:empty"):
        corner.name = "td"  # a heading without words is none
    for place in article.select(".play"):
        section = place.find_parent("section")
        anchor = section["id"] if section else ""
        link = f'<p>There is <a href="#{anchor}">something to play with</a> on the page.</p>'
        place.replace_with(BeautifulSoup(link, "html.parser"))
    kept = {
        id(part)
        for drawing in article.find_all("svg")
        for part in (drawing, *drawing.find_all(True))
    }
    for element in article.find_all(True):
        if id(element) not in kept:
            for name in ("id", "aria-labelledby", "role"):
                element.attrs.pop(name, None)
    rebase(article, address)


def rebase(article: Tag, address: str) -> None:
    """Let links and pictures lead from the folder of the decks to where they led from the page."""
    for link in article.find_all(("a", "img")):
        name = "href" if link.name == "a" else "src"
        target = str(link.get(name, "://"))
        if "://" not in target and not target.startswith("data:"):
            page, mark, anchor = target.partition("#")
            file = normpath(f"{address}/../{page}") if page else address
            link[name] = f"../{file}{mark}{anchor}"


def main_sentences(paragraph: Tag) -> str:
    """Keep of a paragraph the first sentence, those in bold, and questions."""
    first, *others = sentences(paragraph.children)
    short = len(re.sub("<[^>]+>", "", first)) < SHORT
    kept = [
        sentence
        for number, sentence in enumerate(others)
        if (short and number == 0) or "<strong>" in sentence or sentence.rstrip().endswith("?")
    ]
    return " ".join(sentence.strip() for sentence in [first, *kept])


def sentences(children: Iterable[PageElement]) -> list[str]:
    """Cut a paragraph's content into sentences, with the markup inside them."""
    found = [""]
    for child in children:
        if isinstance(child, NavigableString):
            pieces = SENTENCE.split(str(child))
            found[-1] += html.escape(pieces[0], quote=False)
            found += [html.escape(piece, quote=False) for piece in pieces[1:]]
        elif isinstance(child, Tag):
            found[-1] += str(child)
            # A few words in bold name what follows; more of them are a sentence.
            if (
                child.name == "strong"
                and child.text.endswith((".", "?", "!"))
                and len(child.text.split()) > 3
            ):
                found.append("")
    return [sentence for sentence in found if sentence.strip()]


def write_decks(app: Sphinx, exception: Exception | None) -> None:
    """Write a deck for each chapter, of all its pages, beside the site's pages."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    (site / "slides").mkdir(exist_ok=True)
    old = {site / f"{page}.html" for page in app.config.redirects}
    pages = sorted(set((site / "book").glob("*/[0-9]*.html")) - old)
    for chapter, of_chapter in groupby(pages, key=lambda page: page.parent.name):
        titles, decks = [], []
        for page in of_chapter:
            soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
            article = soup.find("article")
            assert isinstance(article, Tag)
            titles.append(" ".join(article.find("h1").text.rstrip("#").split()))  # type: ignore[union-attr]  # each page has one
            decks.append(str(Deck(article, page.relative_to(site).as_posix())))
        deck = PAGE.format(title=titles[0], slides="\n".join(decks))
        (site / "slides" / f"{chapter}.html").write_text(deck, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the decks when the pages are there."""
    app.connect("build-finished", write_decks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
