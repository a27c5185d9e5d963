// <form data-draft="/…/draft/">: what is typed is kept on the server, and said so. Nothing typed is ever cleared here.
// The state is written in the form's [data-draft-state] (words in its data-*: kept, keeping, offline, refused).
const timers = new WeakMap();

function state(form, key, at = "") {
  const place = form.querySelector("[data-draft-state]");
  if (!place) return;
  const failed = key === "offline" || key === "refused";
  place.classList.toggle("failed", failed);
  place.querySelector("[data-words]").textContent = (place.dataset[key] || "") + (at ? ` ${at}` : "");
  place.hidden = false;
}

function clock() {
  const now = new Date();
  return `${now.getHours()}\u00a0h\u00a0${String(now.getMinutes()).padStart(2, "0")}`;
}

function words(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
  return data;
}

async function keep(form, last = false) {
  clearTimeout(timers.get(form));
  if (form.dataset.leaving) return;
  const data = words(form);
  const text = JSON.stringify([...data].filter(([name]) => name !== "csrfmiddlewaretoken"));
  if (form.dataset.kept === text) return;
  const csrf = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
  try {
    const answer = await fetch(form.dataset.draft, {
      method: "POST", body: data, keepalive: last, redirect: "manual",
      headers: { "X-CSRFToken": csrf, "X-Requested-With": "fetch", Accept: "application/json" },
    });
    if (answer.ok) {
      form.dataset.kept = text;
      delete form.dataset.unsaved;
      return state(form, "kept", clock());
    }
    state(form, answer.status >= 500 ? "offline" : "refused");
    if (answer.status >= 500) later(form, 10000);
  } catch {
    state(form, "offline");
    later(form, 10000);
  }
}

function later(form, delay = 900) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), delay));
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form || event.target.type === "file") return;
  form.dataset.unsaved = "1";
  later(form);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (form && event.target.type !== "file") later(form, 300);
});
// Sending: no draft must arrive after the note; if sending fails the draft goes on.
for (const name of ["submit", "htmx:beforeRequest"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (!form) return;
    clearTimeout(timers.get(form));
    form.dataset.leaving = "1";
  });
}
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form[data-draft]");
  if (!form) return;
  delete form.dataset.leaving;
  if (event.detail.successful) delete form.dataset.unsaved;
  else { form.dataset.unsaved = "1"; delete form.dataset.kept; later(form, 2000); }
});
addEventListener("online", () => document.querySelectorAll("form[data-draft][data-unsaved]").forEach((form) => keep(form)));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) document.querySelectorAll("form[data-draft][data-unsaved]").forEach((form) => keep(form, true));
});
