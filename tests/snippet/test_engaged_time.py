"""Engaged time: the clock runs while the page is visible, focused and in use, and at no other time.

Most tests hold the browser's clock: it stands still until a test lets it run, so that hours take no time and results are
exact. Input, scrolling, media and requests are real all the same. What only the browser itself knows (whether a tab is
in front, whether a frame has the focus) is tested in real tabs and real time, with a shorter data-idle and the steps
shortened in the same proportion: seconds there stand for the half minutes of the default.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from .conftest import RealTab, RealWindow, Site, visiting

Step = tuple[str, float]

IDLE = 30.0
TOLERANCE = 0.5  # seconds; the promise is max(2 s, 5 %)
START = int(datetime(2027, 3, 1, 9, tzinfo=UTC).timestamp())
HOUR = 3600
YEAR = 365 * 24 * HOUR


class Reader:
    """Somebody in front of a page whose clock stands still except while we wait."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.moves = 0
        page.clock.install(time=START - 1)
        page.clock.pause_at(START)

    def open(self, path: str = "/basic.html", *, background: bool = False) -> None:
        if background:
            self.page.goto(self.site.origin + "/plain.html")
            self.page.evaluate("window.name = 'background'")
        self.page.goto(self.site.origin + path)
        self.page.wait_for_function("window.warmtrail && warmtrail.version")
        self.wait(0.1)  # a page view takes a moment
        if not background:
            self.site.wait_for(lambda: self.site.events("page"))

    def wait(self, seconds: float) -> None:
        self.page.clock.run_for(round(seconds * 1000))

    def move(self) -> None:
        self.moves += 1
        self.page.mouse.move(500 + self.moves % 97, 400)

    def active(self, seconds: float) -> None:
        while seconds > 0:
            self.move()
            self.wait(min(10, seconds))
            seconds -= 10

    def scroll(self, to: str) -> None:
        """Through the page, and not before the browser has said so to everybody."""
        self.page.evaluate(f"""() => new Promise((done) => {{
          const listen = () => {{ removeEventListener('scroll', listen); done(); }};
          addEventListener('scroll', listen);
          scrollTo(0, {to});
        }})""")

    def do(self, step: Step) -> None:
        kind, seconds = step
        if kind == "active":
            self.active(seconds)
        elif kind == "scroll":
            self.scroll("scrollY + 200")
            self.wait(seconds)
        elif kind == "hidden":
            self.page.evaluate("setVisible(false)")
            self.wait(seconds)
            self.page.evaluate("setVisible(true)")
        elif kind == "unfocused":
            self.page.evaluate("setFocused(false)")
            self.wait(seconds)
            self.page.evaluate("setFocused(true)")
        elif kind == "background":
            self.wait(seconds)
            self.page.evaluate("setVisible(true)")
            self.wait(0.1)
            self.site.wait_for(lambda: self.site.events("page"))
        else:
            assert kind == "still"
            self.wait(seconds)

    def leave(self) -> None:
        self.page.goto(self.site.origin + "/plain.html")

    def reported(self) -> list[float]:
        """Seconds of every message of the one view that there was, in their order."""
        [view] = self.site.events("page")
        reports = in_order(self.site)
        assert {report["view_id"] for report in reports} <= {view["properties"]["view_id"]}
        return [report["engaged_ms"] / 1000 for report in reports]

    def view(self, name: str) -> None:
        """Begins a view of its own for what comes next."""
        self.page.evaluate("(name) => warmtrail.page(name)", name)

    def per_view(self) -> dict[str, float]:
        """Seconds of every view that was begun so."""
        self.page.evaluate("setVisible(true)")
        self.view("end")
        self.wait(1)
        self.site.wait_for(lambda: any(event.get("name") == "end" for event in self.site.events("page")))
        time.sleep(0.2)
        seconds: dict[str, float] = {}
        for event in self.site.events("Page Engaged"):
            view = event["properties"]["view_id"]
            seconds[view] = max(event["properties"]["engaged_ms"] / 1000, seconds.get(view, 0))
        views = {event.get("name"): event["properties"]["view_id"] for event in self.site.events("page")}
        return {name: seconds.get(view, 0) for name, view in views.items() if name not in (None, "end")}

    def engaged(self, least: float) -> float:
        """What was reported in the end: waits until it is ``least``, and then whether more comes."""
        self.site.wait_for(lambda: max(self.reported(), default=0) >= least)
        time.sleep(0.1)
        return max(self.reported())


def in_order(site: Site) -> list[dict[str, Any]]:
    """The messages about engaged time, in the order of their writing. None may take back what one before it said."""
    events = sorted(site.events("Page Engaged"), key=lambda event: (event["timestamp"], event["properties"]["engaged_ms"]))
    reports: list[dict[str, Any]] = [event["properties"] for event in events]
    last: dict[str, dict[str, Any]] = {}
    for report in reports:
        before = last.get(report["view_id"], {"engaged_ms": 0, "scroll_percent": 0})
        assert report["engaged_ms"] > before["engaged_ms"], "never the same twice, and never less"
        assert before["scroll_percent"] <= report["scroll_percent"] <= 100
        last[report["view_id"]] = report
    return reports


@pytest.fixture
def reader(page: Page, site: Site) -> Reader:
    return Reader(page, site)


# --------------------------------------------------------------------------- the scenarios

# Name, steps, truth in seconds, how far above the truth the idle limit may put it. S1 to S7 are the scenarios on which
# other trackers were measured.
SCENARIOS: list[tuple[str, list[Step], float, float]] = [
    ("S1 active for 40 s, then closed", [("active", 40)], 40, 0),
    ("S2 active 10 s, hidden 20 min, active 5 s", [("active", 10), ("hidden", 1200), ("active", 5)], 15, 0),
    ("S3 active 20 s, then gone for 15 min with the page open", [("active", 20), ("still", 900)], 20, IDLE),
    ("S4 opened in the background for 29 min, viewed 5 s", [("background", 1740), ("active", 5)], 5, 0),
    ("S5 reads 45 s without input, scrolls 15 s", [("still", 45), ("scroll", 15)], 60, 0),
    ("S6 3 s, another window for 60 s, back, closed", [("active", 3), ("unfocused", 60)], 3, 0),
    ("S7 active 25 s, hidden 20 min, active 25 s", [("active", 25), ("hidden", 1200), ("active", 25)], 50, 0),
]


@pytest.mark.parametrize(("steps", "truth", "slack"), [s[1:] for s in SCENARIOS], ids=[s[0] for s in SCENARIOS])
def test_engaged_time_equals_hands_on_time(reader: Reader, steps: list[Step], truth: float, slack: float) -> None:
    reader.open(background=steps[0][0] == "background")
    for step in steps:
        reader.do(step)
    reader.leave()
    assert truth - TOLERANCE <= reader.engaged(truth - TOLERANCE) <= truth + slack + TOLERANCE


def final(site: Site, expected: float) -> float:
    """Seconds that a real tab has reported in the end, once there are enough and no more come."""

    def reported() -> float:
        return max((report["engaged_ms"] / 1000 for report in in_order(site)), default=0)

    site.wait_for(lambda: reported() > expected - TOLERANCE)
    time.sleep(0.1)
    return reported()


def seen_since(tab: RealTab, site: Site) -> float:
    """The moment at which the tab's page view was counted."""
    site.wait_for(lambda: site.events("page"))
    age: float = tab.evaluate(f"Date.now() - Date.parse('{site.events('page')[-1]['timestamp']}')")
    return time.monotonic() - age / 1000


def test_s2_in_a_real_window_time_behind_another_tab_is_not_counted(window: RealWindow, site: Site) -> None:
    site.attributes = 'data-local data-idle="2"'
    tab = window.open(site.origin + "/basic.html")
    started = seen_since(tab, site)
    tab.mouse("mouseMoved", 300, 300)
    time.sleep(1)
    other = window.open(site.origin + "/plain.html")
    tab.wait_until("document.visibilityState === 'hidden'")
    truth = time.monotonic() - started
    time.sleep(2.5)

    assert final(site, truth) == pytest.approx(truth, abs=TOLERANCE)
    before = len(site.requests)
    tab.show()
    tab.wait_until("document.visibilityState === 'visible'")
    started = time.monotonic()
    tab.mouse("mouseMoved", 310, 300)
    time.sleep(1)
    other.show()
    tab.wait_until("document.visibilityState === 'hidden'")
    truth += time.monotonic() - started
    assert final(site, truth) == pytest.approx(truth, abs=TOLERANCE)
    assert len(site.requests) == before + 1
    assert len(site.events("page")) == 1


def test_s5_in_a_real_window_reading_without_input_is_counted(window: RealWindow, site: Site) -> None:
    site.attributes = 'data-local data-idle="3"'
    tab = window.open(site.origin + "/basic.html")
    started = seen_since(tab, site)
    time.sleep(4)  # a second more than the idle limit, two less than twice that
    tab.mouse("mouseWheel", 300, 300, deltaX=0, deltaY=300)
    tab.wait_until("scrollY >= 300")
    time.sleep(0.6)
    tab.evaluate("location.href = '/plain.html'")
    truth = time.monotonic() - started
    assert final(site, truth) == pytest.approx(truth, abs=TOLERANCE)


def test_an_embedded_frame_that_has_the_focus_is_part_of_the_page(window: RealWindow, site: Site) -> None:
    tab = window.open(site.origin + "/framed.html")
    started = seen_since(tab, site)
    tab.click("iframe")
    tab.wait_until("blurred === 1 && document.activeElement.tagName === 'IFRAME'")
    time.sleep(1.5)
    tab.close()
    truth = time.monotonic() - started
    assert final(site, truth) == pytest.approx(truth, abs=TOLERANCE)


# --------------------------------------------------------------------------- what is sent


def test_fifteen_minutes_in_use_send_few_messages_and_an_idle_or_hidden_page_none(reader: Reader, site: Site) -> None:
    reader.open()
    reader.active(900)
    site.wait_for(lambda: max(reader.reported()) > 800)
    assert min(reader.reported()) == pytest.approx(15, abs=TOLERANCE)
    assert 8 <= len(reader.reported()) <= 20

    reader.wait(IDLE + 15)  # the last checkpoint after the reader has gone
    reader.page.wait_for_timeout(100)
    before = len(site.requests)
    reader.wait(4 * HOUR)
    reader.page.wait_for_timeout(100)
    assert len(site.requests) == before, "an idle page"

    reader.active(5)
    reader.page.evaluate("setVisible(false)")
    assert reader.engaged(900) <= 905 + IDLE + TOLERANCE
    before = len(site.requests)
    reader.wait(4 * HOUR)
    reader.page.wait_for_timeout(100)
    assert len(site.requests) == before, "a hidden page"
    assert len(reader.reported()) <= 20


def test_a_page_that_was_never_looked_at_sends_nothing(reader: Reader, site: Site) -> None:
    reader.open(background=True)
    reader.wait(4 * HOUR)
    reader.leave()
    reader.page.wait_for_timeout(150)
    assert site.requests == []


def test_hiding_and_leaving_together_send_one_final_message(reader: Reader) -> None:
    reader.open()
    reader.active(8)
    reader.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    reader.wait(0.003)
    reader.page.evaluate("setVisible(false)")
    reader.wait(1)
    reader.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    reader.leave()
    reader.engaged(8)
    assert reader.reported() == [pytest.approx(8, abs=TOLERANCE)]


def test_every_view_has_its_own_time_and_its_deepest_scroll(reader: Reader, site: Site) -> None:
    reader.open()
    window, height = reader.page.evaluate("[innerHeight, document.documentElement.scrollHeight]")
    assert height > 5 * window

    reader.active(5)
    reader.scroll("1280")
    reader.wait(5)
    reader.scroll("0")
    reader.wait(5)  # a checkpoint
    reader.page.evaluate("history.pushState({}, '', '/second')")
    reader.wait(20)
    reader.page.evaluate("setVisible(false); setVisible(true)")
    reader.scroll("document.documentElement.scrollHeight")
    reader.wait(20)
    reader.page.evaluate("setVisible(false); setVisible(true)")
    reader.page.evaluate("history.pushState({}, '', '/third')")
    reader.wait(0.1)
    reader.scroll("0")
    reader.wait(7)
    reader.leave()
    site.wait_for(lambda: len(in_order(site)) >= 5)
    time.sleep(0.1)

    views = [event["properties"] for event in site.events("page")]
    assert [view["path"] for view in views] == ["/basic.html", "/second", "/third"]
    last = {report["view_id"]: report for report in in_order(site)}
    assert [last[view["view_id"]]["url"] for view in views] == [view["url"] for view in views]
    assert [last[view["view_id"]]["engaged_ms"] / 1000 for view in views] == pytest.approx([15, 40, 7], abs=TOLERANCE)
    assert [last[view["view_id"]]["scroll_percent"] for view in views] == pytest.approx(
        [100 * (1280 + window) / height, 100, 100 * window / height], abs=1
    )


# --------------------------------------------------------------------------- what counts as being there


def through_cdp(reader: Reader, method: str, *calls: dict[str, object]) -> None:
    session = reader.page.context.new_cdp_session(reader.page)
    for parameters in calls:
        session.send(method, parameters)
    session.detach()


def touch(reader: Reader) -> None:
    start: dict[str, object] = {"type": "touchStart", "touchPoints": [{"x": 600, "y": 300}]}
    through_cdp(reader, "Input.dispatchTouchEvent", start, {"type": "touchEnd", "touchPoints": []})


def pen(kind: str) -> Callable[[Reader], None]:
    place = {"type": kind, "x": 620, "y": 310, "pointerType": "pen"}
    if kind == "mousePressed":
        place |= {"button": "left", "clickCount": 1}
    return lambda reader: through_cdp(reader, "Input.dispatchMouseEvent", {**place, "x": 620 + reader.moves})


CAROUSEL = """(box) => {
  box.scrollLeft += 40;
  return new Promise((done) => box.addEventListener('scroll', () => done(box.scrollLeft), { once: true }));
}"""


def carousel(reader: Reader) -> None:
    """Scrolls by itself, under a mouse that lies on the table."""
    if not reader.page.locator("#carousel").count():
        reader.page.evaluate("""document.body.insertAdjacentHTML('afterbegin',
          '<div id="carousel" style="width: 400px; height: 100px; overflow: auto"><p style="width: 9000px">a b c')""")
    assert reader.page.locator("#carousel").evaluate(CAROUSEL) > 0


INPUTS: dict[str, tuple[Callable[[Reader], None], bool]] = {
    "mouse": (Reader.move, True),
    "a wheel that scrolls nothing": (lambda reader: reader.page.mouse.wheel(0, -10), True),
    "keyboard": (lambda reader: reader.page.keyboard.press("Shift"), True),
    "touch": (touch, True),
    "pen": (pen("mousePressed"), True),
    "pen in the air": (pen("mouseMoved"), True),
    "scrolling": (lambda reader: reader.scroll("scrollY + 20"), True),
    "nothing": (lambda reader: None, False),
    "a timer of the page": (lambda reader: reader.page.evaluate("document.title += '.'"), False),
    "a carousel": (carousel, False),
}


def test_input_of_every_kind_keeps_the_clock_running_and_nothing_else_does(reader: Reader, site: Site) -> None:
    """A view of its own for each: nothing for 40 s, the input, nothing for 40 s, the input, and then for ever nothing."""
    reader.open()
    reader.page.mouse.move(100, 50)
    for name, (act, _) in INPUTS.items():
        reader.moves += 1
        reader.page.evaluate("scrollTo(0, 0)")
        reader.page.wait_for_timeout(50)
        reader.view(name)
        for _ in range(2):
            reader.wait(40)
            act(reader)
            reader.page.wait_for_timeout(20)
        reader.wait(600)
    assert reader.per_view() == {
        name: pytest.approx(80 + IDLE if counts else IDLE, abs=TOLERANCE) for name, (_, counts) in INPUTS.items()
    }
    in_order(site)


# A film of half a second, as the browser records it, without a sound track: so it plays without a sound card, in an audio
# element, too.
RECORD = """async () => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 16;
  const brush = canvas.getContext('2d');
  const recorder = new MediaRecorder(canvas.captureStream(30));
  const film = new Promise((done) => { recorder.ondataavailable = ({ data }) => done(data); });
  recorder.start();
  for (let i = 0; i < 10; i++) {
    brush.fillStyle = `rgb(${20 * i}, 0, 0)`;
    brush.fillRect(0, 0, 16, 16);
    await new Promise((done) => setTimeout(done, 50));
  }
  recorder.stop();
  const reader = new FileReader();
  reader.readAsDataURL(await film);
  await new Promise((done) => { reader.onload = done; });
  return reader.result;
}"""
PLAY = """async ([film, tag, muted, controls]) => {
  const element = Object.assign(document.createElement(tag), { src: film, muted, controls, loop: true, id: 'film' });
  document.body.prepend(element);
  await element.play();
}"""
PLAYED_ON = """(element) => new Promise((done) => {
  element.addEventListener('timeupdate', () => done(!element.paused), { once: true });
})"""


@pytest.fixture(scope="module")
def film(browser: Browser) -> str:
    with visiting(browser) as context:
        recorded: str = context.new_page().evaluate(RECORD)
    assert recorded.startswith("data:video/")
    return recorded


MEDIA: dict[str, tuple[str, bool, bool, float]] = {  # tag, muted, controls, seconds counted
    "a film with sound": ("video", False, False, 135 + IDLE),
    "a recording": ("audio", False, True, 135 + IDLE),
    "a silent film with controls": ("video", True, True, 135 + IDLE),
    "a silent film as decoration": ("video", True, False, IDLE),
}


def test_media_that_somebody_follows_keep_the_clock_running(reader: Reader, film: str) -> None:
    """A view of its own for each: it plays for 135 s, stops, and then there is nothing for ever."""
    reader.open()
    reader.page.mouse.click(700, 500)  # without which browsers play no sound
    for name, (tag, muted, controls, _) in MEDIA.items():
        reader.view(name)
        reader.page.evaluate(PLAY, [film, tag, muted, controls])
        for _ in range(3):
            reader.wait(45)
            assert reader.page.locator("#film").evaluate(PLAYED_ON)
        reader.page.locator("#film").evaluate("(element) => { element.pause(); element.remove() }")
        reader.wait(600)
    assert reader.per_view() == {name: pytest.approx(seconds, abs=TOLERANCE) for name, (*_, seconds) in MEDIA.items()}


@pytest.mark.parametrize(
    ("attribute", "still", "expected"),
    [
        ('data-idle="10"', 300, 10),
        ('data-idle="60"', 110, 110 + 60),  # came back before 120 s
        ('data-idle=""', 300, 30),
    ],
)
def test_the_idle_limit_can_be_set(reader: Reader, site: Site, attribute: str, still: float, expected: float) -> None:
    site.attributes = f"data-local {attribute}"
    reader.open()
    reader.wait(still)
    if still < 300:
        reader.move()
        reader.wait(300)
    reader.page.evaluate("setVisible(false)")
    assert reader.engaged(expected - TOLERANCE) == pytest.approx(expected, abs=TOLERANCE)


# --------------------------------------------------------------------------- clocks that jump


# How far the clock jumps. Asleep: everything stands still, and then it is later. Otherwise it was corrected, and timers go
# on. A clock that is set back takes with it what had passed since the time was last taken, which is done every 15 s.
JUMPS: dict[str, tuple[int, bool]] = {
    "an hour forward": (HOUR, False),
    "an hour back": (-HOUR, False),
    "a year forward": (YEAR, False),
    "a year back": (-YEAR, False),
    "a night's sleep": (8 * HOUR, True),
    "three years' sleep": (3 * YEAR, True),
}


def test_a_clock_that_jumps_adds_no_more_than_the_idle_limit_and_takes_nothing_back(reader: Reader, site: Site) -> None:
    reader.open()
    for name, (jump, is_asleep) in JUMPS.items():
        reader.view(name)
        reader.active(40)
        now = reader.page.evaluate("Date.now()")
        if is_asleep:
            reader.page.clock.fast_forward(jump * 1000)
        else:
            reader.page.clock.set_system_time((now + jump * 1000) / 1000)
        assert reader.page.evaluate("Date.now()") == now + jump * 1000
        reader.active(40)
    counted = reader.per_view()
    assert list(counted) == list(JUMPS)
    for name, (jump, _) in JUMPS.items():
        assert 80 - TOLERANCE - (15 if jump < 0 else 0) <= counted[name] <= 80 + IDLE + TOLERANCE, name
    arrived = [event["properties"] for event in site.events("Page Engaged")]
    for view in {report["view_id"] for report in arrived}:
        of_view = [report["engaged_ms"] for report in arrived if report["view_id"] == view]
        assert of_view == sorted(set(of_view))


# --------------------------------------------------------------------------- any sequence of all this

ACTIONS = {
    "input": "dispatchEvent(new Event('mousemove'))",
    "hide": "setVisible(false)",
    "show": "setVisible(true)",
    "blur": "setFocused(false)",
    "focus": "setFocused(true)",
}


def hands_on(steps: list[tuple[str, float]]) -> float:
    """The definition: visible and focused, and input less than the idle limit ago; or more, but of those who were still
    looking and were back before twice that, the whole gap. To show the page or to focus it is input."""
    visible = focused = True
    total = 0.0
    in_view = 0.0  # for how long it has been in view without a break and without input
    for name, seconds in steps:
        was_in_view = visible and focused
        visible = {"hide": False, "show": True}.get(name, visible)
        focused = {"blur": False, "focus": True}.get(name, focused)
        is_input = name in ("input", "show", "focus")
        if was_in_view and (is_input or not (visible and focused)):
            total += in_view if is_input and in_view < 2 * IDLE else min(in_view, IDLE)
            in_view = 0
        if name == "wait" and was_in_view:
            in_view += seconds
    return total + min(in_view, IDLE)


def sequences(seed: int, count: int, length: int) -> Iterator[list[tuple[str, float]]]:
    random_ = random.Random(seed)
    for _ in range(count):
        names = random_.choices(["wait", *ACTIONS], weights=[9, 3, 1, 2, 1, 2], k=length)
        yield [(name, random_.choice([0.5, 4, 14, 15, 29, 31, 46, 59, 61, 130]) if name == "wait" else 0) for name in names]


def test_any_sequence_of_input_hiding_and_waiting_is_counted_by_the_definition(reader: Reader, site: Site) -> None:
    reader.open()
    expected: dict[str, float] = {}
    script: list[str] = []
    for steps in sequences(seed=1, count=24, length=60):
        name = f"sequence {len(expected)}"
        expected[name] = hands_on(steps)
        script += ["setVisible(true)", "setFocused(true)", f"warmtrail.page('{name}')"]
        for action, seconds in steps:
            if action == "wait":
                reader.page.evaluate("() => {" + "; ".join(script) + "}")
                script = []
                reader.wait(seconds)
            else:
                script.append(ACTIONS[action])
    reader.page.evaluate("() => {" + "; ".join(script) + "}")
    assert reader.per_view() == {name: pytest.approx(seconds, abs=0.01) for name, seconds in expected.items()}
    in_order(site)
    assert len({round(seconds) for seconds in expected.values()}) > 10, "sequences that differ"
