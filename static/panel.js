/* Warmtrail, Apache-2.0 */
/*
 * The panel of the Warmtrail snippet. The snippet loads it when the address ends in #wt-…, and otherwise never.
 *
 *   #wt-debug     for those who install Warmtrail: what the snippet sent, what the collector refused and why, and if
 *                 nothing is sent, the reason
 *   #wt-opt-out   for visitors: what is noticed about their visits, and a button to stop that or to allow it again.
 *                 So any page can offer <a href="#wt-opt-out">Privacy choices</a>.
 *
 * What it does to the page
 *   - draws in a shadow root over the page: no style goes in or out, nothing shifts, no link in it can be clicked
 *   - while #wt-debug is open, listens to window.fetch and navigator.sendBeacon: same arguments, same result, no delay
 *   - while #wt-debug is open, links and forms of this host keep the fragment when used, so that one can walk on
 *   - works under a strict Content-Security-Policy: no inline style, no HTML from text
 * What it stores
 *   - the messages shown, in sessionStorage as _wt_debug, so that those sent while a page is left can be read on the
 *     next one. Gone when the panel or the tab is closed.
 *
 * Speaks Chinese if the browser or the page does, else English.
 */
(() => {
  // The file is loaded again at each new #wt-…; the first copy does all the work.
  const MARK = Symbol.for('warmtrail panel');
  if (window[MARK]) return window[MARK]();

  const d = document;
  const n = navigator;
  const LOG = '_wt_debug';
  const MESSAGES = 60;

  // ------------------------------------------------------------------ words

  const texts = {
    en: {
      debug: 'Debug panel',
      copy: 'Copy',
      copied: 'Copied',
      notCopied: 'Not copied',
      clear: 'Clear',
      fold: 'Fold or unfold',
      close: 'Close',
      state: 'State',
      version: 'Snippet',
      key: 'Write key',
      collector: 'Collector',
      consent: 'Consent',
      visitor: 'Visitor',
      user: 'User',
      waiting: 'Waiting',
      engaged: 'Engaged',
      none: 'none',
      modes: { 'not-required': 'not required', required: 'required', cookieless: 'cookieless' },
      given: ' · given',
      refusedBy: ' · refused',
      notGiven: ' · not given',
      waitingEvents: (count, until) => count + (count === 1 ? ' event' : ' events') + (until ? `, until ${until}` : ''),
      seconds: (s) => `${s} s`,
      inView: (s) => `${s} s in this view, as reported`,
      empty: 'No message yet. Scroll, click, download something: it appears here when it is sent.',
      footnote: 'Accepted means: in the queue of the collector. Bots and your own networks are only filtered after that.',
      tally: { accepted: 'accepted', refused: 'refused', waiting: 'waiting', beacon: 'unheard' },
      // What the head line says
      on: 'Visits are observed.',
      cookieless: 'Visits are observed, without an id and without storage (cookieless).',
      absent: 'Nothing is sent: the snippet is not running on this page.',
      keyless: 'Nothing useful is sent: the script tag has no data-key.',
      local: 'Nothing is sent: this is localhost or a file. Add data-local to the script tag to try it here.',
      signal: (names) => `Nothing is sent: this browser asks not to be tracked (${names}), and the site honours that.`,
      refused: 'Nothing is sent: this visitor has opted out. warmtrail.consent(true) takes that back.',
      unasked: 'Nothing is sent: consent is required and not given yet. It waits for warmtrail.consent(true).',
      hidden: 'Nothing is sent yet: the page is in the background and counts when it is looked at.',
      // What else may surprise
      twice: (count) => `The snippet is on this page ${count} times. Only the first one works.`,
      quiet: (until) => `The collector could not take events. They wait in this browser until ${until}.`,
      ignored: (names) =>
        `This browser sends ${names}, which this page ignores. The collector honours it unless told not to.`,
      automation: 'This browser is remote-controlled. Its events are accepted, but filtered as automation.',
      blind: 'This page may not use localStorage. The visitor is a new one on each page unless the cookie holds.',
      missed: (count) => `Messages sent before this panel was open: ${count}. Reload to see all.`,
      // What became of a message
      outcome: {
        pending: 'On its way',
        accepted: 'Accepted',
        partly: (bad, all) => `${bad} of ${all} refused`,
        refused: 'Refused',
        later: 'Not taken now',
        failed: 'No answer',
        blocked: 'Blocked by the page',
        strange: 'Strange answer',
        beacon: 'Handed to the browser',
        unqueued: 'Not taken by the browser',
        left: 'Not waited for',
      },
      unheard: 'Sent as a beacon while the page was left or hidden. Nobody can hear the answer to a beacon.',
      unqueued: 'The browser took no beacon of this size. The snippet sends it by fetch instead.',
      left: 'The page was left before the answer came.',
      again: ' The snippet keeps it and sends it again.',
      againIn: (s) => ` The snippet keeps it and sends it again after ${s} s.`,
      offline: 'This browser is offline.',
      mixed: 'A page on https cannot send to a collector on http.',
      network: 'An ad blocker stopped it, or the collector cannot be reached from here.',
      csp: (origin) => `The Content-Security-Policy of this page forbids it. Add ${origin} to connect-src.`,
      strange: 'This is not how a Warmtrail collector answers. Are data-host and data-path right?',
      reasons: {
        body_empty: 'The message was empty.',
        body_too_large: 'The message is over 500,000 bytes.',
        body_too_slow: 'The message took more than 10 s to arrive.',
        too_many_events: 'More than 5,000 events in one message.',
        encoding_invalid: 'The message says it is gzip, but cannot be unpacked.',
        encoding_unsupported: 'The message is packed in a way the collector does not know.',
        json_invalid: 'The message is not JSON in UTF-8.',
        shape_invalid: 'The message has not the shape of a batch.',
        too_deep: 'The message nests too deep to be read.',
        write_key_missing: 'The message has no write key. Add data-key to the script tag.',
        write_key_unknown: 'No site has this write key. Compare data-key with the key of the site.',
        origin_not_allowed: `The site does not list the origin ${location.origin}. Add it to the site’s origins.`,
        method_not_allowed: 'The collector wants a POST.',
        overloaded: 'Too many events wait in the collector.',
        key_quota_exceeded: 'Too many events came with this write key.',
        address_quota_exceeded: 'Too many events came from this address.',
        visitor_quota_exceeded: 'Too many events came from this visitor.',
        queue_unavailable: 'The queue of the collector does not answer.',
        event_not_object: 'This is not an object.',
        field_invalid: 'A field has the wrong type, or an id is over 200 characters.',
        type_missing: 'It has no type.',
        type_unknown: 'Its type is not page, track, identify, group or alias.',
        event_name_missing: 'A track event needs a name.',
        identity_missing: 'It has neither anonymousId nor userId.',
        timestamp_invalid: 'Its time cannot be read.',
        timestamp_in_future: 'Its time is more than 5 minutes ahead.',
        timestamp_too_old: 'It is older than the collector takes from browsers.',
        engaged_ms_invalid: 'Its engaged_ms is missing, not a number, or more than a day.',
        url_invalid: 'Its url is neither a web address nor a path.',
        text_invalid: 'A text in it has the character NUL.',
        number_out_of_range: 'A number in it does not fit in 64 bits.',
        event_too_deep: 'It nests deeper than 32 levels.',
        event_too_large: 'It is over 32,000 bytes.',
      },
      // The visitor's choice
      title: (host) => `Your visits to ${host}`,
      now: {
        on: 'This site observes your visits.',
        cookieless:
          'This site observes your visits, but stores nothing in your browser: from one day to the next you are ' +
          'not recognised.',
        refused: 'Your visits are not observed, because you refused.',
        signal: (names) =>
          `Your visits are not observed, because your browser asks not to be tracked (${names}). To change that, ` +
          `use the settings of your browser.`,
        unasked: 'Your visits are not observed unless you agree.',
        local: 'Your visits are not observed: this is a test machine.',
        absent: 'Your visits are not observed on this page.',
      },
      facts: [
        [(seen) => (seen ? 'Observed' : 'Would be observed'),
          'Which pages you see, how long and how far you read them, and where you came from. Files you download, ' +
          'links you follow to other sites, forms you send. Your language, time zone and kind of browser. Who ' +
          'you are, if you tell this site, for instance in a form.'],
        ['Not observed',
          'What you type, except in form fields this site has chosen. How you move the mouse. What you do on ' +
          'other companies’ sites. Your network address is not stored.'],
        ['Kept here',
          (seen, nothing) => nothing
            ? 'Nothing, unless you agree.'
            : 'While your visits are observed: a random number, for thirteen months, so that you are recognised next time.'],
        ['Sent to', (seen, nothing, host) => `${host}, and to nobody else.`],
      ],
      stop: 'Stop observing my visits',
      allow: 'Allow it',
      stopped:
        'Done. From now on your visits are not observed. What was stored in this browser is deleted; at most ' +
        'your refusal itself is kept.',
      earlier: (id) =>
        `Earlier visits are filed under ${id}. Give the owner of this site that number if you want them deleted.`,
      allowed: 'Done. From now on your visits are observed. You can stop that here at any time.',
      fleeting: 'Your browser does not let this site store anything, so this holds only until you leave the page.',
      trouble: 'That did not work. Please reload the page and try again.',
    },
    zh: {
      debug: '调试面板',
      copy: '复制',
      copied: '已复制',
      notCopied: '复制失败',
      clear: '清空',
      fold: '收起或展开',
      close: '关闭',
      state: '状态',
      version: '脚本版本',
      key: '写入密钥',
      collector: '收集器',
      consent: '同意',
      visitor: '访客',
      user: '用户',
      waiting: '等待发送',
      engaged: '专注时间',
      none: '无',
      modes: { 'not-required': '无需同意', required: '须先同意', cookieless: '无 Cookie' },
      given: ' · 已同意',
      refusedBy: ' · 已拒绝',
      notGiven: ' · 尚未同意',
      waitingEvents: (count, until) => `${count} 个事件` + (until ? `，等到 ${until}` : ''),
      seconds: (s) => `${s} 秒`,
      inView: (s) => `本次浏览已上报 ${s} 秒`,
      empty: '还没有消息。滚动、点击或下载，发送后就会显示在这里。',
      footnote: '“已接收”表示事件已进入收集器的队列；机器人和自家网络的流量在此之后才过滤。',
      tally: { accepted: '已接收', refused: '被拒绝', waiting: '等待中', beacon: '无回音' },
      on: '正在观察访问。',
      cookieless: '正在观察访问，但不带标识、不存储任何内容（无 Cookie 模式）。',
      absent: '没有发送：本页没有运行 Warmtrail 脚本。',
      keyless: '发送无效：脚本标签缺少 data-key。',
      local: '没有发送：这是 localhost 或本地文件。要在此试用，请给脚本标签加上 data-local。',
      signal: (names) => `没有发送：浏览器要求不被跟踪（${names}），本站予以遵守。`,
      refused: '没有发送：该访客已选择退出。warmtrail.consent(true) 可以撤销。',
      unasked: '没有发送：需要同意，但尚未同意。正在等待 warmtrail.consent(true)。',
      hidden: '尚未发送：页面在后台，被看到时才计数。',
      twice: (count) => `本页装了 ${count} 次脚本，只有第一个生效。`,
      quiet: (until) => `收集器暂时无法接收，事件在浏览器中等到 ${until}。`,
      ignored: (names) => `浏览器发出了 ${names}，本页不予理会；但收集器默认仍会遵守。`,
      automation: '浏览器处于远程控制之下，其事件会被接收，但作为自动化流量过滤。',
      blind: '本页不能使用 localStorage。如果 Cookie 也不可用，每个页面都会算作新访客。',
      missed: (count) => `面板打开之前已发出 ${count} 条消息。重新加载即可看到全部。`,
      outcome: {
        pending: '发送中',
        accepted: '已接收',
        partly: (bad, all) => `${all} 个中有 ${bad} 个被拒绝`,
        refused: '被拒绝',
        later: '暂未接收',
        failed: '没有回答',
        blocked: '被页面阻止',
        strange: '回答异常',
        beacon: '已交给浏览器',
        unqueued: '浏览器未接受',
        left: '未等到回答',
      },
      unheard: '在离开或隐藏页面时以 beacon 发送。beacon 的回答无人能听到。',
      unqueued: '浏览器不接受这么大的 beacon，脚本改用 fetch 发送。',
      left: '回答到来之前已离开页面。',
      again: '脚本会保留它并再次发送。',
      againIn: (s) => `脚本会保留它，${s} 秒后再次发送。`,
      offline: '浏览器处于离线状态。',
      mixed: 'https 页面不能向 http 收集器发送。',
      network: '被广告拦截器阻止，或者从这里连不上收集器。',
      csp: (origin) => `本页的内容安全策略（CSP）禁止发送。请把 ${origin} 加入 connect-src。`,
      strange: 'Warmtrail 收集器不会这样回答。data-host 和 data-path 是否正确?',
      reasons: {
        body_empty: '消息是空的。',
        body_too_large: '消息超过 500,000 字节。',
        body_too_slow: '消息超过 10 秒才到达。',
        too_many_events: '一条消息中超过 5,000 个事件。',
        encoding_invalid: '消息声称是 gzip，却无法解压。',
        encoding_unsupported: '收集器不认识消息的压缩方式。',
        json_invalid: '消息不是 UTF-8 编码的 JSON。',
        shape_invalid: '消息不符合批次的格式。',
        too_deep: '消息嵌套太深，无法读取。',
        write_key_missing: '消息没有写入密钥。请给脚本标签加上 data-key。',
        write_key_unknown: '没有站点使用这个写入密钥。请核对 data-key。',
        origin_not_allowed: `站点未列出来源 ${location.origin}。请把它加入站点的来源。`,
        method_not_allowed: '收集器只接受 POST。',
        overloaded: '收集器中等待的事件太多。',
        key_quota_exceeded: '使用此写入密钥的事件太多。',
        address_quota_exceeded: '来自此地址的事件太多。',
        visitor_quota_exceeded: '来自此访客的事件太多。',
        queue_unavailable: '收集器的队列没有响应。',
        event_not_object: '不是对象。',
        field_invalid: '某个字段类型错误，或标识超过 200 个字符。',
        type_missing: '缺少 type。',
        type_unknown: 'type 不是 page、track、identify、group 或 alias。',
        event_name_missing: 'track 事件需要名称。',
        identity_missing: '既没有 anonymousId 也没有 userId。',
        timestamp_invalid: '时间无法读取。',
        timestamp_in_future: '时间超前 5 分钟以上。',
        timestamp_too_old: '时间太早，收集器不再接受浏览器的这类事件。',
        engaged_ms_invalid: 'engaged_ms 缺失、不是数字，或超过一天。',
        url_invalid: 'url 既不是网址也不是路径。',
        text_invalid: '文本中含有 NUL 字符。',
        number_out_of_range: '某个数字超出 64 位。',
        event_too_deep: '嵌套超过 32 层。',
        event_too_large: '超过 32,000 字节。',
      },
      title: (host) => `您对 ${host} 的访问`,
      now: {
        on: '本网站会记录您的访问。',
        cookieless: '本网站会记录您的访问，但不在您的浏览器中存储任何内容，因此第二天就认不出您。',
        refused: '您的访问不会被记录，因为您已拒绝。',
        signal: (names) => `您的访问不会被记录，因为您的浏览器要求不被跟踪（${names}）。如需更改，请使用浏览器的设置。`,
        unasked: '除非您同意，否则不会记录您的访问。',
        local: '您的访问不会被记录：这是一台测试机器。',
        absent: '本页不会记录您的访问。',
      },
      facts: [
        [(seen) => (seen ? '会记录' : '若允许，会记录'),
          '您看了哪些页面、看了多久、看到哪里、从哪里来；您下载的文件、前往其他网站的链接、提交的表单；您的语言、' +
          '时区和浏览器种类；还有您的身份，如果您告诉本网站（例如在表单中）。'],
        ['不记录', '您输入的内容（本网站指定的表单字段除外）、鼠标的移动、您在其他公司网站上的活动。不存储您的网络地址。'],
        ['存储在此', (seen, nothing) => nothing ? '除非您同意，否则什么也不存。' : '在记录您的访问期间：一个随机编号，为期十三个月，以便下次认出您。'],
        ['发送至', (seen, nothing, host) => `${host}，不会发送给其他任何人。`],
      ],
      stop: '停止记录我的访问',
      allow: '允许记录',
      stopped: '已完成。从现在起不再记录您的访问。存储在此浏览器中的内容已删除，至多只保留您的拒绝。',
      earlier: (id) => `此前的访问记录在编号 ${id} 之下。如果希望删除，请把这个编号告诉网站所有者。`,
      allowed: '已完成。从现在起会记录您的访问。您随时可以在这里停止。',
      fleeting: '您的浏览器不允许本网站存储任何内容，因此这一选择只在离开本页之前有效。',
      trouble: '没有成功。请重新加载页面后再试。',
    },
  };

  const lang = /^zh/i.test(n.language) || /^zh/i.test(d.documentElement.lang) ? 'zh' : 'en';
  const t = texts[lang];
  const say = (text, ...values) => (typeof text === 'function' ? text(...values) : text);

  // ------------------------------------------------------------------ look

  const css = `
    :host { all: initial !important; display: contents !important; color-scheme: light dark !important }
    * { box-sizing: border-box; margin: 0; padding: 0 }
    [hidden] { display: none !important }
    section, dialog {
      --ground: #fffdfb; --sunk: #f8f4ef; --line: #e7dfd6; --edge: #94877a; --ink: #231c17; --soft: #6a5d53;
      --accent: #b93d0b; --on-accent: #fff; --sent: #17693a; --refused: #b4232a; --waiting: #875700; --beacon: #42597a;
      --shade: 0 1px 2px rgb(60 30 10 / .08), 0 12px 40px rgb(60 30 10 / .18);
      --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
      border: 1px solid var(--line); background: var(--ground); color: var(--ink); text-align: start;
      font: 400 14px/1.5 system-ui, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
      font-variant-numeric: tabular-nums; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
    }
    @media (prefers-color-scheme: dark) {
      section, dialog {
        --ground: #1d1916; --sunk: #151210; --line: #3a322c; --edge: #85776b; --ink: #f4ede6; --soft: #b8aa9d;
        --accent: #ff9557; --on-accent: #2a1003; --sent: #63d38e; --refused: #ff8f8a; --waiting: #efbb4d;
        --beacon: #a3bbdf;
        --shade: 0 12px 48px rgb(0 0 0 / .6);
      }
    }
    button {
      appearance: none; min-height: 28px; padding: 2px 10px; border: 1px solid transparent; border-radius: 6px;
      background: none; color: inherit; font: inherit; cursor: pointer; text-align: start;
    }
    @media (hover: hover) { button:hover { background: var(--sunk) } }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
    [tabindex='-1'] { outline: none }
    code, pre, .mono { font-family: var(--mono); font-size: 12px }

    section {
      position: fixed; inset: auto 16px 16px auto; z-index: 2147483647; width: 448px; max-width: calc(100vw - 32px);
      height: auto; max-height: min(840px, calc(100vh - 32px)); display: flex; flex-direction: column; overflow: hidden;
      border-radius: 14px; box-shadow: var(--shade);
    }
    header { padding: 12px 12px 12px 16px; flex: none }
    .bar { display: flex; align-items: center; gap: 4px }
    .bar h2 {
      flex: 1; display: flex; align-items: center; gap: 8px; font-size: 14px; font-weight: 650; letter-spacing: -.005em;
    }
    .bar h2 span { font-weight: 400; color: var(--soft) }
    .mark { width: 20px; height: 20px; fill: var(--accent) }
    .icon { width: 32px; height: 32px; padding: 0; display: grid; place-items: center; color: var(--soft) }
    .icon svg {
      width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round;
      stroke-linejoin: round;
    }
    .status { display: flex; gap: 8px; margin-top: 4px; padding-inline-end: 4px }
    .status::before {
      content: ""; flex: none; width: 8px; height: 8px; margin-top: 7px; border-radius: 50%; background: var(--tone);
    }
    .notes { list-style: none; font-size: 13px; color: var(--soft) }
    .notes li { margin-top: 4px; padding-inline-start: 16px }
    .scroll { overflow-y: auto; overscroll-behavior: contain; min-height: 0; border-top: 1px solid var(--line) }
    .folded .scroll { display: none }
    .folded .icon:first-of-type svg { transform: rotate(180deg) }

    details { border-bottom: 1px solid var(--line) }
    summary { padding: 8px 16px; font-size: 12px; font-weight: 600; color: var(--soft); cursor: pointer }
    summary:focus-visible, .row:focus-visible { outline-offset: -2px }
    dl {
      display: grid; grid-template-columns: auto 1fr; gap: 1px 16px; padding: 0 16px 10px; font-size: 13px;
      line-height: 1.45;
    }
    dt { color: var(--soft) }
    dd { min-width: 0 }
    .tools {
      position: sticky; top: 0; z-index: 1; display: flex; align-items: center; gap: 4px; padding: 5px 8px 5px 16px;
      background: var(--ground); border-bottom: 1px solid var(--line); font-size: 13px;
    }
    .tools button { padding: 2px 8px }
    .tally { flex: 1; display: flex; flex-wrap: wrap; gap: 0 10px }
    .tally span { color: var(--soft) }
    .tally [data-tone] b { color: var(--tone) }
    .tally b { font-weight: 650 }
    [data-tone] { --tone: var(--soft) }
    [data-tone=sent] { --tone: var(--sent) }
    [data-tone=refused] { --tone: var(--refused) }
    [data-tone=waiting] { --tone: var(--waiting) }
    [data-tone=beacon] { --tone: var(--beacon) }

    .log, .log ol, .log ul { list-style: none }
    h3 { padding: 12px 16px 2px; font-size: 12px; font-weight: 600; color: var(--soft) }
    .message { position: relative; padding: 10px 6px 6px 16px; border-bottom: 1px solid var(--line) }
    .message::before { content: ""; position: absolute; inset: 0 auto 0 0; width: 3px; background: var(--tone) }
    .top { display: flex; align-items: baseline; gap: 8px; padding-inline-end: 10px }
    .top strong { font-weight: 650; color: var(--tone) }
    .top small, .top time { font-size: 12px; color: var(--soft); white-space: nowrap }
    .top time { margin-inline-start: auto }
    .why { padding: 1px 10px 2px 0; font-size: 13px }
    .why code { color: var(--soft); white-space: nowrap }
    .event .why { padding-inline-start: 66px; color: var(--refused) }
    .row { width: 100%; display: flex; align-items: baseline; gap: 8px; margin-inline-start: -8px; padding: 3px 8px }
    .row .mono { flex: none; width: 58px; color: var(--soft) }
    .row b {
      flex: none; max-width: 62%; font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
    }
    .row .detail {
      flex: 1; min-width: 0; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
    }
    .row svg {
      flex: none; align-self: center; width: 12px; height: 12px; fill: none; stroke: var(--soft); stroke-width: 1.8;
      stroke-linecap: round; stroke-linejoin: round;
    }
    .row[aria-expanded=true] svg { transform: rotate(90deg) }
    pre {
      margin: 2px 10px 6px 0; padding: 10px 12px; border-radius: 8px; background: var(--sunk); line-height: 1.55;
      white-space: pre-wrap; tab-size: 2;
    }
    .empty, .foot { padding: 16px; color: var(--soft) }
    .foot { padding-block: 10px; font-size: 12px }
    .aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }

    dialog {
      position: fixed; inset: 0; margin: auto; width: 520px; max-width: calc(100vw - 32px); height: fit-content;
      max-height: calc(100vh - 32px);
      padding: 28px 28px 0; overflow-y: auto; overscroll-behavior: contain; border-radius: 16px;
      box-shadow: var(--shade); font-size: 15px;
    }
    dialog::backdrop { background: rgb(30 18 8 / .45) }
    h1 { font-size: 22px; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; text-wrap: balance }
    .now {
      display: flex; gap: 10px; margin-top: 14px; padding: 12px 14px; border-radius: 10px; background: var(--sunk);
      font-size: 16px; font-weight: 500; line-height: 1.45;
    }
    .now::before {
      content: ""; flex: none; width: 10px; height: 10px; margin-top: 7px; border-radius: 50%;
      border: 2px solid var(--tone);
    }
    .now[data-tone=sent]::before { background: var(--tone) }
    .done:not(:empty) { margin-top: 14px; padding-inline-start: 14px; border-inline-start: 3px solid var(--accent) }
    .done p + p { margin-top: 6px; color: var(--soft); font-size: 14px }
    dialog dl { grid-template-columns: 116px 1fr; gap: 10px 20px; padding: 20px 0 0; font-size: 14px }
    dialog dt { font-weight: 600; color: var(--ink) }
    dialog dd { color: var(--soft) }
    .choice {
      position: sticky; bottom: 0; display: flex; flex-wrap: wrap; gap: 10px; margin-top: 8px; padding: 16px 0 24px;
      background: var(--ground);
    }
    .choice button {
      min-height: 44px; padding: 8px 18px; border-color: var(--edge); border-radius: 10px; font-weight: 600;
      text-align: center;
    }
    .choice .main, .choice .main:hover { border-color: var(--accent); background: var(--accent); color: var(--on-accent) }
    .choice .main:hover { filter: brightness(1.08) }

    @media (prefers-reduced-motion: no-preference) {
      .row svg { transition: transform .12s }
      section, dialog[open] { animation: rise .18s ease-out }
      @keyframes rise { from { opacity: 0; transform: translateY(8px) } }
    }
    @media (max-width: 560px) {
      section, dialog {
        inset: auto 0 0; width: 100%; max-width: none; border-width: 1px 0 0; border-radius: 16px 16px 0 0;
        padding-bottom: env(safe-area-inset-bottom);
      }
      section { max-height: 60vh; max-height: 60dvh }
      dialog { margin: auto 0 0; padding: 24px 20px 0; max-height: 92vh; max-height: 92dvh }
      dialog dl { grid-template-columns: 1fr; gap: 0 }
      dialog dd { margin-bottom: 10px }
      .choice {
        margin-inline: -20px; padding: 12px 20px calc(16px + env(safe-area-inset-bottom));
        border-top: 1px solid var(--line);
      }
      .choice button { flex: 1 1 auto; padding-inline: 12px }
      .icon { width: 40px; height: 40px }
    }`;

  // ------------------------------------------------------------------ small tools

  // Our trouble is not the page's trouble.
  const safely = (f) => (...args) => {
    try {
      return f(...args);
    } catch (e) {}
  };

  // Text goes in as text: titles, event names and answers come from anywhere.
  const h = (name, attributes, ...children) => {
    const node = d.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    node.append(...children);
    return node;
  };
  const button = (label, attributes, action) => {
    const node = h('button', { type: 'button', ...attributes }, label);
    node.addEventListener('click', safely(action));
    return node;
  };
  const drawing = (name, path) => {
    const svg = d.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const shape = d.createElementNS(svg.namespaceURI, 'path');
    svg.setAttribute('viewBox', '0 0 16 16');
    svg.setAttribute('aria-hidden', 'true');
    svg.setAttribute('class', name);
    shape.setAttribute('d', path);
    svg.append(shape);
    return svg;
  };
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  const clock = (ms) => new Date(ms).toTimeString().slice(0, 8);
  const later = (f, ms) => setTimeout(safely(f), ms);

  let root;
  let host;
  const stage = () => {
    if (!host) {
      host = h('wt-panel', { lang: lang === 'zh' ? 'zh-CN' : 'en' });
      root = host.attachShadow({ mode: 'open' });
      try {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        root.adoptedStyleSheets = [sheet];
      } catch (e) {
        // Safari before 16.4.
        root.append(h('style', { nonce: (d.querySelector('script[nonce]') || {}).nonce || '' }, css));
      }
    }
    // Outside of the body, where frameworks that replace its content do not reach.
    if (!host.isConnected) d.documentElement.append(host);
    return root;
  };

  // One of the two is closed. Without its fragment the same link works again.
  const tidy = () => {
    if (!section && !dialog) host.remove();
    if (/^#wt-/.test(location.hash))
      history.replaceState(history.state, '', location.href.split('#')[0] + (section ? '#wt-debug' : ''));
  };

  // ------------------------------------------------------------------ the state of the snippet

  const stored = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch (e) {}
  };
  const storable = () => {
    try {
      return !!localStorage;
    } catch (e) {}
  };
  const cookie = () => (/(?:^|; )_wt=([\w-]+)/.exec(d.cookie) || [])[1];

  const snippets = () => [...d.scripts].filter(({ src }) => /\/snippet(-\d[\d.]*)?\.js($|\?)/.test(src));

  // The collector is where the snippet came from, and this file with it. A module is not told its own tag.
  const loaded = () => performance.getEntriesByType('resource').find(({ name }) => /-panel\.js($|\?)/.test(name)) || {};
  const origin = () => (d.currentScript || snippets()[0] || {}).src || loaded().name || location.href;
  const home = origin();

  const observes = (why) => why === 'on' || why === 'cookieless';

  // All that can be known from outside. `why` is one word for whether visits are observed, and if not, why.
  const look = () => {
    const api = window.warmtrail || {};
    const config = api.config || {};
    const kept = stored('_wt') || {};
    const [until = 0, ...waiting] = stored('_wt_q') || [];
    const id = safely(cookie)() || kept.a;
    const sends = [
      ['gpc', 'Global Privacy Control', n.globalPrivacyControl],
      ['dnt', 'Do Not Track', n.doNotTrack == 1],
    ].filter(([, , given]) => given);
    const honoured = sends.filter(([short]) => (config.respect || 'gpc dnt').includes(short));
    const names = (list) => list.map(([, long]) => long).join(', ');
    const mode = config.consent || 'not-required';
    const out = id === '0' || id === 0;
    const why = () => {
      if (!api.version) return 'absent';
      if (!config.key) return 'keyless';
      if (!('local' in config) && /^(127\.|\[|localhost$|$)/.test(location.hostname)) return 'local';
      if (honoured[0]) return 'signal';
      if (out) return 'refused';
      if (kept.c || mode === 'not-required') return 'on';
      return mode === 'required' ? 'unasked' : 'cookieless';
    };
    return {
      version: api.version,
      config,
      mode,
      why: why(),
      given: !!kept.c,
      out,
      anonymousId: out ? '' : id,
      userId: kept.u,
      honoured: names(honoured),
      ignored: names(sends.filter((signal) => !honoured.includes(signal))),
      waiting,
      until: until > Date.now() ? until : 0,
      endpoint: safely(() => new URL(config.path || '/v1/batch', config.host || home).href)(),
    };
  };

  // ------------------------------------------------------------------ #wt-debug: listening

  let watching; // the page's fetch and sendBeacon pass through us
  let listening; // and we write down what we hear
  let messages = []; // oldest first
  let missed = 0; // sent before we listened
  let unwatch;

  const keep = safely(() => {
    if (messages[0]) sessionStorage.setItem(LOG, JSON.stringify(messages.slice(-MESSAGES)));
    else sessionStorage.removeItem(LOG);
  });

  // A message of ours, noted; nothing for anything else the page sends.
  const note = (via, address, body) => {
    if (!listening || typeof body !== 'string' || !body.includes('"batch"')) return;
    const { endpoint, config } = look();
    const { writeKey, batch } = JSON.parse(body);
    const url = new URL(address, d.baseURI).href;
    // Segment's own scripts write like this, too.
    if (!Array.isArray(batch) || (url !== endpoint && writeKey !== config.key)) return;
    const page = location.pathname + location.search;
    const message = { at: Date.now(), page, via, url, events: batch, outcome: 'pending' };
    messages.push(message);
    keep();
    add(message);
    return message;
  };
  const settle = (message, fields) => {
    if (!listening) return;
    Object.assign(message, fields);
    keep();
    update();
  };

  const hear = (message, response) => {
    const { status, headers } = response;
    const ms = Date.now() - message.at;
    const retry = +headers.get('Retry-After') || undefined;
    const judge = safely((text) => {
      let answer = {};
      safely(() => (answer = JSON.parse(text) || answer))();
      const { success, rejected = [], reason, message: words } = answer;
      const outcome = () => {
        if (/^(5|429|408)/.test(status)) return 'later';
        if (reason) return 'refused';
        if (!response.ok || success !== true) return 'strange';
        if (!rejected.length) return 'accepted';
        return rejected.length < message.events.length ? 'partly' : 'refused';
      };
      settle(message, { status, ms, retry, outcome: outcome(), rejected, reason, words });
    });
    // Before the page reads it, which it can do only once.
    response.clone().text().then(judge, () => judge(''));
  };

  const watch = () => {
    listening = true;
    if (watching) return;
    watching = true;
    const { fetch } = window;
    const { sendBeacon } = n;
    window.fetch = function (input, init) {
      const answer = fetch.apply(this, arguments);
      safely(() => {
        const message = note('fetch', (input && input.url) || input, init && init.body);
        // Only of our own messages: a rejection nobody hears is the page's to report.
        if (message)
          answer.then(
            safely((response) => hear(message, response)),
            safely(() => {
              const ms = Date.now() - message.at;
              if (message.outcome === 'pending') settle(message, { outcome: 'failed', ms, offline: !n.onLine });
            })
          );
      })();
      return answer;
    };
    n.sendBeacon = function (url, body) {
      const taken = sendBeacon.apply(this, arguments);
      safely(() => {
        const message = note('beacon', url, body);
        if (message) settle(message, { outcome: taken ? 'beacon' : 'unqueued' });
      })();
      return taken;
    };
    const ours = [window.fetch, n.sendBeacon];
    unwatch = () => {
      listening = false;
      // Whoever came after us holds on to ours, which then only passes on.
      if (window.fetch !== ours[0] || n.sendBeacon !== ours[1]) return;
      window.fetch = fetch;
      n.sendBeacon = sendBeacon;
      watching = false;
    };
  };

  addEventListener(
    'securitypolicyviolation',
    safely(({ blockedURI, disposition, effectiveDirective }) => {
      if (disposition === 'report' || effectiveDirective !== 'connect-src' || !listening) return;
      const message = messages.find(
        ({ at, url, outcome }) =>
          /pending|failed|beacon/.test(outcome) && Date.now() - at < 5e3 && blockedURI.startsWith(new URL(url).origin)
      );
      if (message) settle(message, { outcome: 'blocked' });
    })
  );

  // A link or form of this host keeps the fragment for the moment in which it is followed. Listening last of all, so
  // that neither the page nor the snippet sees another address than its own.
  const carry = (event, node, attribute) => {
    const before = node.getAttribute(attribute);
    const url = new URL(before, d.baseURI);
    const here = url.href.split('#')[0] === location.href.split('#')[0];
    if (event.defaultPrevented || url.host !== location.host || !/^http/.test(url.protocol) || url.hash || here) return;
    node.setAttribute(attribute, url.href + '#wt-debug');
    later(() => node.setAttribute(attribute, before));
  };
  const walk = safely((event) => {
    const page = (node) => node.matches && node.matches('a[href]:not([download])');
    const link = section && event.button < 2 && event.composedPath().find(page);
    if (link) carry(event, link, 'href');
  });
  addEventListener('click', walk);
  addEventListener('auxclick', walk);
  addEventListener(
    'submit',
    safely((event) => section && event.target.hasAttribute('action') && carry(event, event.target, 'action'))
  );

  // ------------------------------------------------------------------ #wt-debug: showing

  const TONES = {
    accepted: 'sent', pending: 'waiting', later: 'waiting', beacon: 'beacon', unqueued: 'beacon', left: 'beacon',
  };

  let section;
  let parts; // nodes of the panel that change
  let updates = []; // of the messages shown
  let timer;

  const describe = ({ type, event, name, userId, groupId, previousId, traits, properties }) => {
    const p = properties || {};
    let path = p.url || p.path || '';
    safely(() => {
      const { host, pathname, search } = new URL(path, location.href);
      path = (host === location.host ? '' : host) + pathname + search;
    })();
    const named = Object.keys(traits || {}).join(', ');
    if (type === 'page') return [name || p.title || '', path];
    if (type === 'identify') return [userId || '', named];
    if (type === 'group') return [groupId || '', named];
    if (type === 'alias') return [`${previousId} → ${userId || ''}`, ''];
    const seconds = p.engaged_ms >= 0 && t.seconds(Math.round(p.engaged_ms / 100) / 10);
    const scroll = p.scroll_percent >= 0 && `${p.scroll_percent} %`;
    const about = [seconds, scroll, p.file_name || p.form_id || p.form_name, !p.file_name && path];
    return [event || type || '', about.filter(Boolean).join(' · ')];
  };

  const why = ({ outcome, reason, words, retry, offline, url }) => {
    const again = retry ? t.againIn(retry) : t.again;
    const known = t.reasons[reason] || words || '';
    if (outcome === 'later') return (known + again).trim();
    if (outcome === 'failed') {
      const mixed = location.protocol === 'https:' && /^http:/.test(url);
      return (offline ? t.offline : mixed ? t.mixed : t.network) + again;
    }
    if (outcome === 'blocked') return t.csp(new URL(url).origin);
    return { refused: known, beacon: t.unheard, unqueued: t.unqueued, strange: t.strange, left: t.left }[outcome] || '';
  };

  // One event as a row that opens to show all of it, and the reason if it was refused.
  const eventRow = (event) => {
    const [name, detail] = describe(event || {});
    const json = h('pre', { hidden: '' });
    const row = button('', { class: 'row', 'aria-expanded': 'false' }, () => {
      json.textContent = JSON.stringify(event, null, 2);
      json.hidden = !json.hidden;
      row.setAttribute('aria-expanded', !json.hidden);
    });
    const type = h('span', { class: 'mono' }, (event && event.type) || '?');
    row.append(type, h('b', {}, name), h('span', { class: 'detail' }, detail), drawing('', 'M6 3l5 5-5 5'));
    const refusal = h('p', { class: 'why', hidden: '' });
    return [h('li', { class: 'event' }, row, refusal, json), refusal];
  };

  const explain = (node, words, code) => {
    node.hidden = !words && !code;
    node.replaceChildren(words || '', ' ', h('code', {}, code || ''));
  };

  const add = (message) => {
    if (!section) return;
    const { at, via, page, events } = message;
    const outcome = h('strong');
    const figures = h('small');
    const reason = h('p', { class: 'why' });
    const rows = events.map(eventRow);
    const time = h('time', { datetime: new Date(at).toISOString() }, `${via} · ${clock(at)}`);
    const top = h('div', { class: 'top' }, outcome, figures, time);
    const item = h('li', { class: 'message' }, top, reason, h('ul', {}, ...rows.map(([row]) => row)));
    // The newest on top, under the page it was sent from.
    if (parts.log.firstChild && parts.log.firstChild.page === page) parts.log.firstChild.lastChild.prepend(item);
    else {
      const group = h('li', {}, h('h3', {}, page), h('ol', {}, item));
      group.page = page;
      parts.log.prepend(group);
    }
    let drawn;
    const draw = () => {
      if (drawn === message.outcome) return;
      drawn = message.outcome;
      const { rejected = [], status, ms, reason: code } = message;
      item.dataset.tone = TONES[drawn] || 'refused';
      put(outcome, say(t.outcome[drawn], rejected.length, events.length));
      put(figures, [status, ms >= 0 && `${ms} ms`].filter(Boolean).join(' · '));
      explain(reason, why(message), code);
      rejected.forEach((one) => rows[one.index] && explain(rows[one.index][1], t.reasons[one.reason], one.reason));
    };
    updates.push(draw);
    update();
  };

  const warnings = (state) =>
    [
      snippets()[1] && t.twice(snippets().length),
      state.until && state.waiting[0] && t.quiet(clock(state.until)),
      state.ignored && t.ignored(state.ignored),
      n.webdriver && observes(state.why) && t.automation,
      !storable() && t.blind,
      missed && t.missed(missed),
    ].filter(Boolean);

  const reading = (state) => {
    const { why } = state;
    const idle = why === 'on' && !messages[0] && d.visibilityState !== 'visible';
    return say(t[idle ? 'hidden' : why], state.honoured);
  };

  // Of the view reported on last.
  const engagedNow = () => {
    const events = [].concat(...messages.map((message) => message.events));
    const times = events.map((event) => safely(() => event.properties.engaged_ms)()).filter((ms) => ms >= 0);
    return Math.round(times.pop() / 100) / 10;
  };

  const update = safely(() => {
    if (!section) return;
    const state = look();
    const active = observes(state.why);
    parts.status.dataset.tone = active ? 'sent' : state.why === 'keyless' || state.why === 'absent' ? 'refused' : 'waiting';
    put(parts.status, reading(state));
    const notes = warnings(state);
    if (parts.notes.textContent !== notes.join('')) parts.notes.replaceChildren(...notes.map((note) => h('li', {}, note)));

    const choice = state.out ? t.refusedBy : state.given ? t.given : state.mode === 'not-required' ? '' : t.notGiven;
    const facts = {
      version: state.version,
      key: state.config.key,
      collector: state.endpoint,
      consent: (t.modes[state.mode] || state.mode) + choice,
      visitor: state.anonymousId,
      user: state.userId,
      waiting: state.waiting[0] && t.waitingEvents(state.waiting.length, state.until && clock(state.until)),
      engaged: engagedNow() && t.inView(engagedNow()),
    };
    for (const name in facts) put(parts[name], String(facts[name] || t.none));

    const counts = { accepted: 0, refused: 0, waiting: state.waiting.length, beacon: 0 };
    messages.forEach(({ outcome, events, rejected = [] }) => {
      if (/accepted|partly/.test(outcome)) counts.accepted += events.length - rejected.length;
      if (outcome === 'refused' || outcome === 'partly') counts.refused += rejected.length || events.length;
      if (outcome === 'beacon') counts.beacon += events.length;
    });
    for (const name in counts) {
      put(parts['n_' + name], String(counts[name]));
      parts['n_' + name].parentNode.hidden = !counts[name] && name !== 'accepted';
    }
    parts.empty.hidden = !!messages[0];
    parts.foot.hidden = !messages[0];
    updates.forEach((draw) => draw());
  });

  const copy = () => {
    const state = look();
    const all = { at: new Date(), page: location.href, reading: reading(state), warnings: warnings(state), state, messages };
    const text = JSON.stringify(all, null, 2);
    const told = (word) => {
      put(parts.copy, word);
      put(parts.told, word);
      later(() => put(parts.copy, t.copy), 2e3);
    };
    // The clipboard is missing on plain http pages.
    const byHand = () => {
      const field = h('textarea', { class: 'aside' });
      field.value = text;
      section.append(field);
      field.select();
      const done = d.execCommand('copy');
      field.remove();
      parts.copy.focus();
      told(done ? t.copied : t.notCopied);
    };
    if (n.clipboard) n.clipboard.writeText(text).then(() => told(t.copied), safely(byHand));
    else byHand();
  };

  const clear = () => {
    messages = [];
    updates = [];
    missed = 0;
    parts.log.replaceChildren();
    keep();
    update();
  };

  const openDebug = () => {
    if (section) return;
    safely(() => (messages = JSON.parse(sessionStorage.getItem(LOG)) || []))();
    messages.forEach((message) => message.outcome === 'pending' && (message.outcome = 'left'));
    if (!watching) {
      const { endpoint } = look();
      missed = performance.getEntriesByType('resource').filter(({ name }) => name === endpoint).length;
    }
    watch();

    parts = {};
    const part = (name, node) => (parts[name] = node);
    const fold = () => {
      const folded = section.classList.toggle('folded');
      toggle.setAttribute('aria-expanded', !folded);
    };
    const toggle = button('', { class: 'icon', 'aria-label': t.fold, 'aria-expanded': 'true' }, fold);
    toggle.append(drawing('', 'M3.5 6l4.5 4.5L12.5 6'));
    const x = button('', { class: 'icon', 'aria-label': t.close }, closeDebug);
    x.append(drawing('', 'M3.5 3.5l9 9m0-9l-9 9'));
    const dots =
      'M3 10.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7 5.9a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM12 1a3 3 0 1 1 0 6 3 3 0 0 1 0-6z';
    const title = h('h2', { id: 'title' }, drawing('mark', dots), 'Warmtrail ', h('span', {}, t.debug));

    const list = h('dl');
    for (const name of ['version', 'key', 'collector', 'consent', 'visitor', 'user', 'waiting', 'engaged']) {
      const code = /key|collector|visitor|user/.test(name);
      list.append(h('dt', {}, t[name]), part(name, h('dd', code ? { class: 'mono' } : {})));
    }
    const state = h('details', {}, h('summary', {}, t.state), list);
    state.open = matchMedia('(min-width: 561px) and (min-height: 600px)').matches;

    const tally = h('div', { class: 'tally' });
    for (const name in t.tally) {
      const figure = part('n_' + name, h('b'));
      tally.append(h('span', { 'data-tone': name === 'accepted' ? 'sent' : name }, figure, ' ', t.tally[name]));
    }
    section = h(
      'section',
      { 'aria-labelledby': 'title' },
      h(
        'header',
        {},
        h('div', { class: 'bar' }, title, toggle, x),
        part('status', h('p', { class: 'status', role: 'status' })),
        part('notes', h('ul', { class: 'notes' })),
        part('told', h('p', { class: 'aside', role: 'status' }))
      ),
      h(
        'div',
        { class: 'scroll' },
        state,
        h('div', { class: 'tools' }, tally, part('copy', button(t.copy, {}, copy)), button(t.clear, {}, clear)),
        part('empty', h('p', { class: 'empty' }, t.empty)),
        part('log', h('ol', { class: 'log' })),
        part('foot', h('p', { class: 'foot' }, t.footnote))
      )
    );
    section.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || section.classList.contains('folded')) return;
      fold();
      toggle.focus();
    });
    // The top layer lies above every z-index.
    if (section.showPopover) section.popover = 'manual';
    updates = [];
    show();
    messages.forEach(add);
    update();
    timer = setInterval(
      safely(() => {
        show();
        update();
      }),
      1e3
    );
  };

  // Again, if the page has thrown us out.
  const show = () => {
    if (section.isConnected) return;
    stage().append(section);
    if (section.popover) section.showPopover();
  };

  const closeDebug = () => {
    clearInterval(timer);
    section.remove();
    section = 0;
    unwatch();
    messages = [];
    keep();
    tidy();
  };

  // ------------------------------------------------------------------ #wt-opt-out

  let dialog;

  const openChoice = () => {
    if (dialog) return;
    let decided; // stands in for what a browser without storage does not keep
    const host = new URL(look().endpoint).host;
    const now = h('p', { class: 'now' });
    const done = h('div', { class: 'done', tabindex: '-1' });
    const facts = h('dl');
    t.facts.forEach(() => facts.append(h('dt'), h('dd')));
    const choose = button('', {}, (event) => {
      if (event.detail > 1) return; // the second half of a double click would undo the first
      const { anonymousId } = look();
      const allow = !observes(kind());
      const calls = window.warmtrail;
      if (calls.consent) calls.consent(allow);
      else calls.push(['consent', allow]);
      decided = allow ? 'on' : 'refused';
      refresh();
      const worked = allow === observes(kind());
      done.replaceChildren(
        ...[
          worked ? (allow ? t.allowed : t.stopped) : t.trouble,
          worked && !allow && anonymousId && t.earlier(anonymousId),
          worked && !storable() && t.fleeting,
        ]
          .filter(Boolean)
          .map((text) => h('p', {}, text))
      );
      done.focus();
    });
    const kind = () => {
      const { why } = look();
      if (why === 'keyless') return 'absent';
      return decided && !storable() && /on|cookieless|unasked/.test(why) ? decided : why;
    };
    const refresh = safely(() => {
      const seen = observes(kind());
      now.dataset.tone = seen ? 'sent' : 'none';
      put(now, say(t.now[kind()], look().honoured));
      put(choose, seen ? t.stop : t.allow);
      choose.hidden = /signal|local|absent/.test(kind());
      choose.className = seen && !decided ? 'main' : '';
      const words = [].concat(...t.facts).map((text) => say(text, seen, kind() === 'cookieless', host));
      words.forEach((text, i) => put(facts.children[i], text));
    });

    const title = h('h1', { id: 'choice', tabindex: '-1', autofocus: '' }, t.title(location.hostname || location.protocol));
    const close = button(t.close, {}, () => dialog.close());
    const buttons = h('div', { class: 'choice' }, choose, close);
    dialog = h('dialog', { 'aria-labelledby': 'choice', closedby: 'any' }, title, now, done, facts, buttons);
    refresh();
    const timer = setInterval(refresh, 1e3);
    dialog.addEventListener(
      'close',
      safely(() => {
        clearInterval(timer);
        dialog.remove();
        dialog = 0;
        tidy();
      })
    );
    stage().append(dialog);
    dialog.showModal();
  };

  // ------------------------------------------------------------------ start

  const open = safely(() => {
    if (/^#wt-debug/.test(location.hash)) openDebug();
    if (/^#wt-opt-out/.test(location.hash)) openChoice();
  });

  Object.defineProperty(window, MARK, { value: open });
  addEventListener('hashchange', open);
  open();
})();
