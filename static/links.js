/* Warmtrail, Apache-2.0 */
/*
 * A part of the snippet for companies with several domains: a link from one to another carries the visitor's id, so that
 * who reads on example.com and downloads on example.cn is one visitor. It comes by itself with snippet.js?key=… for a
 * site with linked domains. With a pinned snippet it is a script tag of its own, before the snippet's:
 *
 *   <script defer src="https://warmtrail.example.com/snippet-0.1.0-links.js" data-domains="example.cn,shop.example"></script>
 *
 * A clicked link to one of the domains, or to a subdomain of one, gets the parameter _wt=<id>.<time>.<checksum>. The page
 * that it leads to takes the parameter out of its address before anything else is done, and believes it for three minutes,
 * in the same browser: a link that was copied and sent to somebody else does not make the two one visitor. The checksum is
 * no secret: whatever a page can compute, others can. Who forges it gains nothing but an id that is his own already.
 *
 * Whether there is consent decides the snippet: without a stored id no link is changed, and an id that arrived is kept in
 * memory until it may be stored. docs/decisions/0009-linked-domains.md
 */
((inlined) => {
  const domains = inlined || document.currentScript?.dataset.domains;
  if (!domains) return;

  const LIFETIME_MS = 180_000;

  // FNV-1a, 32 bits.
  const checksum = (text) => {
    let sum = 0x811c9dc5;
    for (const letter of text) sum = Math.imul(sum ^ letter.charCodeAt(0), 0x01000193);
    return (sum >>> 0).toString(36);
  };
  const pass = (id, at) => `${id}.${at}.${checksum(id + at + navigator.userAgent)}`;

  const knownId = () => {
    try {
      const [, id] = /\b_wt=([\w-]+)/.exec(document.cookie) || [];
      return id || JSON.parse(localStorage.getItem('_wt'))?.a;
    } catch (e) {} // blocked or broken storage knows nobody
  };

  const arrive = () => {
    const [, given] = /[?&]_wt=([^&]*)/.exec(location.search) || [];
    if (given == null) return;
    // A copied address shall not carry it on, nor any page view. The rest stays as it was spelt.
    const without = location.href.replace(/([?&])_wt=[^&#]*(&?)/, (_, before, after) => after && before);
    history.replaceState(history.state, '', without);

    const [id, at] = given.split('.');
    const isFresh = Math.abs(Date.now() - parseInt(at, 36)) < LIFETIME_MS;
    const queue = (window.warmtrail = window.warmtrail || []);
    if (!isFresh || pass(id, at) !== given || !Array.isArray(queue)) return;

    const before = knownId();
    let isTaken = false;
    // Once the snippet has stored it, it is an id like any other, and reset() may replace it.
    Object.defineProperty(queue, 'linked', {
      get() {
        if (isTaken) return undefined;
        queueMicrotask(() => (isTaken = isTaken || knownId() === id));
        return id;
      },
    });
    if (before && before !== '0' && before !== id) queue.push(['emit', 'alias', { previousId: before }]);
  };

  const leave = (event) => {
    const link = event.composedPath().find((node) => node.matches?.('a[href],area[href]'));
    if (!link || typeof link.href !== 'string') return; // in SVG it cannot be set
    const url = new URL(link.href);
    const leads = domains.split(/[\s,]+/).some((domain) => domain && `.${url.hostname}`.endsWith(`.${domain}`));
    const isFile =
      link.hasAttribute('download') ||
      /\.(?!html?$|php$|aspx?$|jsp$)\w{2,5}$/i.test(url.pathname) ||
      /\.(csv|d(oc|wg|xf)|epub|exe|mp[34]|msi|pdf|pp[st]|ste?p|xls|zip)\w?(&|$)/i.test(url.search);
    const id = knownId();
    if (!leads || isFile || url.hostname === location.hostname || !id || id === '0') return;
    const before = link.getAttribute('href');
    url.search += `${url.search ? '&' : '?'}_wt=${pass(id, Date.now().toString(36))}`;
    link.setAttribute('href', url.href);
    setTimeout(() => link.setAttribute('href', before), 100);
  };

  const quietly = (f) => (event) => {
    try {
      f(event);
    } catch (e) {} // our trouble is not the page's trouble
  };

  quietly(arrive)();
  // On the document: the snippet listens on the window and so has seen the link before it is changed.
  for (const type of ['click', 'auxclick', 'contextmenu']) document.addEventListener(type, quietly(leave), true);
})('');
