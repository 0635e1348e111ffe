"""The OpenAPI description as a page to read: no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import msgspec

from scorer.outlets.problems import PROBLEMS

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2rem 0 .5rem; }
code { font: .92em ui-monospace, monospace; background: var(--soft); padding: .1em .3em; border-radius: .25em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
a { color: LinkText; }
:target { background: var(--soft); }
"""


_BOUNDS: Final = {
    "minimum": "from {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
    "maxLength": "at most {} characters",
}


class Page(msgspec.Struct, frozen=True):
    """A page and the policy it may be shown under."""

    html: str
    content_security_policy: str


def render(description: dict[str, Any]) -> Page:
    """Return the page of an OpenAPI *description*."""
    info = description["info"]
    schemas = description["components"]["schemas"]
    operations = [
        (path, method.upper(), operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    body = [
        f"<h1>{escape(info['title'])}</h1><p>{_text(info['description'])}</p>",
        '<p>The same for programs: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> (OpenAPI 3.1).</p>',
        '<nav><ul><li><a href="#requests">Requests</a></li><li><a href="#types">Types</a></li>'
        '<li><a href="#problems">Problems</a></li></ul></nav>',
        '<h2 id="requests">Requests</h2>',
        *(_operation(*one) for one in operations),
        '<h2 id="types">Types</h2>',
        *(_schema(name, schema) for name, schema in sorted(schemas.items())),
        '<h2 id="problems">Problems</h2>',
        *(_problem(kind.name, kind.status, kind.title, kind.advice) for kind in PROBLEMS),
    ]
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>"
    )
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return Page(html, policy)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = _table(
        ("Parameter", "Type", "Meaning"),
        [
            (f"<code>{one['name']}</code>", _type(one["schema"]), escape(one.get("description", "")))
            for one in operation["parameters"]
        ],
    )
    taken = operation.get("requestBody")
    body = f"<p>Takes {_type(taken['content']['application/json']['schema'])}.</p>" if taken else ""
    answered = operation["responses"].get("200") or operation["responses"]["202"]
    answer = answered["content"]["application/json"]["schema"]
    refused = ", ".join(status for status in operation["responses"] if status >= "4")
    return (
        f'<h3 id="{operation["operationId"]}"><code>{method} {escape(path)}</code></h3>'
        f"<p>{escape(operation['summary'])}. {escape(operation['description'])}</p>{parameters}{body}"
        f'<p>Answers {_type(answer)}; refuses with <a href="#problems">{refused}</a>.</p>'
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    fields = [
        (f"<code>{field}</code>", _type(one), escape(one.get("description", "")))
        for field, one in schema["properties"].items()
    ]
    table = _table(("Field", "Type", "Meaning"), fields)
    return f'<h3 id="type-{name}">{name}</h3><p>{escape(schema["description"])}</p>{table}'


def _problem(name: str, status: int, title: str, advice: str) -> str:
    return f'<h3 id="problem-{name}">{status}: {escape(title)}</h3><p>{_text(advice)}</p>'


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    titles = "".join(f"<th>{title}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{titles}</tr>{lines}</table>"


def _type(schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#type-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " · ".join("null" if one is None else f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = str(schema.get("format", schema.get("type", "anything")))
    bounds = [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    default = [f"default {schema['default']}"] if "default" in schema else []
    return ", ".join([kind, *bounds, *default])


def _text(text: str) -> str:
    """Return text as HTML; what stands in back quotes is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
