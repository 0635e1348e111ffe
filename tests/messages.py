"""The catalogues of texts, of page and commands: found, brought up to date, compiled. ``python3 dev.py messages``."""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests import command_messages

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "scorer" / "web"
PO = PAGES / "translations" / "zh" / "LC_MESSAGES" / "warmtrail.po"
MO = PO.with_suffix(".mo")
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def found() -> Catalog:
    """The texts that the sources have, without translations."""
    catalog = Catalog(locale="zh", domain="warmtrail", charset="utf-8", fuzzy=False)
    for path, _, text, comments, context in extract_from_dir(
        PAGES, METHODS, OPTIONS, KEYWORDS, ("L10N:",), strip_comment_tags=True
    ):
        catalog.add(text, locations=[(path, 0)], auto_comments=comments, context=context)
    return catalog


def kept(po: Path = PO) -> Catalog:
    """A catalogue as it is kept."""
    if not po.exists():
        return Catalog(locale="zh", domain=po.stem, charset="utf-8", fuzzy=False)
    with po.open("rb") as file:
        return read_po(file, locale="zh", domain=po.stem)


def updated(po: Path = PO) -> Catalog:
    """A catalogue with the texts that the sources have now, translated as far as they were."""
    old, new = kept(po), CATALOGUES[po]()
    for message in new:
        before = old.get(message.id, message.context) if message.id else None
        if before is not None and not before.fuzzy:
            message.string = before.string
    return new


def po_bytes(catalog: Catalog) -> bytes:
    """A catalogue as text: by file, without dates and line numbers, so that a change shows what was changed."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=120, include_lineno=False, sort_by_file=True, omit_header=True)
    return _HEADER + buffer.getvalue()


_HEADER = b"""\
msgid ""
msgstr ""
"Language: zh\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


CATALOGUES = {PO: found, command_messages.PO: command_messages.found}
"""The files, and what finds the texts that belong into each."""

_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""In the header instead of the present time, so that the same texts give the same file."""


def mo_bytes(po: Path = PO) -> bytes:
    """A kept catalogue, compiled."""
    buffer = io.BytesIO()
    catalog = kept(po)
    catalog.creation_date = catalog.revision_date = _DATE
    write_mo(buffer, catalog)
    return buffer.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """The texts that have no translation, or one that nobody has looked at."""
    return [str(message.id) for message in catalog if message.id and (message.fuzzy or not _full(message.string))]


def _full(text: object) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


def translate(catalog: Catalog, given: dict[str, str | list[str]]) -> list[str]:
    """Put translations into a catalogue, by their English texts (of plurals: the singular); return what it doesn't have."""
    unused = []
    for text, translation in given.items():
        message = catalog.get(text)
        if message is None:
            unused.append(text)
            continue
        plural = isinstance(message.id, tuple | list)
        message.string = tuple([translation] if isinstance(translation, str) else translation) if plural else translation
    return unused


def main(arguments: list[str]) -> int:
    """Bring all files up to date; exit code 1 while something is untranslated."""
    parser = argparse.ArgumentParser(prog="dev.py messages", description="Bring the catalogues of texts up to date.")
    parser.add_argument("given", nargs="?", type=argparse.FileType(encoding="utf-8"), help="JSON: translations, en to zh")
    told = parser.parse_args(arguments).given
    given = json.load(told) if told else {}
    unused, some_open = set(given), False
    for po in CATALOGUES:
        po.parent.mkdir(parents=True, exist_ok=True)
        # Several people may be writing pages in one checkout.
        with po.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            catalog = updated(po)
            unused &= set(translate(catalog, given))
            po.write_bytes(po_bytes(catalog))
            po.with_suffix(".mo").write_bytes(mo_bytes(po))
        open_ones = untranslated(kept(po))
        some_open |= bool(open_ones)
        for text in open_ones:
            print(f"not translated: {text}")
        print(f"{po.relative_to(ROOT)}: {len(kept(po))} texts, {len(open_ones)} not translated")
    for text in unused:
        print(f"no such text: {text}")
    return 1 if some_open else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
