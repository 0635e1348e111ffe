"""Patterns in which ``*`` stands for any text, and addresses as those patterns see them.

Only ``*`` is special, on purpose: a scorecard is edited by people and runs on every page view, and a regular expression
can be made to take minutes on one hostile address. These take time linear in the text for each pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from tracker.core.labels import Label

MAX_TEXT = 2000
"""Characters of an address that are looked at."""
TOPIC = "{topic}"
GRAM: Final = 4
"""Characters by which ``GlobIndex`` finds texts that stand anywhere."""


def folded(text: str) -> str:
    """The text without percent escapes and in lower case, as patterns are compared."""
    text = text[:MAX_TEXT]
    return (unquote(text) if "%" in text else text).lower()


def page_path(url: str) -> str:
    """Path of a page: no query, no closing slash, unescaped, lower case; of a hash-routed page (``/#/a``) its route.

    >>> page_path("https://example.com/Produkte/%E4%BB%B7%E6%A0%BC/?utm_source=x")
    '/produkte/价格'
    """
    before, _, fragment = url.partition("#")
    if fragment.startswith(("/", "!/")):
        path = fragment.lstrip("!").partition("?")[0]
    else:
        path = before.partition("?")[0]
        _, scheme, rest = path.partition("://")
        if scheme:
            path = "/" + rest.partition("/")[2]
    path = folded(path).rstrip("/")
    return path if path.startswith("/") else "/" + path


def address_key(url: str) -> str:
    """The part of an address that decides its path: what page matches are remembered by."""
    if "#" in url:
        if "#/" in url or "#!/" in url:
            return url
        url = url.partition("#")[0]
    return url.partition("?")[0]


def file_name(url: str) -> str:
    """Last segment of the address's path, unescaped, lower case: the file behind a download link."""
    return page_path(url).rpartition("/")[2]


class Globs:
    """A list of patterns, matched when any of them matches the whole text. Text is given ``folded``.

    The common forms (``/a``, ``/a*``, ``*a``, ``*a*``) are each one built-in string operation.

    >>> Globs(["*/pricing*", "/plans"])("/en/pricing/enterprise")
    True
    """

    __slots__ = ("_between", "_exact", "_inside", "_prefixes", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        exact, prefixes, suffixes = set[str](), list[str](), list[str]()
        inside, between = list[str](), list[tuple[str, tuple[str, ...], str]]()
        for pattern in patterns:
            first, *middle = folded(pattern).split("*")
            if not middle:
                exact.add(first)
                continue
            last = middle.pop()
            middle = [piece for piece in middle if piece]
            if not middle and not last:
                prefixes.append(first)
            elif not middle and not first:
                suffixes.append(last)
            elif len(middle) == 1 and not first and not last:
                inside.append(middle[0])
            else:
                between.append((first, tuple(middle), last))
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)
        self._suffixes = tuple(suffixes)
        self._inside = tuple(inside)
        self._between = tuple(between)

    def __call__(self, text: str) -> bool:
        """Whether any pattern matches the whole text."""
        if text in self._exact or text.startswith(self._prefixes) or text.endswith(self._suffixes):
            return True
        for piece in self._inside:
            if piece in text:
                return True
        return any(_lies_between(text, *pattern) for pattern in self._between)


def _lies_between(text: str, first: str, middle: tuple[str, ...], last: str) -> bool:
    at, end = len(first), len(text) - len(last)
    if end < at or not text.startswith(first) or not text.endswith(last):
        return False
    # Taking each piece at its first place is enough: a later place only leaves less text for the rest.
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


class _Pattern(NamedTuple):
    """A pattern taken apart, and to which list it belongs."""

    first: str
    middle: tuple[str, ...]
    last: str
    owner: int


class GlobIndex:
    """Many lists of patterns at once: which of them match a text, for little more than one list costs.

    A pattern is looked at only for a text that has the pattern's longest piece in its place: at the beginning, at the end,
    or, by its rarest four characters, anywhere. One whose longest piece stands anywhere and is shorter is looked at always.

    >>> sorted(GlobIndex([["*/pricing*"], ["/blog*"], ["*"]])("/en/pricing"))
    [0, 2]
    """

    __slots__ = ("_by_gram", "_by_prefix", "_by_suffix", "_exact", "_others")

    def __init__(self, lists: Iterable[Iterable[str]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._by_prefix: dict[int, dict[str, list[_Pattern]]] = {}
        self._by_suffix: dict[int, dict[str, list[_Pattern]]] = {}
        self._by_gram: dict[str, list[_Pattern]] = {}
        self._others: list[_Pattern] = []
        anywhere: list[tuple[str, _Pattern]] = []
        for owner, patterns in enumerate(lists):
            for text in patterns:
                first, *middle = folded(text).split("*")
                if not middle:
                    self._exact.setdefault(first, []).append(owner)
                    continue
                pattern = _Pattern(first, tuple(piece for piece in middle[:-1] if piece), middle[-1], owner)
                longest = max(pattern.middle, key=len, default="")
                if len(longest) > max(len(first), len(pattern.last)):
                    anywhere.append((longest, pattern))
                elif first and len(first) >= len(pattern.last):
                    self._by_prefix.setdefault(len(first), {}).setdefault(first, []).append(pattern)
                elif pattern.last:
                    self._by_suffix.setdefault(len(pattern.last), {}).setdefault(pattern.last, []).append(pattern)
                else:
                    self._others.append(pattern)
        usual = Counter(gram for piece, _ in anywhere for gram in _grams(piece))
        for piece, pattern in anywhere:
            rarest = min(_grams(piece), key=lambda gram: (usual[gram], gram), default=None)
            if rarest is None:
                self._others.append(pattern)
            else:
                self._by_gram.setdefault(rarest, []).append(pattern)

    def __call__(self, text: str) -> set[int]:
        """The lists, by their place, of which a pattern matches the whole text. Text is given ``folded``."""
        found = set(self._exact.get(text, ()))
        for pattern in self._candidates(text):
            if pattern.owner not in found and _lies_between(text, *pattern[:3]):
                found.add(pattern.owner)
        return found

    def _candidates(self, text: str) -> Iterator[_Pattern]:
        yield from self._others
        for length, table in self._by_prefix.items():
            yield from table.get(text[:length], ())
        for length, table in self._by_suffix.items():
            yield from table.get(text[-length:], ())
        if self._by_gram:
            by_gram = self._by_gram
            # A set: of what is repeated in a text, each pattern is looked at once.
            for gram in {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)} & by_gram.keys():
                yield from by_gram[gram]


def _grams(piece: str) -> list[str]:
    return [piece[at : at + GRAM] for at in range(len(piece) - GRAM + 1)]


class TopicCapture:
    """A path pattern with ``{topic}``: one path segment, without its extension, that names what the page is about.

    ``{topic}`` follows a ``/`` and ends the pattern, or stands before a closing ``*``; the text before it is literal,
    but for a leading ``*``.

    >>> TopicCapture("*/products/{topic}*")("/en/products/pump-x200.html")
    'pump-x200'
    """

    __slots__ = ("_anywhere", "_before", "_open")

    def __init__(self, pattern: str) -> None:
        problem = self.problem(pattern)
        if problem:
            raise ValueError(problem.en)
        before, _, after = pattern.partition(TOPIC)
        self._anywhere = before.startswith("*")
        self._before = folded(before.lstrip("*"))
        self._open = after == "*"

    @staticmethod
    def problem(pattern: str) -> Label | None:
        """What is wrong with the pattern; ``None`` when nothing is."""
        before, found, after = pattern.partition(TOPIC)
        if not found:
            return Label(f"has no {TOPIC}", f"没有 {TOPIC}")
        if after not in ("", "*"):
            return Label(f"only * may follow {TOPIC}", f"{TOPIC} 之后只能是 *")
        if not before.endswith("/"):
            return Label(f"{TOPIC} must stand after a /", f"{TOPIC} 须在 / 之后")
        if "*" in before.lstrip("*"):
            return Label(f"before {TOPIC} a * may only open the pattern", f"{TOPIC} 之前的 * 只能在模式开头")
        return None

    @property
    def glob(self) -> str:
        """A pattern that matches every path of which this reads a topic, and others."""
        return ("*" if self._anywhere else "") + self._before + "*"

    def __call__(self, path: str) -> str | None:
        """The topic named in the path; ``None`` when the pattern doesn't match, or only a folder's index does."""
        if self._anywhere:
            start = path.find(self._before)
            if start < 0:
                return None
            start += len(self._before)
        elif path.startswith(self._before):
            start = len(self._before)
        else:
            return None
        segment, deeper, _ = path[start:].partition("/")
        if deeper and not self._open:
            return None
        topic = segment.partition(".")[0].strip()[:60]
        return topic if topic not in ("", "index", "default", "list", "all", "category") else None
