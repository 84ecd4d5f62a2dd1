"""``make new-chapter``: what it makes is right from the start, and it overwrites nothing."""

import shutil
from pathlib import Path

import nbformat
import new_chapter
import pytest
from test_notebooks import faults

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that list the chapters, and the last of the chapters."""
    for file in ("_toc.yml", "book/index.md", "tests/test_pages.py", "book/07-yes-no/1-yes-no.ipynb"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(new_chapter, "ROOT", tmp_path)
    return tmp_path


def make(monkeypatch: pytest.MonkeyPatch, name: str) -> str | None:
    monkeypatch.setattr("sys.argv", ["new_chapter.py", name])
    return new_chapter.main()


def test_a_new_chapter(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make(monkeypatch, "wind-power") is None
    made = sorted((tree / "book/08-wind-power").iterdir())
    assert [path.name for path in made] == ["1-wind-power.ipynb", "solutions.ipynb"]
    for path in made:
        assert list(faults(nbformat.read(path, as_version=4))) == []
    lines = (tree / "_toc.yml").read_text(encoding="utf-8").splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.endswith("book/08-wind-power/1-wind-power")]
    assert lines[place - 1].endswith("book/07-yes-no/1-yes-no")
    (row,) = [line for line in (tree / "book/index.md").read_text(encoding="utf-8").splitlines() if "08-" in line]
    exempt = (tree / "tests/test_pages.py").read_text(encoding="utf-8").partition("EXEMPT = {")[2].partition("}")[0]
    assert '"08-wind-power/1-wind-power",' in exempt
    assert row.startswith("| 8 [Wind power](08-wind-power/1-wind-power.ipynb) | ")

    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert make(monkeypatch, "wind-power") == "NAME is taken: there is book/08-wind-power"
    for bad in ("", "Wind", "wind power", "../wind", "wind-"):
        assert "NAME must be lower-case words" in str(make(monkeypatch, bad))
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


def test_lists_that_are_not_found_change_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "_toc.yml").write_text("root: book/index\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"_toc.yml must list the chapters once, got 0 places"):
        make(monkeypatch, "wind-power")
    assert not (tree / "book/08-wind-power").exists()
