"""What ``doctor --page`` says of a page, in both languages: what is found, and what to do about it."""

from __future__ import annotations

from typing import Final

from scorer.core.findings import NOTHING, Texts
from scorer.core.labels import Label

CONSENT: Final = {
    "not-required": Label(
        "Everybody is counted, but for those whose browser asks not to be.", "统计所有访客，浏览器要求不被跟踪的除外。"
    ),
    "required": Label("Nothing is sent or stored before the visitor agrees.", "访客同意之前，不发送也不存储任何数据。"),
    "cookieless": Label(
        "Nothing is stored in the browser before the visitor agrees; until then, visits of one day hang together.",
        "访客同意之前，浏览器中不存储任何数据；在此之前，同一天的访问仍可关联。",
    ),
}
"""Consent modes, and what each means."""

PAGE_VIEW: Final = Label("page view", "页面浏览")
NO_ANSWER_LIKE_A_COLLECTOR: Final = Label("answers {status}, not as a collector does", "应答 {status}，不像采集器")
ANSWERS: Final = Label("answers {status}", "应答 {status}")
AND: Final = Label(" and ", "和")
NOT_FROZEN: Final = Label(
    ". A file that is not frozen by its version changes with settings and releases.",
    "。未按版本固定的文件会随设置和发布而变化。",
)
LINKS_TAG: Final = Label("the tag of snippet-links.js", "snippet-links.js 的标签")
DURATIONS: Final = {
    "days": Label("{n} days", "{n} 天"),
    "h": Label("{n} h", "{n} 小时"),
    "min": Label("{n} min", "{n} 分钟"),
    "s": Label("{n} s", "{n} 秒"),
}

_LOOK = "open the page in a browser with #wt-debug at the end of its address."
_LOOK_ZH = "请在浏览器中打开该页面，并在网址末尾加上 #wt-debug。"

FOUND: Final[Texts] = {
    "page unreadable": (
        Label("{url} can't be read: {error}", "无法读取 {url}：{error}"),
        Label("Is the address right? Does it open in a browser?", "网址正确吗？能在浏览器中打开吗？"),
    ),
    "page refused": (
        Label("{url} answers {status}.", "{url} 应答 {status}。"),
        Label("Name a page that opens in a browser without a login.", "请给出无需登录即可在浏览器中打开的页面。"),
    ),
    "page read": (Label("{url} can be read.", "可以读取 {url}。"), NOTHING),
    "tags differ": (
        Label(
            "The page has {count} tags of the snippet, with different keys.",
            "页面中有 {count} 个代码片段标签，密钥各不相同。",
        ),
        Label(
            "Keep one tag: the first that loads works, the others stand idle, and which is first may change.",
            "请只保留一个标签：最先加载的生效，其余闲置，而哪个最先加载可能会变。",
        ),
    ),
    "tags repeated": (
        Label("The page has {count} tags of the snippet.", "页面中有 {count} 个代码片段标签。"),
        Label("Remove all but one; those that load later stand idle.", "请只保留一个；之后加载的都会闲置。"),
    ),
    "no tag": (
        Label("The page's text has no script tag of the snippet.", "页面文本中没有代码片段的 script 标签。"),
        Label(
            "Put it before </head>: warmtrail site show NAME prints it. If a script of the page inserts it, " + _LOOK,
            "请将它放在 </head> 之前：warmtrail site show 站点名 会打印出来。如果由页面中的脚本插入，" + _LOOK_ZH,
        ),
    ),
    "no tag, but managers": (
        Label("The page's text has no script tag of the snippet.", "页面文本中没有代码片段的 script 标签。"),
        Label(
            "{managers} may insert it, which can't be seen from here: " + _LOOK,
            "可能由 {managers} 插入，从这里看不到：" + _LOOK_ZH,
        ),
    ),
    "a module": (
        Label(
            'The tag has type="module": the snippet can\'t find its settings.',
            '标签带有 type="module"：代码片段找不到自己的设置。',
        ),
        Label("Remove the type.", "请去掉 type。"),
    ),
    "another type": (
        Label(
            'The tag has type="{kind}": browsers don\'t run it as it stands.',
            '标签带有 type="{kind}"：浏览器不会直接运行它。',
        ),
        Label(
            "Right if a consent banner changes the type once the visitor agrees; else remove it.",
            "如果访客同意后由同意横幅更改 type，则没有问题；否则请去掉。",
        ),
    ),
    "http in https": (
        Label("{src} is http in a page that is https: browsers block it.", "https 页面中的 {src} 是 http：浏览器会拦截。"),
        Label("Write https.", "请改为 https。"),
    ),
    "script missing": (
        Label("The script can't be loaded: {src}: {found}.", "无法加载脚本：{src}：{found}。"),
        Label("Correct the address, or the proxy there.", "请更正地址，或检查该处的代理。"),
    ),
    "another script": (
        Label("{src} is another file than the snippet.", "{src} 不是代码片段文件。"),
        Label(
            "Correct the address, or let the proxy pass it on to the service.", "请更正地址，或让代理将请求转发给本服务。"
        ),
    ),
    "script of another version": (
        Label("The script loads: version {served}.", "脚本可以加载：版本 {served}。"),
        Label(
            "This service has {version}. Fine if the page pins it; else some cache or proxy keeps an old file.",
            "本服务的版本是 {version}。如果页面固定了版本则没有问题；否则是某个缓存或代理保留了旧文件。",
        ),
    ),
    "script loads": (Label("The script loads: version {served}.", "脚本可以加载：版本 {served}。"), NOTHING),
    "hash of no kind": (
        Label(
            "The tag's integrity hash is of no known kind: browsers ignore it.",
            "标签的完整性哈希属于未知种类：浏览器会忽略它。",
        ),
        Label("Copy it from: warmtrail site show NAME", "请从此处复制：warmtrail site show 站点名"),
    ),
    "hash without crossorigin": (
        Label(
            "The tag has an integrity hash without crossorigin: browsers block the script.",
            "标签有完整性哈希而没有 crossorigin：浏览器会拦截脚本。",
        ),
        Label('Add crossorigin="anonymous".', '请加上 crossorigin="anonymous"。'),
    ),
    "origin not allowed by script": (
        Label(
            "The script's answer doesn't allow the page's origin, as crossorigin demands.",
            "脚本的应答没有按 crossorigin 的要求允许页面的来源。",
        ),
        Label(
            "The service sends Access-Control-Allow-Origin: *; some proxy takes it away.",
            "本服务会发送 Access-Control-Allow-Origin: *；是某个代理去掉了它。",
        ),
    ),
    "hash wrong": (
        Label(
            "The integrity hash is not that of the file served: browsers block the script.",
            "完整性哈希与所提供的文件不符：浏览器会拦截脚本。",
        ),
        Label(
            "Copy the pinned form from: warmtrail site show NAME{more}",
            "请从此处复制固定版本的标签：warmtrail site show 站点名{more}",
        ),
    ),
    "hash fits for now": (
        Label(
            "The integrity hash fits, but this file changes with settings and releases.",
            "完整性哈希相符，但此文件会随设置和发布而变化。",
        ),
        Label(
            "Pin snippet-<version>.js instead: warmtrail site show NAME",
            "请改用固定版本的 snippet-<版本>.js：warmtrail site show 站点名",
        ),
    ),
    "hash fits": (Label("The integrity hash fits the file served.", "完整性哈希与所提供的文件相符。"), NOTHING),
    "no key": (
        Label("The tag has no write key: nothing is sent.", "标签没有写入密钥：不会发送任何数据。"),
        Label(
            'Add data-key="wk_…"; warmtrail site show NAME prints the whole tag.',
            '请加上 data-key="wk_…"；warmtrail site show 站点名 会打印完整标签。',
        ),
    ),
    "secret key": (
        Label("The tag holds a server key, which is secret.", "标签中是服务器密钥，而它是保密的。"),
        Label(
            "Take it out at once and put the write key (wk_…) there. Whoever has read it can send events in your name.",
            "请立即取出，换成写入密钥（wk_…）。看到过它的人都能以您的名义发送事件。",
        ),
    ),
    "unknown key": (
        Label("No site has the tag's write key {key!r}.", "没有站点使用标签中的写入密钥 {key!r}。"),
        Label(
            "warmtrail site list shows the keys that are known. A copied key is easily cut off.",
            "warmtrail site list 会列出已知的密钥。复制密钥时容易漏掉一部分。",
        ),
    ),
    "another site's key": (
        Label("The tag's write key belongs to site {site!r}.", "标签中的写入密钥属于站点 {site!r}。"),
        Label(
            "Put the tag of site {wanted!r} there: warmtrail site show {wanted!r}",
            "请放置站点 {wanted!r} 的标签：warmtrail site show {wanted!r}",
        ),
    ),
    "key known": (
        Label("The tag's write key belongs to site {site!r}.", "标签中的写入密钥属于站点 {site!r}。"),
        NOTHING,
    ),
    "no policy": (
        Label("No Content-Security-Policy stands in the way.", "没有 Content-Security-Policy 阻碍。"),
        NOTHING,
    ),
    "policy stops script by address": (
        Label(
            "The Content-Security-Policy keeps the script from loading: {policy}",
            "Content-Security-Policy 阻止脚本加载：{policy}",
        ),
        Label("Add {origin} to script-src.", "请将 {origin} 加入 script-src。"),
    ),
    "policy stops script without nonce": (
        Label(
            "The Content-Security-Policy keeps the script from loading: {policy}",
            "Content-Security-Policy 阻止脚本加载：{policy}",
        ),
        Label(
            "Give the tag the nonce of the page's other scripts; with 'strict-dynamic', addresses don't count.",
            "请给标签加上页面其他脚本的 nonce；使用 'strict-dynamic' 时，地址不起作用。",
        ),
    ),
    "policy silences": (
        Label(
            "The Content-Security-Policy keeps the snippet from sending: {policy}",
            "Content-Security-Policy 阻止代码片段发送数据：{policy}",
        ),
        Label("Add {origin} to connect-src.", "请将 {origin} 加入 connect-src。"),
    ),
    "policy allows": (
        Label(
            "The Content-Security-Policy lets the script load and send.", "Content-Security-Policy 允许脚本加载和发送数据。"
        ),
        NOTHING,
    ),
    "no collector": (
        Label("Events go nowhere: {endpoint}: {found}.", "事件无处可去：{endpoint}：{found}。"),
        Label(
            "Let the proxy pass this path on to the service, or correct data-host and data-path.",
            "请让代理将此路径转发给本服务，或更正 data-host 和 data-path。",
        ),
    ),
    "page on this machine": (
        Label("The page is on this machine, where the snippet does nothing.", "页面在本机上，代码片段在本机不起作用。"),
        Label("Add data-local to the tag while you try it there.", "在本机试用时，请给标签加上 data-local。"),
    ),
    "first-party": (
        Label(
            "{host} is first-party here: visitors can be known again for thirteen months.",
            "{host} 在此是第一方：十三个月内可以再次认出访客。",
        ),
        NOTHING,
    ),
    "third-party": (
        Label("{host} is another site than the page's.", "{host} 与页面不属于同一网站。"),
        Label(
            "Give the service a name of the page's own domain: content blockers stop fewer such requests, and Safari"
            " may then keep the visitor's id for longer than seven days.",
            "请为本服务配置页面自身域名下的名称：内容拦截器对这类请求拦截较少，Safari 也可将访客编号保留超过七天。",
        ),
    ),
    "any origin": (
        Label("The site takes events from pages of any origin.", "站点接收来自任何来源页面的事件。"),
        Label("warmtrail site set {site!r} origins={origins}", "warmtrail site set {site!r} origins={origins}"),
    ),
    "origin known": (
        Label("The page's origin {origin} is one of the site's.", "页面的来源 {origin} 属于该站点。"),
        NOTHING,
    ),
    "origin unknown": (
        Label(
            "The page's origin {origin} is none of the site's: its events are refused.",
            "页面的来源 {origin} 不属于该站点：其事件会被拒绝。",
        ),
        Label("warmtrail site set {site!r} origins={origins}", "warmtrail site set {site!r} origins={origins}"),
    ),
    "no such consent": (
        Label("There is no consent mode {consent!r}.", "没有同意模式 {consent!r}。"),
        Label("Write one of {modes}.", "请写 {modes} 之一。"),
    ),
    "consent awaited": (
        Label("Consent: {means}", "同意模式：{means}"),
        Label(
            'See that the page\'s consent banner calls warmtrail.push(["consent", true]).',
            '请确认页面的同意横幅会调用 warmtrail.push(["consent", true])。',
        ),
    ),
    "consent": (Label("Consent: {means}", "同意模式：{means}"), NOTHING),
    "attribute wins": (
        Label(
            "The site's setting {name}={value} does not reach this tag: data-{name} wins.",
            "站点设置 {name}={value} 对此标签不起作用：以 data-{name} 为准。",
        ),
        Label("Remove the attribute if the site's setting shall count.", "如果要以站点设置为准，请去掉该属性。"),
    ),
    "setting does not arrive": (
        Label("The site's setting {name}={value} does not reach this tag.", "站点设置 {name}={value} 对此标签不起作用。"),
        Label(
            "Add {attribute}, or use the short form: warmtrail site show {site!r}",
            "请加上 {attribute}，或使用简短形式：warmtrail site show {site!r}",
        ),
    ),
    "nothing heard": (
        Label("Nothing of site {site!r} is stored yet.", "尚未存储站点 {site!r} 的任何数据。"),
        Label("Open the page in a browser, wait a few seconds, and ask again.", "请在浏览器中打开页面，等几秒后再查。"),
    ),
    "heard, but filtered": (
        Label(
            "We see site {site!r}: the last event ({event}) came {ago} ago; it was filtered as {label}.",
            "可以收到站点 {site!r} 的数据：最近的事件（{event}）在 {ago}前到达；它作为 {label} 被过滤。",
        ),
        Label("docs/events.md says what is filtered and why.", "docs/events.md 说明了过滤的内容和原因。"),
    ),
    "quiet": (
        Label(
            "Site {site!r} has been quiet: the last event ({event}) came {ago} ago.",
            "站点 {site!r} 已经沉默：最近的事件（{event}）在 {ago}前到达。",
        ),
        Label(
            "Look in the browser's network panel whether the snippet still loads and sends.",
            "请在浏览器的网络面板中查看代码片段是否仍在加载和发送数据。",
        ),
    ),
    "heard": (
        Label(
            "We see site {site!r}: the last event ({event}) came {ago} ago.",
            "可以收到站点 {site!r} 的数据：最近的事件（{event}）在 {ago}前到达。",
        ),
        NOTHING,
    ),
}
