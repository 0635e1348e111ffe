/* Warmtrail, Apache-2.0 */
/*
 * The Warmtrail snippet: what a visitor does on your pages, sent to your own Warmtrail server and to nobody else.
 *
 *   <script async src="https://warmtrail.example.com/snippet.js?key=YOUR_WRITE_KEY"></script>
 *
 * What it sends
 *   - page views: address, title, referrer, language and time zone
 *   - engaged time and scroll depth: counted only while the page is visible, focused and in use
 *   - downloads, and clicks on links to other sites, e-mail addresses and phone numbers: the address and file name
 *   - form submissions: the form's id and name, and the values of fields you marked with data-wt-capture
 *   - with each of these, the address of the page it happened on
 *   - what your own pages pass to identify, group, track and page, and that consent was withdrawn
 *   - a random id, kept in localStorage and in one first-party cookie of the registrable domain, both called _wt;
 *     events that could not be sent wait in localStorage as _wt_q
 * What it does not send
 *   - anything at all from visitors with Global Privacy Control or Do Not Track: nothing is stored either
 *   - anything typed, unless its field is marked; passwords and files never; no key presses, no mouse tracks
 *   - fingerprints (no canvas, fonts, screen, plugins), fragments (#…), or query parameters listed in data-strip
 * What it does not do
 *   - delay a click, use eval or inline styles, or let an error of its own reach your page
 *   - load more code, unless the address ends in #wt-debug or #wt-opt-out: those show a panel
 *
 * Settings, as attributes of the script tag; a site's own settings come with the form of the address above
 *   data-key        write key of the site (required, here or in the address)
 *   data-host       origin of the collector (default: where this script came from)
 *   data-path       path of the collector (default: /v1/batch)
 *   data-respect    "gpc", "dnt" or "none": honour only that signal (default: both)
 *   data-consent    "required": nothing is sent or stored before consent(true); "cookieless": nothing is stored and no
 *                   id is sent before consent(true)
 *   data-idle       seconds without input after which engaged time stops (default: 30; a reader who comes back before
 *                   twice that is taken to have been there all the time)
 *   data-hash       the fragment is the route (#/pricing): a new fragment is a new page
 *   data-strip      query parameters to remove from every address, as "token,email"
 *   data-downloads  file extensions that count as downloads, as "pdf,zip", instead of the default list
 *   data-local      also work on localhost and in files
 *
 * Calls, before or after this file has loaded
 *   window.warmtrail = window.warmtrail || [];
 *   warmtrail.push(["identify", "user-42", { email: "ada@example.com" }]);
 *   identify(userId, traits) · group(groupId, traits) · track(event, properties) · page(name, properties)
 *   consent(true | false) · reset(), for instance at log-out
 *
 * The wire format is Segment's: https://segment.com/docs/connections/spec/
 * It runs in browsers since 2020 (ES2020); where one lacks something newer, only that is missing.
 *
 * Every byte of this file is paid by every visitor, so it is written for what gzip makes of it: one name where two would
 * read better, == where both sides are known to be of one type. docs/decisions/0008-snippet-size.md has what was weighed.
 */
// The server puts the site's settings in place of the empty object at the end.
((inlined) => {
  const d = document;
  const n = navigator;
  const l = location;

  // <a id="warmtrail"> also makes window.warmtrail: only an array is a command queue, and only ours has a version.
  const early = self.warmtrail || [];
  const script = d.currentScript;
  if (!script || early.version) return;

  const config = { ...inlined, ...script.dataset };
  // What may be done before consent is given: 0 nothing, 1 send but not store, 2 all.
  const withoutConsent = { r: 0, c: 1 }[config.consent?.[0]] ?? 2;
  const waiting = early.splice?.(0) || []; // commands that came before a page was seen

  let level; // as above, at present
  let store; // localStorage, or an object where that must not be used
  let anonymousId;
  let userId;
  let consented; // 1 once consent was given, remembered

  let outbox = []; // events of the last few milliseconds
  let pending; // the batch that is being sent and has no answer yet
  let since; // time from which it has been; 0 if leaving the page would cut it off
  let failures = 0;
  let resume = 0; // the collector is in trouble: until then events go to storage

  let view = 0; // properties of the page being seen; {} between pages; 0 as long as nothing may be counted
  let lastUrl;
  let routed; // whether the address was pushed or gone back to, not only replaced, these last milliseconds
  let followed; // address that was clicked last
  let engaged; // milliseconds in this view
  let reported; // of these already sent
  let scroll; // deepest point seen, in percent
  let running; // whether engaged time is adding up
  let mark; // time up to which it is settled
  let idleAt; // time at which the visitor counts as gone

  // Our trouble is not the page's trouble.
  const safely = (f) => (...args) => {
    try {
      return f(...args);
    } catch (e) {}
  };

  // ------------------------------------------------------------------ engaged time

  // The clock stands still from here on: the events that end a page come in pairs, and the second must find nothing new.
  const leave = () => {
    report();
    running = 0;
    flush(1);
  };

  // Called at every change; what lies between two calls is settled by how things stood at the first of them. Bounded
  // by the idle limit, so neither a sleeping machine nor a corrected clock adds an hour.
  const settle = () => {
    const from = mark;
    mark = Date.now();
    if (running) {
      mark = Math.max(from, Math.min(mark, idleAt));
      engaged += mark - from;
      scroll = Math.max(scroll, (((scrollY + innerHeight) / d.documentElement.scrollHeight) * 100 + 0.5) | 0);
    }
    // hasFocus() stays true while the focus is in an embedded frame, where the window itself is blurred.
    running = visible() && d.hasFocus();
  };

  const active = () => {
    const idle = (config.idle || 30) * 1e3;
    // Who reads for 45 s and then scrolls was there all the time; who is back after minutes was not.
    if (Date.now() < idleAt + idle) idleAt += idle;
    settle();
    mark = Date.now();
    idleAt = mark + idle;
  };

  // Cumulative, so that a lost message costs nothing once a later one arrives.
  const report = () => {
    settle();
    if (view.url && engaged > reported) {
      reported = engaged;
      track('Page Engaged', { engaged_ms: engaged, scroll_percent: scroll });
    }
  };

  // ------------------------------------------------------------------ page views

  const next = () => {
    report();
    view &&= {};
    start();
  };

  // Tabs opened in the background and prerendered pages count when they are looked at, not before.
  const seen = () => {
    if (!visible()) return;
    if (!recall()) return (view = 0);
    if (!view) {
      view = {};
      start();
    } else if (!view.url) page();
  };

  const page = (name, properties) => {
    report();
    recall();
    const here = clean(l.href);
    view = {
      view_id: uuid(),
      url: here.href,
      path: here.pathname + here.hash,
      search: here.search,
      title: d.title,
      // Within a single-page application the page before is the referrer, not the site the visit came from.
      referrer: lastUrl || (d.referrer && clean(d.referrer).href),
    };
    lastUrl = here.href;
    reported = engaged = scroll = running = 0;
    active();
    emit('page', { name, properties: { ...view, ...properties } });
  };

  // A moment later: a redirect in between was never a page that anybody saw, and applications set the title after the
  // address.
  const route = (pushed) => {
    routed = routed || pushed;
    setTimeout(
      safely((here = clean(l.href)) => {
        // Filters and tidied-up campaign parameters replace the query: still the same page.
        if (here.pathname + here.hash == view.path && !(routed && here.search != view.search)) view.search = here.search;
        else next();
        routed = 0;
      }),
      50
    );
  };

  const start = safely(() => {
    waiting.splice(0).map(run);
    seen();
  });

  // ------------------------------------------------------------------ sending

  const track = (event, properties) =>
    emit('track', { event, properties: { view_id: view.view_id, url: view.url, ...properties } });

  const emit = (type, fields) => {
    if (!view) return;
    // A copy through JSON: later changes by the page do not count, and what cannot be sent spoils only itself.
    outbox.push(
      JSON.parse(
        JSON.stringify({
          type,
          messageId: uuid(),
          anonymousId,
          userId,
          timestamp: new Date(),
          context: {
            locale: n.language,
            // Asking Intl takes tens of milliseconds the first time; Temporal is not everywhere yet.
            timezone: self.Temporal?.Now.timeZoneId() || Intl.DateTimeFormat().resolvedOptions().timeZone,
            automation: n.webdriver,
          },
          ...fields,
        })
      )
    );
    setTimeout(flush, 50);
  };

  // how: 1 when the page is being left, a lock when one is held.
  const flush = safely((how, [until, ...unsent] = read('_wt_q')) => {
    const wait = Math.max(until, resume) - Date.now();
    const quiet = wait > 0 && wait < 9e7; // after a correction of the clock it could be years
    const leaving = how == 1 || quiet;
    let batch = outbox;
    if (quiet) setTimeout(flush, wait);
    if (!leaving) {
      // One request at a time: a collector that hangs must not use up the connections that the page needs.
      if (pending) return;
      // What another page could not send goes first, under a lock that is held until it has arrived: no two tabs send it.
      if (!how && unsent[0] && n.locks) return n.locks.request('_wt', flush).catch(flush);
      batch = [...unsent, ...batch];
    }
    outbox = [];
    if (!batch[0]) return;
    // A string goes out as text/plain, which needs no CORS preflight.
    const body = JSON.stringify({ writeKey: config.key, sentAt: new Date(), batch, cookieless: level < 2 });
    const endpoint = new URL(config.path || '/v1/batch', config.host || script.src);
    // Browsers refuse more than 64 kB of keepalive bodies in flight. Ten thousand characters are at most 30 kB, and there
    // are at most one request and one beacon.
    const keepalive = !body[1e4];
    // Safari and Firefox lose fetches on leave that beacons survive; blockers stop beacons at other times.
    if (leaving) return (!quiet && keepalive && safely(() => n.sendBeacon(endpoint, body))()) || save(batch);
    const done = safely((response, asked) => {
      // Not pending any more: saved when the page was left, or dropped when consent was withdrawn.
      if (pending != batch) return;
      pending = 0;
      // An error has no status: "undefined". Any other answer is final: what the collector does not want now it will not
      // want tomorrow.
      if (/^(u|5|429|408)/.test(response.status)) {
        asked = +response.headers?.get('retry-after'); // a date is not a number: as if nothing was asked
        resume = Date.now() + Math.min(8e4, asked || 5 << failures++) * 1e3;
        save(batch, asked && resume);
      } else failures = 0;
      flush();
      // The lock is held a moment longer: it takes a browser some milliseconds to tell other tabs what has left the storage.
      return new Promise((f) => setTimeout(f, 50));
    });
    write('_wt_q');
    pending = batch;
    since = keepalive && Date.now();
    return fetch(endpoint, { method: 'POST', body, keepalive }).then(done, done);
  });

  // What could not be sent is kept as [time until which the collector asked for quiet, event, event, …]: the newest
  // hundred events, or 64 kB of them.
  const save = (batch, until) => {
    const [before, ...events] = [...read('_wt_q'), ...batch];
    while (events[100] || JSON.stringify(events)[64e3]) events.shift();
    write('_wt_q', [until || before, ...events]);
  };

  // ------------------------------------------------------------------ storage

  // Touching localStorage throws where cookies are blocked and in sandboxed frames, and writing to it when it is full.
  const disk = safely(() => localStorage)() || {};
  const memory = {};

  const read = (key) => safely(JSON.parse)(store[key]) || [0];

  // Finds out what may be done, and who it is. Again for every page seen, since another tab may have changed either.
  // The cookie wins over the storage: it is shared by subdomains. A userId belongs to the anonymousId it was stored with.
  const recall = (given) => {
    store = disk;
    const { a, u, c } = read('_wt');
    const known = readCookie() || a;
    const refused = !given && known == 0;
    const id = early.linked || (known != 0 && known) || uuid();
    consented = c || given;
    level =
      // gpc, or without a setting "undefined"; dnt, or the same
      (/g|u/.test(config.respect) && n.globalPrivacyControl) ||
      (/d/.test(config.respect) && n.doNotTrack == 1) ||
      (config.local == null && /^(127\.|\[|localhost$|$)/.test(l.hostname)) ||
      refused
        ? 0
        : consented
          ? 2
          : withoutConsent;
    if (level > 1) remember(id, a == id ? u : undefined);
    else if (!refused) {
      write('_wt_q');
      remember();
      store = memory;
    }
    return level;
  };

  const readCookie = safely(() => /\b_wt=([\w-]+)/.exec(d.cookie)?.[1]);

  const write = (key, value) => {
    if (value) store[key] = JSON.stringify(value);
    else delete store[key];
  };

  // Without an id: forget. A browser takes a cookie for .com, .example.com and .www.example.com, tried in this order, from
  // the first of them that is nobody's public suffix. 34e6 seconds are thirteen months.
  const remember = safely((a, u) => {
    anonymousId = a;
    userId = u;
    safely(write)('_wt', a && { a, u, c: consented });
    l.hostname.split('.').map((_, i, labels) => {
      if (readCookie() != a)
        d.cookie = `_wt=${a};path=/;samesite=lax;max-age=${a ? 34e6 : 0};domain=${labels.slice(~i).join('.')}`;
    });
  });

  // ------------------------------------------------------------------ small tools

  // "visible", as opposed to "hidden". A prerendered page is hidden, too.
  const visible = () => d.visibilityState > 'v';

  const wrap = (object, method, f, original = object[method].bind(object)) => {
    object[method] = (...args) => {
      f(...args);
      return original(...args);
    };
  };

  const clean = (address, url = new URL(address, l)) => {
    config.strip?.split(/, */).map((name) => url.searchParams.delete(name));
    config.hash ?? (url.hash = '');
    return url;
  };

  // crypto.randomUUID is missing on plain http pages. Every browser names a blob by a random UUID, there too, and
  // an empty one costs nothing to leave behind.
  const uuid = () => URL.createObjectURL(new Blob()).slice(-36);

  // ------------------------------------------------------------------ commands

  const commands = {
    identify(id, traits) {
      if (Object(id) === id) traits = id; // identify({ email: … })
      else if (id) {
        // Another person at the same browser must not inherit the first one's history.
        if (userId && userId != id) commands.reset();
        remember(anonymousId, '' + id);
      }
      emit('identify', { traits });
    },
    group: (groupId, traits) => emit('group', { groupId, traits }),
    emit,
    track,
    page,
    // Another visitor from here on; the time so far is still the old one's.
    reset() {
      report();
      view = {};
      remember(uuid());
    },
    consent(given) {
      if (given) {
        if (level == 1) {
          // The page being seen shall belong to the visitor known from now on; what came before goes by itself.
          commands.reset();
          flush(1);
        }
        return recall(1);
      }
      if (level == 0) return; // refused already, or nothing to refuse
      if (view) {
        outbox = [];
        track('Consent Withdrawn');
        flush(1);
      }
      store = disk;
      view = pending = 0;
      write('_wt_q');
      remember(withoutConsent && '0'); // where consent is not required, the refusal must be remembered
    },
  };

  const run = safely(([name, ...args]) =>
    view || name == 'consent' ? commands[name](...args) : waiting.push([name, ...args])
  );

  const api = { version: '0.1.0', config, push: (...list) => start(waiting.push(...list)) };
  for (const name in commands) api[name] = (...args) => api.push([name, ...args]);
  self.warmtrail = api;

  // ------------------------------------------------------------------ links and downloads

  const follow = (href, scripted, named, url = clean(href)) => {
    href = url.href;
    // A click and the navigation it causes are one event.
    if (scripted && followed == href) return (followed = 0);
    followed = scripted || href;
    const isWeb = /^[hmt]/.test(href); // http, mailto, tel: writing and calling lead elsewhere, too
    const elsewhere = isWeb && url.host != l.host;
    const address = isWeb ? href : url.protocol; // the address of a data: link is its whole content
    const file =
      named ||
      // dl?file=report.pdf is a download; share?url=https://…/report.pdf on another host is not.
      (isWeb &&
        !(elsewhere && /=http|^[mt]/.test(href)) &&
        RegExp(
          '[^/=?&]*\\.(' +
            (config.downloads?.replace(/\W+/g, '|') ||
              '7z|csv|dmg|do[ct][mx]?|dwg|dxf|epub|exe|key|mov|mp[34]|msi|od[pst]|pdf|pkg|pp[st][mx]?|rar|rtf|st[lp]|step|' +
                't?gz|txt|xls[bmx]?|zip') +
            ')(?![^?&#])',
          'i'
        ).exec(href)?.[0]) ||
      (named == '' ? address : undefined);
    if (file || (elsewhere && !scripted))
      track(file ? 'File Downloaded' : 'Link Clicked', {
        url: address,
        file_name: file,
        extension: /\.(\w+)$/.exec(file)?.[1],
      });
  };

  // ------------------------------------------------------------------ listening

  const handlers = {
    // Downloads that a script starts, and links in closed shadow roots: in this window only.
    navigate: ({ destination, downloadRequest, navigationType }) =>
      // push or replace, not reload or traverse
      !destination.sameDocument && /p/.test(navigationType) && follow(destination.url, 1, downloadRequest),
    // A silent film without controls is decoration.
    timeupdate: ({ target }) => (target.muted && !target.controls) || active(),
    wheel: active,
    // Chrome fires pagehide before visibilitychange, Safari does not always fire the latter. The unload event would
    // forbid the back/forward cache.
    pagehide() {
      leave();
      // Nobody will hear the answer any more. What has waited long for one is sent again by the next page, under the same
      // ids; what was only just sent will arrive.
      if (pending && Date.now() - since > 1e3) save(pending);
      pending = 0;
    },
    // Moving carousels scroll inside the page without anybody there.
    scroll: ({ target }) => target == d && active(),
    visibilitychange() {
      if (visible()) {
        active();
        seen();
      } else leave();
    },
    submit({ target: form }, fields = {}) {
      form.querySelectorAll('[data-wt-capture]').forEach(({ type, name, value, checked }) => {
        // Not of what is disabled or a fieldset, which have no say, nor of passwords and files; of boxes, the ticked ones.
        if (!/ss|fil/.test(type) && (checked || !/ck|dio/.test(type))) fields[name] = value;
      });
      // A field called "id" or "name" hides the form's own property of that name: ask for the attribute.
      track('Form Submitted', {
        form_id: form.getAttribute('id'),
        form_name: form.getAttribute('name'),
        fields,
      });
    },
    mousemove: active,
    // Back from the back/forward cache, the same document is a page seen anew.
    pageshow: (event) => event.persisted && next(),
    keydown: active,
    pointerdown: active,
    blur: settle,
    hashchange(event) {
      // The panel listens itself once it is there. A module is fetched under the nonce of the script that asks for it.
      if (/#wt-/.test(l)) import(script.src.replace(/\.js\b/, '-panel.js')).then(start, start);
      else route(event);
    },
    // auxclick also reports the right button, which only opens a menu. The path leads through icons inside links and
    // out of open shadow roots. The href of a link in SVG is an object.
    click(event, link = event.button < 2 && event.composedPath().find((node) => node.relList)) {
      if (link?.href) follow(link.href.baseVal || link.href, 0, link.getAttribute('download'));
    },
    focus: active,
    popstate: route,
    auxclick: (event) => handlers.click(event),
  };
  // In the capture phase, so that handlers of the page which stop an event do not hide it.
  for (const type in handlers) addEventListener(type, safely(handlers[type]), true);
  self.navigation?.addEventListener('navigate', safely(handlers.navigate));

  wrap(history, 'pushState', () => route(1));
  wrap(history, 'replaceState', () => route());
  wrap(self, 'open', safely((url) => follow(url, 1)));

  // Checkpoints after 15, 30, 60, 120, 180… seconds of engaged time, and none while nothing adds up.
  setInterval(
    safely(() => {
      settle();
      if (engaged >= reported + Math.min(reported, 6e4)) report();
    }),
    15e3
  );

  handlers.hashchange();
})({});
