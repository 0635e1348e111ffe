"""The snippet's file with a site's settings inside."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker import assets
from tracker.assets import BuildError, release, settings_literal, snippet, snippet_with


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a built snippet of this test's own."""
    folder = tmp_path / "dist"
    folder.mkdir()
    monkeypatch.setattr(assets, "static_folder", lambda: tmp_path)
    forget()
    yield folder
    forget()


def forget() -> None:
    snippet.cache_clear()
    assets._snippet_with.cache_clear()


@pytest.mark.parametrize("end", [b"({})", b"({});", b"({});\n"])
def test_settings_take_the_place_of_the_empty_ones_at_the_end(dist: Path, end: bytes) -> None:
    (dist / "snippet.js").write_bytes(b"(c=>{f({});g(c)})" + end)
    made = snippet_with({"key": "wk_1", "idle": 60})
    assert made is not None
    assert made.content == b"(c=>{f({});g(c)})" + end.replace(b"{}", b'{"key":"wk_1","idle":60}')
    assert gzip.decompress(made.compressed) == made.content


def test_the_part_for_linked_domains_comes_first_where_there_are_any(dist: Path) -> None:
    (dist / "snippet.js").write_bytes(b"(c=>c)({});\n")
    told = {"key": "wk_1", "domains": "example.cn,shop.example"}
    assert snippet_with(told) is None  # not built
    (dist / "snippet-links.js").write_bytes(b'(d=>{f("")})("");\n')
    forget()
    made, plain = snippet_with(told), snippet_with({"key": "wk_1"})
    assert made is not None
    assert plain is not None
    assert (
        made.content
        == b'(d=>{f("")})("example.cn,shop.example");\n(c=>c)(' + json.dumps(told, separators=(",", ":")).encode() + b");\n"
    )
    assert plain.content == b'(c=>c)({"key":"wk_1"});\n'
    (dist / "snippet-links.js").write_bytes(b"(d=>d)();\n")
    forget()
    with pytest.raises(BuildError):
        snippet_with(told)


def test_the_tag_of_the_file_changes_with_the_settings_only(dist: Path) -> None:
    (dist / "snippet.js").write_bytes(b"(c=>c)({})")
    tags = [one.etag for told in ({"key": "a"}, {"key": "a"}, {"key": "b"}) if (one := snippet_with(told))]
    plain = snippet()
    assert plain is not None
    assert (tags[0] == tags[1], len({plain.etag, *tags})) == (True, 3)


def test_a_text_is_compressed_once_and_old_ones_are_forgotten(dist: Path) -> None:
    (dist / "snippet.js").write_bytes(b"(c=>c)({})")
    for number in [*range(600), *range(500, 600)]:
        snippet_with({"key": str(number)})
    kept = assets._snippet_with.cache_info()
    assert (kept.misses, kept.hits, kept.currsize) == (600, 100, 500)


def test_nothing_in_the_settings_ends_the_script_or_depends_on_an_encoding() -> None:
    told = {"key": "wk_1", "strip": "邮箱,</script><!--,\u2028,\"',\\"}
    literal = settings_literal(told)
    assert literal.isascii()
    assert literal.isprintable()
    assert "<" not in literal
    assert json.loads(literal) == told


def test_a_back_reference_in_a_setting_is_no_back_reference(dist: Path) -> None:
    (dist / "snippet.js").write_bytes(b"(c=>c)({})")
    made = snippet_with({"key": "\\1\\g<0>"})
    assert made is not None
    assert json.loads(made.content.removeprefix(b"(c=>c)(").removesuffix(b")")) == {"key": "\\1\\g<0>"}


def test_a_build_without_a_place_for_settings_is_told(dist: Path) -> None:
    (dist / "snippet.js").write_bytes(b"(()=>{})();")
    with pytest.raises(BuildError):
        snippet_with({"key": "wk_1"})


def test_what_is_not_built_is_not_there(dist: Path) -> None:
    assert (snippet(), snippet_with({"key": "wk_1"}), release()) == (None, None, None)


def test_the_file_that_is_delivered_takes_settings_and_its_manifest_is_its_own() -> None:
    made, present = snippet_with({"key": "wk_1", "domains": "example.cn"}), release()
    assert made is not None
    assert present is not None
    assert re.search(rb'\("example.cn"\);?\s.*\(\{"key":"wk_1","domains":"example.cn"\}\);?\s*\Z', made.content, re.DOTALL)
    assert present.links is not None
    for now, frozen in (("snippet.js", present), ("snippet-links.js", present.links)):
        one = snippet(frozen.file)
        assert one is not None
        assert one.content == (assets.static_folder() / "dist" / now).read_bytes()
        assert frozen.sha384 == "sha384-" + base64.b64encode(hashlib.sha384(one.content).digest()).decode()
