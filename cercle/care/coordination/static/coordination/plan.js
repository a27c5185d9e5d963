// The plan's editor: what is typed is kept field by field (form[data-keep], with what one had before one in was_<field>), the
// page at the right is drawn again, and what somebody else writes meanwhile comes in without touching what one is writing.
const root = document.querySelector("[data-plan]");
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
const timers = new WeakMap(), running = new WeakMap();

function state(key, at = "") {
  const place = document.querySelector("[data-plan-state]");
  if (!place) return;
  place.classList.toggle("failed", key === "offline" || key === "refused");
  place.querySelector("[data-words]").textContent = (place.dataset[key] || key) + (at ? ` ${at}` : "");
}

const was = (form, name) => form.elements[`was_${name}`];
const fields = (form) => [...form.elements].filter((f) => f.name.startsWith("was_")).map((f) => f.name.slice(4));
function value(form, name) {
  const field = form.elements[name];
  return field.type === "checkbox" ? (field.checked ? field.value : "") : field.value;
}
function put(form, name, text) {
  const field = form.elements[name];
  if (field.type === "checkbox") field.checked = Boolean(text);
  else field.value = text;
}
const clean = (text) => text.replace(/\r\n/g, "\n").trim();
const dirty = (form, name) => clean(value(form, name)) !== clean(was(form, name).value);

function later(form, delay) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), delay));
}

async function keep(form, last = false) {
  clearTimeout(timers.get(form));
  if (running.get(form)) return later(form, 200);
  if (!fields(form).some((name) => dirty(form, name))) return void delete form.dataset.unsaved;
  const sent = Object.fromEntries(fields(form).map((name) => [name, value(form, name)]));
  running.set(form, true);
  state("keeping");
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new FormData(form), redirect: "manual", keepalive: last,
      headers: { "X-CSRFToken": csrf(), "X-Requested-With": "fetch", Accept: "application/json" },
    });
    if (!answer.headers.get("Content-Type")?.includes("json")) throw new Error(answer.status);
    const said = await answer.json();
    if (said.refused) return state(said.refused.length > 60 ? said.refused : "refused"), root.dispatchEvent(new CustomEvent("refused", { detail: said.refused }));
    const clashing = new Set(said.clashes.map((c) => c.field));
    for (const [name, kept] of Object.entries(said.values)) {
      if (clashing.has(name) || !form.elements[name]) continue;
      was(form, name).value = kept;
      if (value(form, name) === sent[name] && document.activeElement !== form.elements[name]) put(form, name, kept);
    }
    said.clashes.forEach((c) => clash(form, c.field, c.theirs, c.words));
    if (!fields(form).some((name) => dirty(form, name) && !clashing.has(name))) delete form.dataset.unsaved;
    state("kept", said.at);
    draw();
  } catch {
    state("offline");
    later(form, 8000);
  } finally {
    running.delete(form);
  }
}

// Two wrote in one field: both texts stand there until one of them says which stays.
function clash(form, name, theirs, words) {
  const field = form.elements[name];
  field.parentElement.querySelector(".plan-clash")?.remove();
  const box = document.getElementById("plan-clash").content.firstElementChild.cloneNode(true);
  box.querySelector("[data-words]").textContent = words;
  box.querySelector("[data-theirs]").textContent = theirs;
  box.querySelector("[data-mine]").onclick = () => { was(form, name).value = theirs; box.remove(); keep(form); };
  box.querySelector("[data-other]").onclick = () => { was(form, name).value = theirs; put(form, name, theirs); box.remove(); delete form.dataset.unsaved; };
  field.after(box);
}

for (const [name, delay] of [["input", 450], ["change", 60]]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest("form[data-keep]");
    if (!form) return;
    form.dataset.unsaved = "1";
    later(form, delay);
  });
}
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-keep]");
  if (!form || event.submitter?.hasAttribute("data-leaves")) return;
  event.preventDefault();
  keep(form);
});
addEventListener("online", () => document.querySelectorAll("form[data-keep]").forEach((form) => keep(form)));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) document.querySelectorAll("form[data-keep][data-unsaved]").forEach((form) => keep(form, true));
});

// On a phone the parts are a strip: the one that is open is brought into sight, without moving the page.
const strip = document.querySelector(".plan-parts ol"), here = strip?.querySelector("[aria-current]");
if (here) strip.scrollLeft = here.offsetLeft - 16;

// The page at the right.
const preview = document.querySelector("[data-preview]");
let at = 1, pages = 1, drawn = "", asking = 0;
async function draw() {
  if (!preview) return;
  const mine = ++asking;
  const kind = preview.querySelector("[data-preview-kind]").value;
  const query = `kind=${kind}&goal=${preview.dataset.goal || ""}`;
  try {
    const answer = await fetch(`${preview.dataset.preview}?${query}`, { headers: { Accept: "application/json" }, redirect: "manual" });
    if (!answer.ok || mine !== asking) return;
    const said = await answer.json();
    pages = said.pages;
    at = Math.min(Math.max(at, 1), pages);
    preview.querySelector("[data-preview-words]").textContent = preview.dataset.words.replace("#", at).replace("%", pages);
    const name = `${said.name}-${at}`;
    if (name === drawn) return;
    const next = new Image();
    next.src = `${preview.dataset.preview}${at}.png?${query}&v=${said.name}`;
    await next.decode();
    if (mine !== asking) return;
    preview.querySelector("[data-preview-page]").src = next.src;
    drawn = name;
    preview.dataset.drawn = name;
  } catch { /* the last page stays; the next keystroke asks again */ }
}
preview?.querySelector("[data-preview-kind]").addEventListener("change", () => { at = 1; draw(); });
preview?.querySelectorAll("[data-preview-turn]").forEach((button) => button.addEventListener("click", () => { at += Number(button.dataset.previewTurn); draw(); }));
draw();

// Somebody else changed something: ask for this very page again, take in what one is not writing, tell the rest.
document.addEventListener("live", async (event) => {
  if (!root || event.detail.topic !== root.dataset.topic) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const who = page.querySelector("[data-who]")?.dataset.who || "";
    let changed = false;
    document.querySelectorAll("form[data-keep]").forEach((form) => {
      const fresh = [...page.querySelectorAll("form[data-keep]")].find((f) => f.getAttribute("action") === form.getAttribute("action") && f.elements[`was_${fields(form)[0]}`]);
      if (!fresh) return;
      for (const name of fields(form)) {
        const now = was(fresh, name)?.value;
        if (now === undefined || clean(now) === clean(was(form, name).value) || running.get(form)) continue;
        if (clean(now) === clean(value(form, name))) { was(form, name).value = now; continue; }
        changed = true;
        if (dirty(form, name) || document.activeElement === form.elements[name]) { clash(form, name, now, `${who} :`); continue; }
        was(form, name).value = now;
        put(form, name, now);
      }
    });
    document.querySelectorAll("[data-fresh]").forEach((part) => {
      const fresh = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      if (!fresh || fresh.innerHTML === part.innerHTML || part.contains(document.activeElement)) return;
      part.replaceChildren(...fresh.childNodes);
      window.htmx?.process(part);
    });
    const told = document.querySelector("[data-plan-told]");
    if (changed && told) {
      const words = told.querySelector("[data-words]");
      words.textContent = `${who} ${words.dataset.said}`;
      told.hidden = false;
    }
    draw();
  } catch { /* live.js speaks of the network */ }
});
