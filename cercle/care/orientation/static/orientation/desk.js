// J and K move in the queue, Entrée opens, R answers, N a new request, Échap closes the drawer. Never while something is typed.
const typing = (e) => e.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open], details[open]") || e.ctrlKey || e.metaKey || e.altKey;
const items = () => [...document.querySelectorAll(".desk-list [data-desk-item]")];

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("#entry, dialog[open] form");
    if (form) { event.preventDefault(); form.requestSubmit(); }
    return;
  }
  if (typing(event)) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    const list = items();
    if (!list.length) return;
    let at = list.indexOf(document.activeElement);
    if (at < 0) at = list.findIndex((a) => a.hasAttribute("aria-current"));
    const next = at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + (key === "j" ? 1 : -1)));
    list[next].focus();
    list[next].closest("li").scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (key === "r") {
    document.querySelector("[data-desk-answer]")?.click();
  } else if (key === "n") {
    document.querySelector("[data-desk-new]")?.click();
  } else if (key === "escape") {
    document.querySelector("[data-desk-close]")?.click();
  }
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-desk-all]")) return;
  event.target.closest("form").querySelectorAll("[name=ids]").forEach((box) => { box.checked = event.target.checked; });
});

// A colleague moved a request: the part is fetched again; where one was, what one had chosen and opened stays.
// (What is typed in a form goes over by live.js.)
const SCROLLS = ".desk-queue, .desk-work, .desk-drawer-body";
let kept = null;
document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  if (!target.matches?.(".desk-live, .desk-drawer")) return;
  const here = target.contains(document.activeElement) ? document.activeElement : null;
  kept = {
    scrolls: [...target.querySelectorAll(SCROLLS)].map((e) => e.scrollTop),
    chosen: [...target.querySelectorAll("[name=ids]:checked")].map((box) => box.value),
    to: target.querySelector("#bulk-to")?.value,
    open: [...target.querySelectorAll("details[open][data-keep]")].map((e) => e.dataset.keep),
    focus: here?.dataset.deskItem ? `[data-desk-item="${here.dataset.deskItem}"]`
      : here?.dataset.deskCard ? `[data-desk-card="${here.dataset.deskCard}"]`
      : here?.getAttribute("href") ? `a[href="${CSS.escape(here.getAttribute("href"))}"]` : "",
  };
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (!kept || !target.matches?.(".desk-live, .desk-drawer")) return;
  target.querySelectorAll(SCROLLS).forEach((e, n) => { e.scrollTop = kept.scrolls[n] || 0; });
  for (const value of kept.chosen) {
    const box = target.querySelector(`[name=ids][value="${value}"]`);
    if (box) box.checked = true;
  }
  const to = target.querySelector("#bulk-to");
  if (to && kept.to) to.value = kept.to;
  for (const name of kept.open) target.querySelector(`details[data-keep="${name}"]`)?.setAttribute("open", "");
  if (kept.focus) target.querySelector(kept.focus)?.focus({ preventScroll: true });
  kept = null;
});
