// What every page has beyond what the server draws. Without it all can be read and all forms can be sent.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // ---- Times: relative ones go on, absolute ones are in the reader's zone.

  const words = JSON.parse(document.currentScript.dataset.words);
  const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

  // As ago() in scorer/core/phrases.py and ahead() in scorer/core/formats.py.
  function relative(at, now) {
    const past = at <= now;
    const passed = Math.abs(now - at);
    const say = (name, n) => words[`${past ? "past" : "ahead"}_${name}`].replace("{n}", n);
    if (passed < MINUTE) return say(past ? "now" : "soon");
    const [one, many, unit] = passed < HOUR ? ["minute", "minutes", MINUTE] : passed < 2 * DAY ? ["hour", "hours", HOUR] : ["days", "days", DAY];
    const n = Math.floor(passed / unit);
    return say(n === 1 ? one : many, n);
  }

  // As moment_text() in scorer/core/formats.py.
  function absolute(at, zone) {
    const chinese = root.lang.startsWith("zh");
    const options = { timeZone: zone, weekday: "short", year: "numeric", month: chinese ? "numeric" : "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const found = {};
    for (const { type, value } of new Intl.DateTimeFormat(chinese ? "zh-CN" : "en-GB", options).formatToParts(at)) found[type] = value;
    const { weekday, day, month, year, hour, minute } = found;
    return chinese ? `${year}年${month}月${day}日 ${weekday} ${hour}:${minute}` : `${weekday} ${day} ${month.slice(0, 3)} ${year}, ${hour}:${minute}`;
  }

  function refresh() {
    const now = Date.now();
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const text = relative(Date.parse(element.dateTime), now);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const correcting = !root.dataset.zone && zone && zone !== root.dataset.drawnIn;

  function correct(within) {
    for (const element of within.querySelectorAll("time")) {
      const text = absolute(Date.parse(element.dateTime), zone);
      if (element.hasAttribute("data-absolute")) element.textContent = text;
      else element.title = text;
    }
  }

  refresh();
  setInterval(refresh, 20_000);
  if (correcting) {
    // From the next page on the server knows it.
    document.cookie = `warmtrail_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
    correct(document);
  }
  document.addEventListener("htmx:after:swap", () => {
    refresh();
    if (correcting) correct(document);
  });

  // ---- Choices that are sent as soon as they are made.

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
  });
  // Empty parameters would make addresses that nobody wants to share.
  document.addEventListener("formdata", (event) => {
    if (event.target.method !== "get") return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  // ---- A key that leads to a field: <input data-key="/">. Keys can be switched off on the hot list.

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    if (localStorage.getItem("warmtrail_keys") === "off") return;
    const field = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (!field || !field.checkVisibility()) return;
    event.preventDefault();
    field.focus();
  });

  // ---- What is folded out over the page closes when one goes elsewhere: <details data-closes>.

  function closeOthers(target) {
    for (const one of document.querySelectorAll("details[data-closes][open]")) if (!one.contains(target)) one.open = false;
  }
  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details[data-closes][open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // ---- On a phone the tab that one is on may lie beyond the edge.

  for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
    const row = tab.closest("ul");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }

  // ---- Printing: <button data-prints hidden>.

  for (const button of document.querySelectorAll("[data-prints]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // ---- Dialogs, in browsers that don't know the attribute "command" yet.

  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button[commandfor]");
      const dialog = button && document.getElementById(button.getAttribute("commandfor"));
      if (!dialog) return;
      if (button.getAttribute("command") === "show-modal") dialog.showModal();
      else dialog.close();
    });
  }
  document.addEventListener("click", (event) => {
    // Beside a dialog is its backdrop, which belongs to it.
    if (event.target instanceof HTMLDialogElement) event.target.close();
  });

  // ---- Copying: <button data-copies="id of an element">.

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copies);
    // Without encryption browsers have no clipboard for pages: then the text is chosen, to be copied by hand.
    if (!navigator.clipboard) {
      getSelection().selectAllChildren(source);
      return;
    }
    await navigator.clipboard.writeText(source.textContent);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 2000);
  });

  // ---- What has happened is said for a while, longer while somebody points at it.

  function passing(element) {
    let timer = setTimeout(() => element.remove(), 8000);
    element.addEventListener("pointerenter", () => clearTimeout(timer));
    element.addEventListener("pointerleave", () => { timer = setTimeout(() => element.remove(), 3000); });
  }
  const toasts = document.getElementById("toasts");
  if (toasts) {
    toasts.querySelectorAll(".toast").forEach(passing);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof Element) passing(node);
    }).observe(toasts, { childList: true });
  }
})();
