"""The rule by which a deck of slides is cut from a page."""

import pytest
from bs4 import BeautifulSoup, Tag
from slides import Deck, main_sentences

PAGE = """<article><section id="top"><h1>1. A title<a class="headerlink" href="#top">#</a></h1>
<p>A first sentence that is long enough to stand alone on any slide. A second one.</p>
<section id="part"><h2>1.1. A section</h2>
<p>What is it? See <a href="02-by-hand.html#gru">chapter 2</a> <span class="bibtex-citation">[3]</span>. The end.</p>
<div class="cell"><div class="cell_input"><pre>import numpy as np</pre></div></div>
<div class="cell" id="sine-code"><div class="cell_input"><pre>x = 1</pre></div>
<div class="cell_output"><pre>printed</pre></div></div>
<div class="cell"><div class="cell_input"><pre>plt.show()</pre></div>
<div class="cell_output"><figure id="fig-a"><img alt="A line." src="../_images/a.png"></figure></div></div>
<p>What the figure says.</p>
<div class="selfcheck bet"><p class="title">Bet 1</p><fieldset><legend class="asked">How many?</legend>
<div class="answer"><input type="radio"><label for="a">(a) 1</label><label for="b">(b) 2</label></div></fieldset></div>
</section>
<section id="practice"><h2>1.2. Exercises</h2>
<div class="exercise admonition"><section><p>Do it.</p></section></div>
<div class="play" data-play="a"><p>Without JavaScript.</p></div>
<details><p>A hint.</p></details><p>Solution: here.</p>
<div class="solution dropdown admonition"><p>Folded.</p></div></section>
<section><h2>1.3. Further reading</h2><p>Books.</p></section>
<div class="at-the-end"><table></table><div class="wrong" data-for="a"><p>No.</p></div>
<div class="right" data-for="b"><p class="verdict"><span class="of">Bet 1, </span>Right, two.</p></div></div>
</section></article>"""


@pytest.fixture
def deck() -> Deck:
    article = BeautifulSoup(PAGE, "html.parser").find("article")
    assert isinstance(article, Tag)
    return Deck(article, "book/01-sine.html")


def test_sections_become_columns(deck: Deck) -> None:
    assert [[slide.heading for slide in column] for column in deck.columns] == [
        ["1. A title"],
        ["1.1. A section"] * 3,
        ["1.2. Exercises"] * 2,
    ]


def test_slides_show_what_the_rule_says(deck: Deck) -> None:
    (title,), (code, figure, question), (exercise, _) = deck.columns
    assert "stand alone" in title.parts[0]
    assert "second" not in str(title.parts)
    assert "second" in str(title.notes)
    assert [part in str(code.parts) for part in ("What is it?", "x = 1", "printed", "import")] == [True] * 3 + [False]
    assert 'href="../book/02-by-hand.html#gru"' in str(code)
    assert "[3]" not in str(code)
    assert "plt.show" not in str(figure)
    assert '<div class="fragment"><p>What the figure says.</p></div>' in str(figure)
    assert '<div class="fragment reason"><p class="verdict">Right, two.</p></div>' in str(question)
    assert '<div class="asked"><p>How many?</p></div>' in str(question)
    assert "No." in str(question.notes)
    assert "No." not in str(question.parts)
    assert "Do it." in str(exercise)
    assert 'href="../book/01-sine.html#practice"' in str(deck)
    assert not any(word in str(deck) for word in ("hint", "Solution", "Folded", "Books", "id=", "Without"))
    assert str(deck).count("<section>") == str(deck).count("</section>") == 3 + 6


@pytest.mark.parametrize(
    "paragraph",
    [
        "The first sentence is the one that says what matters to all. Not this.",
        "Short. The next one comes along. Not this.",
        "A number such as 0.5 &lt; 1 or <em>this. Or that</em> does not end a sentence at all. Not this.",
        "<strong>Size.</strong> A label in bold stays with its sentence, which is kept. Not this.",
    ],
)
def test_a_paragraph_keeps_what_matters(paragraph: str) -> None:
    block = BeautifulSoup(f"<p>{paragraph}</p>", "html.parser").p
    assert isinstance(block, Tag)
    assert main_sentences(block) == paragraph.removesuffix(" Not this.")


def test_bold_sentences_and_questions_stay() -> None:
    text = (
        "A first sentence that is long enough to stand on any of the slides. Left out. <strong>It fails.</strong> Why?"
    )
    block = BeautifulSoup(f"<p>{text}</p>", "html.parser").p
    assert isinstance(block, Tag)
    assert main_sentences(block) == text.replace(" Left out.", "")
