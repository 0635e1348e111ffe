"""No regular expression is made from what others have written: Python's engine takes exponential time over bad ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CALLS: Final = frozenset(("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"))
MADE: Final = {
    "scorer/core/amounts.py": "words of its own tables",
    "scorer/core/domain_names.py": "letters of its own tables",
    "scorer/core/titles.py": "words of its own tables",
    "tracker/core/agents.py": "the lists of ua-parser and crawler-user-agents, as locked",
    "tracker/core/lead_rows.py": "its own parts, and one escaped mark",
    "tracker/core/network_names.py": "words of its own tables",
    "tracker/core/shape_words.py": "its own parts",
    "tracker/core/weblogs/line_formats.py": "the log formats that it knows by name",
}
"""Files that put patterns together, and from what."""


def put_together(tree: ast.AST) -> Iterator[int]:
    """Lines on which ``re`` is given a pattern that isn't written there, nor joined from module constants in capitals."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in CALLS:
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id in ("re", "regex"):
            names = [part.id for part in ast.walk(node.args[0]) if isinstance(part, ast.Name)]
            if any(not name.isupper() for name in names):
                yield node.lineno


def test_patterns_stand_in_the_source() -> None:
    found = set()
    for part in ("tracker", "scorer"):
        for path in (ROOT / part).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            name = str(path.relative_to(ROOT))
            if list(put_together(tree)):
                found.add(name)
            # Databases have such engines, too.
            assert not [
                one for one in ast.walk(tree) if isinstance(one, ast.Attribute) and one.attr.startswith("regexp_")
            ], name
    assert found == set(MADE)


def test_the_search_finds_what_it_is_for() -> None:
    assert list(put_together(ast.parse("re.search(setting, text)"))) == [1]
    assert list(put_together(ast.parse("re.compile(f'a{rule.path}')"))) == [1]
    assert list(put_together(ast.parse("re.compile(f'a{_WORD}'); re.match('a', text)"))) == []
