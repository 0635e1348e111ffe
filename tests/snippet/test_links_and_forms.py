"""Links to other sites and forms: what is told of them, what never is, and that nothing is delayed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .conftest import Site, serving, visiting

HOST = "www.halden.example"


class Guest:
    """Somebody on a page of www.halden.example; nothing answers under https. A page that is open already is used again."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        context.route(re.compile("^https:"), lambda route: route.fulfill(status=204))
        self.page = context.new_page()
        self.site = site
        self.opened = ("", "")
        self.view_id = ""

    def open(self, name: str = "downloads.html", attributes: str = "") -> Page:
        address = self.site.at(HOST, f"/{name}")
        if self.opened != (address, attributes) or self.page.url != address:
            self.opened = (address, attributes)
            self.site.attributes = attributes
            before = len(self.site.events("page"))
            self.page.goto(address)
            self.site.wait_for(lambda: len(self.site.events("page")) > before)
            self.view_id = self.site.events("page")[-1]["properties"]["view_id"]
        self.site.requests.clear()
        return self.page

    def put(self, html: str) -> None:
        """Puts something on the page in the place of what was there, listeners included."""
        self.page.evaluate(
            """html => {
              const here = document.getElementById('here').cloneNode();
              document.getElementById('here').replaceWith(here);
              here.innerHTML = html;
            }""",
            html,
        )

    def sent(self, name: str) -> list[dict[str, Any]]:
        """The properties of all events of one name, up to now, without what every event has."""
        self.page.evaluate("setTimeout(() => warmtrail.track('Done'), 20)")
        self.site.wait_for(lambda: self.site.events("Done"))
        found = [dict(event["properties"]) for event in self.site.events(name)]
        assert [properties.pop("view_id") for properties in found] == [self.view_id] * len(found)
        return found


@pytest.fixture(scope="module")
def guest(browser: Browser) -> Iterator[Guest]:
    with serving() as site, visiting(browser) as context:
        yield Guest(context, site)


LINKS_OUT = [
    # address, data-strip, what is sent
    ("https://www.partner.example/a?b=c", "", "https://www.partner.example/a?b=c"),
    ("https://www.partner.example/a#part", "", "https://www.partner.example/a"),
    ("https://www.partner.example/?token=s3cret&a=b", "token,email", "https://www.partner.example/?a=b"),
    ("https://shop.halden.example/", "", "https://shop.halden.example/"),
    ("https://halden.example/", "", "https://halden.example/"),
    ("http://www.halden.example:1/", "", "http://www.halden.example:1/"),
    ("mailto:sales@halden.example?subject=Hello", "", "mailto:sales@halden.example?subject=Hello"),
    ("tel:+4930123456", "", "tel:+4930123456"),
]


@pytest.mark.parametrize(("address", "strip", "url"), LINKS_OUT, ids=[row[0] for row in LINKS_OUT])
def test_a_link_to_another_host_is_told_of(guest: Guest, address: str, strip: str, url: str) -> None:
    page = guest.open(attributes=f'data-strip="{strip}"')
    # The click is enough; the way there is not to be seen by this page.
    guest.put(f'<a href="{address}" onclick="return false">link</a>')
    page.evaluate("document.querySelector('#here a').click()")
    assert guest.sent("Link Clicked") == [{"url": url}]
    assert guest.site.events("File Downloaded") == []


@pytest.mark.parametrize("address", ["/pricing", "//www.halden.example:PORT/pricing", "?a=b", "#part", "javascript:void 0"])
def test_a_link_to_the_same_host_is_not_told_of(guest: Guest, address: str) -> None:
    page = guest.open()
    address = address.replace("PORT", str(guest.site.server_port))
    guest.put(f'<a href="{address}" onclick="return false">link</a>')
    page.evaluate("document.querySelector('#here a').click()")
    assert guest.sent("Link Clicked") == []


def test_a_broken_address_harms_nobody(guest: Guest) -> None:
    page = guest.open()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.evaluate("""() => {
      here.innerHTML = '<a href="http://[broken" onclick="return false">out</a>';
      here.firstChild.click();
      try { window.open('http://[broken') } catch (error) { window.thrown = error.name }
    }""")
    assert guest.sent("Link Clicked") == []
    assert page.evaluate("window.thrown") == "SyntaxError", "the browser's own error is still the page's"
    assert errors == []


def test_a_form_sends_its_name_and_only_the_marked_fields(guest: Guest) -> None:
    page = guest.open("forms.html")
    page.locator("[type=file]").set_input_files({"name": "cv.txt", "mimeType": "text/plain", "buffer": b"content-of-file"})
    page.evaluate("() => { document.forms.order.onsubmit = (event) => event.preventDefault() }")
    page.locator("#order button").click()
    [event] = guest.sent("Form Submitted")
    fields = event.pop("fields")
    assert event == {"form_id": "order", "form_name": "ask", "url": page.url}
    assert fields.pop("attachment", None) in (None, {})
    assert fields.pop("call", None) is None
    assert fields == {
        "company": "Halden AG",
        "seats": "25",
        "campaign": "fair",
        "news": "yes",
        "size": "large",
        "topic": "gateways",
        "needs": "Two lines,\nand an umlaut: ü",
    }
    never = ["unmarked", "password", "PASSWORD", "cv.txt", "content-of-file", "unticked", "unpicked", "unchosen"]
    assert [word for word in never if word in str(guest.site.requests)] == []


FORMS = [
    # what is special, the form's inside and attributes, form_id, form_name, fields
    ("nothing marked", "", "<input name=email value=unmarked>", None, None, {}),
    ("no field at all", "id=empty", "", "empty", None, {}),
    (
        "a field called id",
        "id=real",
        '<input name=id value=shadow><input name="a" value="b" data-wt-capture>',
        "real",
        None,
        {"a": "b"},
    ),
    ("a field called name", "name=real", "<input name=name value=shadow>", None, "real", {}),
    ("a field called elements", "", '<input name=elements value="b" data-wt-capture>', None, None, {"elements": "b"}),
    (
        "a field called constructor",
        "",
        '<input name=constructor value="b" data-wt-capture>',
        None,
        None,
        {"constructor": "b"},
    ),
    ("a field called href", "", '<input name=href value="b" data-wt-capture>', None, None, {"href": "b"}),
    ("a field called relList", "", '<input name=relList value="b" data-wt-capture>', None, None, {"relList": "b"}),
    ("a field called __proto__", "", '<input name=__proto__ value="b" data-wt-capture>', None, None, {}),
    ("a field with quotes", "", """<input name='"]\\' value="b" data-wt-capture>""", None, None, {'"]\\': "b"}),
    ("a field that is a list", "", '<input name="a[]" value="b" data-wt-capture>', None, None, {"a[]": "b"}),
    (
        "marked after a plain one of the same name",
        "",
        '<input name=a value=unmarked><input name=a value="b" data-wt-capture>',
        None,
        None,
        {"a": "b"},
    ),
    (
        "marked after a password of the same name",
        "",
        '<input name=a type=password value=unmarked><input name=a value="b" data-wt-capture>',
        None,
        None,
        {"a": "b"},
    ),
]


@pytest.mark.parametrize(
    ("attributes", "inside", "form_id", "form_name", "fields"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS]
)
def test_a_form_may_call_its_fields_as_it_likes(
    guest: Guest,
    attributes: str,
    inside: str,
    form_id: str | None,
    form_name: str | None,
    fields: dict[str, str],
) -> None:
    page = guest.open()
    guest.put(f'<form {attributes} onsubmit="return false">{inside}<button>Send</button></form>')
    page.locator("#here button").click()
    assert guest.sent("Form Submitted") == [{"form_id": form_id, "form_name": form_name, "fields": fields, "url": page.url}]
    assert "unmarked" not in str(guest.site.requests)


@pytest.mark.parametrize("name", ["querySelectorAll", "getAttribute"])
def test_a_form_that_hides_what_is_needed_to_read_it_still_works(guest: Guest, name: str) -> None:
    page = guest.open()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    guest.put(f"""<form onsubmit="window.submitted = true; return false"><input name={name}><button>Send</button></form>""")
    page.evaluate("window.submitted = false; here.querySelector('button').click()")
    assert guest.sent("Form Submitted") == []
    assert page.evaluate("submitted") is True
    assert errors == []


def test_a_form_is_told_of_once_for_each_time_it_is_sent_and_never_for_an_invalid_one(guest: Guest) -> None:
    page = guest.open()
    page.evaluate("""() => {
      here.innerHTML = '<form action="/nowhere"><input name="a" required><button>Send</button></form>';
      here.addEventListener('submit', (event) => event.stopImmediatePropagation(), true);
    }""")
    page.locator("#here button").click()
    page.locator("#here input").fill("typed and unmarked")
    page.locator("#here button").click()
    page.locator("#here input").press("Enter")
    page.evaluate("here.firstChild.requestSubmit()")
    assert [event["fields"] for event in guest.sent("Form Submitted")] == [{}, {}, {}]
    assert "typed" not in str(guest.site.requests)
