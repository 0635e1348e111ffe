"""Names of downloaded files, as senders spell them and as people read them."""

from typing import Any

import pytest

from tracker.core.files import name_file


@pytest.mark.parametrize(
    ("given", "url", "expected"),
    [
        ({"file_name": "report.pdf", "extension": "pdf"}, "/a", {"file_name": "report.pdf", "extension": "pdf"}),
        ({"file_name": "report.PDF", "extension": "PDF"}, "/a", {"file_name": "report.PDF", "extension": "pdf"}),
        ({"file_name": "Price%20list%20%C3%A9.pdf"}, "", {"file_name": "Price list é.pdf", "extension": "pdf"}),
        ({"file_name": "%E4%BA%A7%E5%93%81.docx"}, "", {"file_name": "产品.docx", "extension": "docx"}),
        ({"file_name": "100%.pdf"}, "", {"file_name": "100%.pdf", "extension": "pdf"}),
        ({"file_name": "%B2%FA.pdf"}, "", {"file_name": "%B2%FA.pdf", "extension": "pdf"}),
        ({"file_name": "2026%2Flist.xlsx"}, "", {"file_name": "list.xlsx", "extension": "xlsx"}),
        ({"file_name": "C:\\tmp\\a.zip"}, "", {"file_name": "a.zip", "extension": "zip"}),
        ({"file_name": "https://a.example/files/export?x=1.pdf"}, "", {"file_name": "export"}),
        ({"file_name": "https://a.example/b.pdf#page=2"}, "", {"file_name": "b.pdf", "extension": "pdf"}),
        ({"file_name": "https://[/x"}, "https://a.example/f.zip", {"file_name": "f.zip", "extension": "zip"}),
        ({"file_name": "blob:"}, "blob:", None),
        ({}, "https://a.example/files/x.pdf?v=1", {"file_name": "x.pdf", "extension": "pdf"}),
        ({"view": 1}, "", {"view": 1}),
        ({"file_name": 7, "extension": ["x"]}, "https://a.example/", None),
        ({"file_name": "a\0b.pdf"}, "", {"file_name": "ab.pdf", "extension": "pdf"}),
        (None, "/x.pdf", {"file_name": "x.pdf", "extension": "pdf"}),
        ({"file_name": "x" * 400}, "", {"file_name": "x" * 300}),
        ({"file_name": "a.tar.gz"}, "", {"file_name": "a.tar.gz", "extension": "gz"}),
        ({"file_name": "notes. what"}, "", {"file_name": "notes. what"}),
    ],
)
def test_a_file_is_called_what_people_call_it(
    given: dict[str, Any] | None, url: str, expected: dict[str, Any] | None
) -> None:
    assert name_file(given, url) == expected
