/* Warmtrail, Apache-2.0 */
/*
 * The Warmtrail snippet: what a visitor does on your pages, sent to your own Warmtrail server and to nobody else.
 *
 *   <script async src="https://warmtrail.example.com/snippet.js" data-key="YOUR_WRITE_KEY"></script>
 *
 * What it sends
 *   - page views: address, title, referrer, campaign (utm_…) parameters, language and time zone
 *   - engaged time and scroll depth: counted only while the page is visible, focused and in use
 *   - downloads, and clicks on links to other sites, e-mail addresses and phone numbers: the address and file name
 *   - form submissions: the form's id and name, and the values of fields you marked with data-wt-capture
 *   - with each of these, the address of the page it happened on
 *   - what your own pages pass to identify, group, track and page
 *   - a random id, kept in localStorage and in one first-party cookie, both called _wt; events that could not be
 *     sent wait in localStorage as _wt_q
 * What it does not send
 *   - anything at all from visitors with Global Privacy Control or Do Not Track: nothing is stored either
 *   - anything typed, unless its field is marked; passwords and files never; no key presses, no mouse tracks
 *   - fingerprints (no canvas, fonts, screen, plugins), fragments (#…), or query parameters listed in data-strip
 * What it does not do
 *   - delay a click, load more code, use eval or inline styles, or let an error of its own reach your page
 *
 * Settings, as attributes of the script tag
 *   data-key        write key of the site (required)
 *   data-host       origin of the collector (default: where this script came from)
 *   data-path       path of the collector (default: /v1/batch)
 *   data-respect    "none": ignore Global Privacy Control and Do Not Track, which are honoured otherwise
 *   data-consent    "required": nothing is sent or stored before warmtrail.push(["consent", true])
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
 */
(() => {
  const d = document;
  const n = navigator;
  const l = location;
  const ID = '_wt';
  const UNSENT = '_wt_q';

  // <a id="warmtrail"> also makes window.warmtrail: only an array is a command queue, and only ours has a version.
  const early = window.warmtrail;
  const script = d.currentScript;
  if (!script || (early && early.version)) return;

  const config = script.dataset;
  const isFile = RegExp(
    '\\.(' +
      (config.downloads
        ? config.downloads.replace(/\W+/g, '|')
        : '7z|avi|csv|dmg|do[ct][mx]?|dwg|dxf|epub|exe|gz|ics|iso|key|mov|mp[34]|msi|od[pst]|pdf|pkg|pp[st][mx]?|' +
          'rar|rtf|st[lp]|step|tar|tgz|txt|wav|wm[av]|xls[bmx]?|zip') +
      ')$',
    'i'
  );
  const optedOut = config.respect !== 'none' && (n.globalPrivacyControl || n.doNotTrack == 1);
  const off = optedOut || (!('local' in config) && /^(127\.|\[::1|localhost$|$)/.test(l.hostname));

  const memory = {}; // stands in for localStorage where that is blocked
  const inFlight = new Map(); // batches without an answer yet, and since when

  let allowed = config.consent !== 'required';
  let started; // a page has been seen and may be counted
  let waiting = []; // commands that came before that
  let anonymousId;
  let userId;

  let outbox = []; // events of the last few milliseconds
  let outboxTimer;
  let bytesInFlight = 0;
  let failures = 0;
  let quietUntil; // the collector is in trouble: until then events go to storage
  let freshPage; // properties of a page view not sent yet

  let view = 0; // properties of the page being seen; 0 between pages
  let lastUrl;
  let routed = 0; // 1: address replaced, 2: pushed or gone back to
  let engaged; // milliseconds in this view
  let reported; // of these already sent
  let scroll; // deepest point seen, in percent
  let running; // whether engaged time is adding up
  let mark; // time up to which it is settled
  let idleAt; // time at which the visitor counts as gone

  // ------------------------------------------------------------------ small tools

  // Our trouble is not the page's trouble.
  const safely = (f) => (...args) => {
    try {
      return f(...args);
    } catch (e) {}
  };

  const later = (f, ms) => setTimeout(safely(f), ms);

  // In the capture phase, so that handlers of the page which stop an event do not hide it.
  const on = (types, f) =>
    types.split(' ').forEach((type) => addEventListener(type, safely(f), { capture: true, passive: true }));

  // crypto.randomUUID is missing on plain http pages. Every browser names a blob by a random UUID, there too, and
  // an empty one costs nothing to leave behind.
  const uuid = () => URL.createObjectURL(new Blob()).slice(-36);

  const clean = (address) => {
    const url = new URL(address, d.baseURI);
    if (config.strip) config.strip.split(/[\s,]+/).forEach((name) => url.searchParams.delete(name));
    if (!('hash' in config)) url.hash = '';
    return url;
  };

  // ------------------------------------------------------------------ storage

  // Touching localStorage throws where cookies are blocked, in sandboxed frames, and when the quota is used up.
  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch (e) {
      return memory[key];
    }
  };
  const write = safely((key, value) => {
    memory[key] = value;
    if (value) localStorage.setItem(key, JSON.stringify(value));
    else localStorage.removeItem(key);
  });

  const readCookie = safely(() => (/\b_wt=([\w-]+)/.exec(d.cookie) || [])[1]);

  // 34e6 seconds are thirteen months.
  const writeCookie = safely((value) => {
    d.cookie =
      '_wt=' + value + ';path=/;samesite=lax;max-age=' + (value ? 34e6 : 0);
  });

  const remember = () => {
    write(ID, { a: anonymousId, u: userId });
    writeCookie(anonymousId);
  };
  // The cookie wins. A userId belongs to the anonymousId it was stored with.
  const recall = () => {
    const stored = read(ID) || {};
    anonymousId = readCookie() || stored.a || uuid();
    userId = stored.a === anonymousId && stored.u;
    remember();
  };
  const forget = () => {
    write(ID);
    write(UNSENT);
    writeCookie('');
    outbox = [];
    inFlight.clear();
  };

  // ------------------------------------------------------------------ sending

  const emit = (type, fields) => {
    let campaign;
    clean(l.href).searchParams.forEach((value, name) => {
      if (/^utm_./.test(name)) (campaign = campaign || {})[name === 'utm_campaign' ? 'name' : name.slice(4)] = value;
    });
    // A copy through JSON: later changes by the page do not count, and what cannot be sent spoils only itself.
    const event = JSON.parse(
      JSON.stringify({
        type,
        messageId: uuid(),
        anonymousId,
        userId: userId || undefined,
        timestamp: new Date(),
        context: {
          locale: n.language,
          timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          campaign,
          automation: n.webdriver || undefined,
        },
        ...fields,
      })
    );
    outbox.push(event);
    outboxTimer = outboxTimer || later(flush, 50);
    return event.properties;
  };

  const track = (event, properties) =>
    emit('track', { event, properties: { view_id: view.view_id, url: view.url, ...properties } });

  const flush = (leaving) => {
    let batch = outbox;
    outbox = [];
    outboxTimer = 0;
    // Single-page applications set the title after the address.
    if (freshPage) freshPage.title = d.title;
    freshPage = 0;
    if (Date.now() < quietUntil) return save(batch);
    // What could not be sent before goes first, but never by a beacon, whose answer nobody hears. It is taken out of
    // storage before it is sent, so that another tab does not send it too.
    if (!leaving) {
      batch = [...(read(UNSENT) || []), ...batch];
      write(UNSENT);
    }
    if (!batch[0]) return;
    const endpoint = new URL(config.path || '/v1/batch', config.host || script.src);
    // A string goes out as text/plain, which needs no CORS preflight.
    const body = JSON.stringify({ writeKey: config.key, sentAt: new Date(), batch });
    // Safari and Firefox lose fetches on leave that beacons survive; blockers stop beacons at other times.
    if (leaving && n.sendBeacon(endpoint, body)) return;
    // Browsers refuse more than 64 kB of keepalive bodies in flight, all of the page's together.
    const size = new Blob([body]).size;
    bytesInFlight += size;
    inFlight.set(batch, Date.now());
    fetch(endpoint, { method: 'POST', body, keepalive: bytesInFlight < 6e4 })
      .catch(() => 0)
      .then(
        safely((response) => {
          bytesInFlight -= size;
          // Not in flight any more: saved when the page was left, or dropped when consent was withdrawn.
          if (!inFlight.delete(batch)) return;
          // Any other answer is final: what the collector does not want now it will not want tomorrow.
          if (response && !/^(5|429|408)/.test(response.status)) return (failures = 0);
          const seconds = response && +response.headers.get('Retry-After');
          const wait = 1000 * (seconds || 5 * 2 ** failures++);
          quietUntil = Date.now() + wait;
          save(batch);
          later(flush, wait + 9); // timers may fire a little early
        })
      );
  };

  // The newest hundred events, or 64 kB of them.
  const save = (batch) => {
    batch = [...(read(UNSENT) || []), ...batch];
    while (batch.length > 100 || JSON.stringify(batch).length > 64e3) batch.shift();
    write(UNSENT, batch[0] && batch);
  };

  // ------------------------------------------------------------------ engaged time

  // Called at every change; what lies between two calls is settled by how things stood at the first of them. Bounded
  // by the idle limit, so neither a sleeping machine nor a corrected clock adds an hour.
  const settle = (leaving) => {
    const until = running ? Math.max(mark, Math.min(Date.now(), idleAt)) : Date.now();
    if (running) {
      engaged += until - mark;
      const depth = (scrollY + innerHeight) / d.documentElement.scrollHeight;
      scroll = Math.max(scroll, Math.min(100, Math.round(depth * 100)));
    }
    mark = until;
    // hasFocus() stays true while the focus is in an embedded frame, where the window itself is blurred.
    running = !leaving && d.visibilityState === 'visible' && d.hasFocus();
  };

  const active = ({ type, target }) => {
    if (
      // Moving carousels scroll inside the page without anybody there.
      (type === 'scroll' && target !== d) ||
      // A silent film without controls is decoration.
      (type === 'timeupdate' && target.muted && !target.controls)
    )
      return;
    const idle = (config.idle || 30) * 1000;
    // Who reads for 45 s and then scrolls was there all the time; who is back after minutes was not.
    if (Date.now() < idleAt + idle) idleAt += idle;
    settle();
    mark = Date.now();
    idleAt = mark + idle;
  };

  // Cumulative, so that a lost message costs nothing once a later one arrives.
  const report = (leaving) => {
    settle(leaving);
    if (view && engaged > reported) {
      reported = engaged;
      track('Page Engaged', { engaged_ms: engaged, scroll_percent: scroll });
    }
  };

  // The clock stands still from here on: the events that end a page come in pairs, and the second must find nothing new.
  const leave = () => {
    report(true);
    flush(true);
  };

  // ------------------------------------------------------------------ page views

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
    engaged = reported = scroll = running = 0;
    active({});
    freshPage = emit('page', { name, properties: { ...view, ...properties } });
  };

  // Tabs opened in the background and prerendered pages count when they are looked at, not before.
  const seen = () => {
    if (!allowed || d.visibilityState !== 'visible') return;
    if (!started) {
      started = true;
      recall();
      waiting.splice(0).forEach(run);
    }
    if (!view) page();
  };

  const next = () => {
    view = 0;
    seen();
  };

  const route = (how) => {
    // Once the current task is over: a redirect inside it was never a page that anybody saw.
    if (!routed)
      later(() => {
        const here = clean(l.href);
        // Filters and tidied-up campaign parameters replace the query: still the same page.
        const moved = here.pathname + here.hash !== view.path || (routed > 1 && here.search !== view.search);
        routed = 0;
        view.search = here.search;
        if (moved && view) {
          report();
          next();
        }
      });
    routed = Math.max(routed, how);
  };

  // ------------------------------------------------------------------ commands

  // Another visitor from here on; the time so far is still the old one's.
  const part = () => {
    report();
    anonymousId = uuid();
    view = userId = 0;
    remember();
  };

  const commands = {
    identify(id, traits) {
      if (id && typeof id === 'object') {
        traits = id; // identify({ email: … })
      } else if (id) {
        // Another person at the same browser must not inherit the first one's history.
        const other = userId && userId !== '' + id;
        if (other) part();
        userId = '' + id;
        remember();
        if (other) seen();
      }
      emit('identify', { traits });
    },
    group: (groupId, traits) => emit('group', { groupId, traits }),
    track,
    page,
    reset: part,
    consent(given) {
      allowed = given;
      if (given) return seen();
      started = view = 0;
      forget();
    },
  };

  const run = safely((command) => {
    const [name, ...args] = command;
    if (started || name === 'consent') commands[name](...args);
    else waiting.push(command);
  });

  const api = { version: '0.1.0', push: (...list) => off || list.forEach(run) };
  for (const name in commands) api[name] = (...args) => api.push([name, ...args]);
  window.warmtrail = api;

  if (optedOut) forget();
  if (off) return;

  // ------------------------------------------------------------------ listening

  on('mousemove mousedown touchstart keydown wheel scroll timeupdate focus', active);
  on('blur', () => settle());
  on('visibilitychange', (event) => {
    if (d.visibilityState === 'visible') {
      active(event);
      seen();
    } else leave();
  });
  // Chrome fires pagehide before visibilitychange, Safari does not always fire the latter. The unload event would
  // forbid the back/forward cache.
  on('pagehide', () => {
    leave();
    // Nobody will hear the answer any more. What has waited long for one is sent again by the next page, under the same
    // ids; what was only just sent will arrive.
    inFlight.forEach((since, batch) => Date.now() - since > 1e3 && save(batch));
    inFlight.clear();
  });
  // Back from the back/forward cache, the same document is a page seen anew.
  on('pageshow', (event) => event.persisted && next());

  ['pushState', 'replaceState'].forEach((method, i) => {
    const original = history[method];
    history[method] = function () {
      const result = original.apply(this, arguments);
      route(2 - i);
      return result;
    };
  });
  on('popstate hashchange', () => route(2));

  on('click auxclick', (event) => {
    // auxclick also reports the right button, which only opens a menu. The path leads through icons inside links and
    // out of open shadow roots.
    const link =
      started && event.button < 2 && event.composedPath().find((node) => node.matches && node.matches('a[href],area[href]'));
    if (!link) return;
    const url = clean(link.getAttribute('href')); // the href of a link in SVG is an object
    // Writing and calling lead elsewhere, too.
    const isWeb = /^http|^mail|^tel/.test(url.protocol);
    const elsewhere = url.host !== l.host;
    const named = link.getAttribute('download');
    const last = url.pathname.split('/').pop();
    const names = isWeb ? [safely(decodeURIComponent)(last) || last, ...url.searchParams.values()] : [];
    // dl?file=report.pdf is a download; share?url=https://…/report.pdf on another host is not.
    let file = names.find((name) => isFile.test(name) && !(elsewhere && /^http/.test(name)));
    if (file) file = file.split(/[\\/]/).pop();
    if (named !== null) file = named || file || names[0] || 'download';
    if (file || (isWeb && elsewhere))
      track(file ? 'File Downloaded' : 'Link Clicked', {
        url: isWeb ? url.href : url.protocol, // the address of a data: link is its whole content
        file_name: file,
        extension: file && file.replace(/.*?(?:\.(\w+))?$/, '$1').toLowerCase(),
      });
  });

  on('submit', ({ target: form }) => {
    if (!started) return;
    let fields;
    form.querySelectorAll('[data-wt-capture]:not([type=password])').forEach((field) => {
      (fields = fields || {})[field.name] = new FormData(form).get(field.name);
    });
    // A field called "id" or "name" hides the form's own property of that name: ask for the attribute.
    track('Form Submitted', {
      form_id: form.getAttribute('id'),
      form_name: form.getAttribute('name'),
      fields,
    });
  });

  // ------------------------------------------------------------------ start

  // Checkpoints after 15, 30, 60, 120, 180… seconds of engaged time, and none while nothing adds up.
  setInterval(
    safely(() => {
      settle();
      if (engaged >= Math.min(2 * reported, reported + 6e4)) report();
    }),
    15e3
  );

  if (early && early.map) early.map(run);
  seen();
})();
