// Open screens follow what happens. Only names travel ("circle:<id>"): whoever shows that thing asks again, through its gate.
//   <ul data-live="circle:…" hx-get="…" hx-trigger="live"> : fetched again when the name arrives.
// A browser has few connections a site: only the pages one sees hold a stream; a hidden one closes it and catches up later.
const HIDDEN_FOR = 20_000;
const meta = () => document.querySelector('meta[name="topics"]');
let source, wait = 1000, timer, ended = false, missed = false;

function tell(name) {
  document.dispatchEvent(new CustomEvent("live", { detail: { topic: name } }));
  document.querySelectorAll(`[data-live~="${CSS.escape(name)}"]`).forEach((element) => window.htmx?.trigger(element, "live"));
}

function catchUp() {
  const names = new Set();
  document.querySelectorAll("[data-live]").forEach((e) => e.dataset.live.split(/\s+/).forEach((n) => n && names.add(n)));
  names.forEach(tell);
}

// The server took the access away (sign-out, opposition, end of membership): the gate decides what is shown now.
function closed() {
  if (ended) return;
  ended = true;
  source?.close();
  if (!document.querySelector("form[data-unsaved]")) return location.reload();
  // Words are being written: what was read goes, what was typed stays.
  document.querySelectorAll("[data-live], [data-private]").forEach((element) => {
    if (!element.querySelector("form[data-unsaved]")) element.replaceChildren();
  });
  document.dispatchEvent(new CustomEvent("cercle:say", { detail: "gone" }));
}

// The signed list lives ten minutes; the page gets a new one from itself, through its gate.
async function renew() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.status >= 500) throw new Error(answer.status);
    if (!answer.ok) return closed();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    meta().content = page.querySelector('meta[name="topics"]')?.content || "";
    listen();
    catchUp();
  } catch {
    again(renew);
  }
}

function again(what) {
  clearTimeout(timer);
  timer = setTimeout(what, wait * (0.7 + Math.random() * 0.6));
  wait = Math.min(wait * 2, 60_000);
}

function listen() {
  clearTimeout(timer);
  source?.close();
  const token = meta()?.content;
  if (!token || ended) return;
  source = new EventSource("/events?topics=" + encodeURIComponent(token));
  source.onopen = () => {
    wait = 1000;
    if (missed) catchUp();
    missed = false;
  };
  source.addEventListener("changed", (event) => tell(event.data));
  source.addEventListener("resync", catchUp);
  source.addEventListener("closed", (event) => {
    source.close();
    if (event.data !== "crowded") closed();
  });
  source.onerror = () => {
    missed = true;
    // CONNECTING: the browser tries again by itself. CLOSED: the server refused this list.
    if (source.readyState === EventSource.CLOSED && !document.hidden) again(renew);
  };
}

// What is being typed inside a part that is fetched again (a reply in the timeline) goes over into the new part:
// words, focus, caret. A form is known by its draft's address, or its own.
const key = (form) => form.dataset.draft || form.getAttribute("action");
let typing = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  typing = [];
  if (!requestConfig?.elt?.closest?.("[data-live]")?.isSameNode(requestConfig.elt)) return;
  typing = [...target.querySelectorAll("form")]
    .filter((form) => key(form) && !form.dataset.leaving && (form.dataset.unsaved || form.contains(document.activeElement)))
    .map((form) => ({
      key: key(form), unsaved: form.dataset.unsaved, kept: form.dataset.kept,
      focus: form.contains(document.activeElement) ? document.activeElement.name : "",
      fields: [...form.elements].filter((f) => f.name && !["file", "hidden"].includes(f.type)).map((f) => [f.name, f.value, f.checked, f.selectionStart, f.selectionEnd]),
    }));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const old of typing.splice(0)) {
    const form = [...document.forms].find((one) => key(one) === old.key);
    if (!form) continue;
    if (old.unsaved) form.dataset.unsaved = old.unsaved;
    if (old.kept) form.dataset.kept = old.kept;
    for (let part = form; part && part !== document.body; part = part.parentElement) part.hidden = false;
    for (const [name, value, checked, start, end] of old.fields) {
      const field = [...form.elements].find((f) => f.name === name && (f.type !== "radio" && f.type !== "checkbox" || f.value === value));
      if (!field || field.type === "hidden") continue;
      if (field.type === "radio" || field.type === "checkbox") field.checked = checked;
      else field.value = value;
      if (name !== old.focus) continue;
      field.focus({ preventScroll: true });
      if (start !== null && start !== undefined) field.setSelectionRange(start, end);
    }
  }
});

let sleep;
document.addEventListener("visibilitychange", () => {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(() => { source?.close(); missed = true; }, HIDDEN_FOR);
  else if (source?.readyState === EventSource.CLOSED) listen();
});
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => event.persisted && ((missed = true), listen()));
// A fragment that is no longer ours to see.
document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr } = event.detail;
  if (elt.closest("[data-live]") === elt && [401, 403, 404].includes(xhr.status)) closed();
});
listen();
