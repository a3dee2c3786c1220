"""MkDocs hooks: pages may link what lies outside docs/, and the site shows it.

On GitHub a link such as `../examples/quickstart.py` opens the file. In the site it has to be a page: each file that is
linked so becomes one, with its source.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(\]\()((?:\.\./)+[\w./-]+\.(?:py|yml|yaml|toml|txt|ipynb))((?:#[^)]*)?\))")
LANGUAGES = {".py": "py", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml", ".ipynb": "json"}


def _shown(path: str) -> str:
    return f"source/{path}.md"


def _target(page: str, link: str) -> str:
    """A link of a page, seen from the repository's root."""
    return posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file outside docs/ that some page links."""
    root, linked = Path(config.docs_dir).parent, set()
    for file in files.documentation_pages():
        linked |= {_target(file.src_uri, link) for _, link, _ in LINK.findall(file.content_string)}
    for path in sorted(linked):
        if (root / path).is_file() and not path.startswith("docs/"):
            language, text = LANGUAGES.get(Path(path).suffix, ""), (root / path).read_text(encoding="utf-8")
            content = f"# {path}\n\n````{language}\n{text}\n````\n"
            files.append(File.generated(config, _shown(path), content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links to those files to their pages."""
    del config

    def turned(found: re.Match[str]) -> str:
        before, link, after = found.groups()
        shown = _shown(_target(page.file.src_uri, link))
        if files.get_file_from_path(shown) is None:
            return found.group()
        return f"{before}{posixpath.relpath(shown, posixpath.dirname(page.file.src_uri) or '.')}{after}"

    return LINK.sub(turned, markdown)
