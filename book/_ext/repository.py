"""Sphinx: what depends on ``repository.url`` in ``_config.yml``; without it no address is named.

The buttons for Binder and Colab; a link to Colab after each assignment to download;
``{repo}`text <path>` ``, a link to a file of the repository, or the text alone; and the site's
own address, unless ``html.baseurl`` gives one.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

ROOT = Path(__file__).parents[2]
COLAB = "https://colab.research.google.com"
LOG = logging.getLogger(__name__)


def on_github(url: str) -> tuple[str, str] | None:
    """Return owner and name of a repository on GitHub, the only one that Colab opens."""
    found = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+)", url)
    return (found[1], found[2]) if found else None


def site_address(url: str) -> str:
    """Return where GitHub Pages shows the repository's site; empty for another host.

    Examples
    --------
    >>> site_address("https://github.com/You/course")
    'https://you.github.io/course/'
    >>> site_address("https://example.org/someone/course")
    ''
    """
    if not (found := on_github(url)):
        return ""
    owner, name = found
    home = f"{owner.lower()}.github.io"
    return f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"


def repository(config: Config) -> tuple[str, str]:
    """Return the repository's address, empty if it has none, and the branch."""
    options = config.html_theme_options
    return options.get("repository_url") or "", options.get("repository_branch", "main")


def prepare(app: Sphinx, config: Config) -> None:
    """Leave out the buttons that would lead nowhere; set the site's address."""
    url, _ = repository(config)
    buttons = config.html_theme_options.get("launch_buttons", {})
    for button in ("colab_url",) if url else ("colab_url", "binderhub_url"):
        if not on_github(url):
            buttons.pop(button, None)
    config.html_baseurl = config.html_baseurl or site_address(url)


class File(ReferenceRole):
    """Link to a file or folder of the repository."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link, or without an address the text."""
        if not (ROOT / self.target).exists():
            LOG.warning(
                "no such file in the repository: %s", self.target, location=self.get_location()
            )
        url, branch = repository(self.config)
        if not url:
            return [nodes.inline("", self.title)], []
        return [nodes.reference("", self.title, refuri=f"{url}/blob/{branch}/{self.target}")], []


class InColab(SphinxTransform):
    """Say after each assignment to download that Colab opens it, too."""

    default_priority = 400

    def apply(self, **options: Any) -> None:
        """Add the links, if there is an address."""
        url, branch = repository(self.config)
        if not (found := on_github(url)):
            return
        for node in list(self.document.findall(addnodes.download_reference)):
            if node["reftarget"].endswith("-assignment.ipynb"):
                name = Path(node["reftarget"]).name
                path = f"book/{name.removesuffix('-assignment.ipynb')}/student/{name}"
                address = f"{COLAB}/github/{'/'.join(found)}/blob/{branch}/{path}"
                link = nodes.reference("", "in Colab", refuri=address)
                node.parent.insert(node.parent.index(node) + 1, [nodes.Text(", or "), link])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role, the links, and what is done first."""
    app.add_role("repo", File())
    app.add_transform(InColab)
    app.connect("config-inited", prepare, priority=400)  # before metadata reads the address
    return {"parallel_read_safe": True, "parallel_write_safe": True}
