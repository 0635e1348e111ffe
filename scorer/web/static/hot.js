// The hot list while it stands: kept up to date, moved about in by keys, and leads claimed, put off and decided on in place.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const list = () => document.getElementById("hot-list");
  const rows = () => [...document.querySelectorAll("#hot-list tbody tr[id]")];
  const boxes = () => [...document.querySelectorAll('#hot-list tbody input[name="lead"]')];
  const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);

  // ---- Up to date: asked for every two seconds while somebody looks, told "304" as long as nothing has changed.

  let asking = false;

  async function refresh() {
    if (asking || document.hidden) return;
    asking = true;
    const before = new Map(rows().map((row) => [row.id, Number(row.dataset.score)]));
    const focused = document.activeElement?.id;
    const tag = list().dataset.tag;
    await htmx.ajax("GET", list().dataset.from, { source: list(), target: list(), swap: "outerMorph" });
    asking = false;
    if (list().dataset.tag === tag) return;
    // What was focused may have been moved, which some browsers take for leaving it.
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
    for (const row of rows()) {
      const score = before.get(row.id);
      if (before.size && (score === undefined || Number(row.dataset.score) > score)) row.classList.add("has-risen");
    }
    count();
  }

  function live(isLive) {
    document.querySelector(".live-on").hidden = !isLive;
    document.querySelector(".live-off").hidden = isLive;
  }

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const tag = ctx.sourceElement.dataset.tag;
    if (tag) ctx.request.headers["If-None-Match"] = tag;
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail, failed = ctx.response.status >= 500;
    live(!failed);
    // Nobody wants to be told every two seconds.
    if (failed && ctx.sourceElement === list()) event.preventDefault();
  });
  document.addEventListener("htmx:error", () => live(false));
  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);

  // ---- Doing something: forms are sent in place, dialogs are told for whom they ask.

  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    if (!form.matches("[data-acts]")) return;
    event.preventDefault();
    const values = button?.name ? { [button.name]: button.value } : {};
    form.closest("dialog")?.close();
    await htmx.ajax("POST", button?.getAttribute("formaction") ?? form.getAttribute("action"), { source: form, values, swap: "none" });
    if (form.id !== "one") for (const box of boxes()) box.checked = false;
    asking = false;
    await refresh();
    count();
  });

  function ask(question, leads) {
    const dialog = document.getElementById(question);
    if (!dialog || !leads.length) return;
    for (const form of dialog.querySelectorAll("form")) form.reset();
    for (const place of dialog.querySelectorAll("[data-leads]")) {
      place.replaceChildren(...leads.map((lead) => Object.assign(document.createElement("input"), { type: "hidden", name: "lead", value: lead })));
    }
    const names = leads.map((lead) => document.getElementById(lead)?.dataset.name ?? "");
    dialog.querySelector("[data-of]").textContent = names.slice(0, 3).join(", ") + (names.length > 3 ? ` +${names.length - 3}` : "");
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const asks = event.target.closest("[data-asks]");
    if (!asks || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    ask(asks.dataset.asks, asks.dataset.lead ? [asks.dataset.lead] : chosen());
  });

  // ---- Choosing several.

  function count() {
    const several = document.getElementById("several");
    if (!several) return;
    const number = chosen().length, all = document.querySelector("[data-all]");
    several.querySelector("[data-count]").textContent = number;
    several.classList.toggle("is-open", number > 0);
    if (all) {
      all.checked = number > 0 && number === boxes().length;
      all.indeterminate = number > 0 && number < boxes().length;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches("[data-keys]")) localStorage.setItem("warmtrail_keys", event.target.checked ? "on" : "off");
    count();
  });
  document.querySelector("[data-none]")?.addEventListener("click", () => {
    for (const box of boxes()) box.checked = false;
    count();
  });
  count();

  // ---- Keys. They can be switched off: some people speak to their browsers, and a word is many keys.

  const switched = document.querySelector("[data-keys]");
  switched.checked = localStorage.getItem("warmtrail_keys") !== "off";

  function move(by) {
    const all = rows(), at = all.findIndex((row) => row.contains(document.activeElement));
    const row = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    row?.querySelector(".hot-name").focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !switched.checked) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog[open]")) return;
    const row = rows().find((one) => one.contains(document.activeElement));
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (event.key === "x" && row) row.querySelector('input[name="lead"]')?.click();
    else if (row && ["c", "s", "o"].includes(event.key)) row.querySelector(`[data-does="${event.key}"]`)?.click();
    else return;
    event.preventDefault();
  });
})();
