// Placing and moving in the grid, by hand or by keys. The server decides; what it refuses goes back where it was.
//   by hand: draw in a day to place, drag to move, the lower edge to lengthen, « À placer » onto a day.
//   by keys: on a day, arrows then Enter; on an appointment or a thing to place, M then arrows (Shift: length), Enter or Escape.
const STEP = 5, SNAP = 15;
const grid = () => document.querySelector("[data-grid]");
const columns = () => [...document.querySelectorAll(".cal-day")];
const says = (text) => { const box = document.getElementById("agenda-says"); if (box) box.textContent = text; };
const two = (n) => String(n).padStart(2, "0");
const clock = (minute) => `${Math.floor(minute / 60)}\u00a0h${minute % 60 ? "\u00a0" + two(minute % 60) : ""}`;
const bounds = () => { const g = grid(); return { first: +g.dataset.first * 60, last: (+g.dataset.first + +g.dataset.hours) * 60 }; };
const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";
let held = null;

// { column, start, minutes } drawn over the grid; minutes of the day.
function draw() {
  const { first } = bounds();
  const top = Math.round((held.start - first) / STEP), rows = Math.max(1, Math.round(held.minutes / STEP));
  held.ghost.className = `cal-ghost at-h${Math.floor(top / 12)} at-m${top % 12} for-h${Math.floor(rows / 12)} for-m${rows % 12}`;
  held.ghost.textContent = `${clock(held.start)} – ${clock(held.start + held.minutes)}`;
  if (held.ghost.parentElement !== held.column) held.column.append(held.ghost);
}
function tell() {
  says(`${held.column.dataset.label}, ${clock(held.start)} – ${clock(held.start + held.minutes)}`);
}
function take(options) {
  leave();
  held = { ghost: document.createElement("div"), ...options };
  held.source?.classList.add("is-held");
  draw();
}
function leave() {
  if (!held) return;
  held.ghost.remove();
  held.source?.classList.remove("is-held");
  held = null;
  if (late) again();
}
function clamp() {
  const { first, last } = bounds();
  held.minutes = Math.min(Math.max(held.minutes, 5), last - first);
  held.start = Math.min(Math.max(held.start, first), last - held.minutes);
}
const again = () => { late = false; window.htmx.trigger("#agenda-body", "agenda-again"); };

// Somebody else's change waits while something is held; afterwards the focus is where it was.
let late = false, focused = null;
const name = (element) => (element?.dataset?.move || element?.dataset?.place || element?.dataset?.day || "").split("?")[0];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "agenda-body") return;
  if (held || press) {
    event.detail.shouldSwap = false;
    late = true;
  } else focused = document.activeElement?.closest("[data-move], [data-place], .cal-day");
});
document.addEventListener("htmx:afterSettle", () => {
  const wanted = name(focused);
  focused = null;
  if (!wanted || document.activeElement !== document.body) return;
  [...document.querySelectorAll(".desk-only [data-move], .desk-only [data-place], .cal-day")].find((e) => name(e) === wanted)?.focus();
});

async function put() {
  const { source, column, start, minutes } = held;
  const on = column.dataset.day, at = `${two(Math.floor(start / 60))}:${two(start % 60)}`;
  const open = (url) => window.htmx.ajax("GET", url, { target: "#sheet" });
  if (!source) { leave(); return open(`${grid().dataset.new}?debut=${on}T${at}&minutes=${minutes}`); }
  if (source.dataset.repeats !== undefined) { leave(); return open(`${source.dataset.move}&debut=${on}T${at}&minutes=${minutes}`); }
  const body = new URLSearchParams({ on, at, minutes, csrfmiddlewaretoken: token() });
  const problem = document.getElementById("agenda-problem");
  let words = "";
  try {
    const answer = await fetch(source.dataset.move || source.dataset.place, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok) words = answer.status === 409 ? await answer.text() : problem.dataset.failed;
    if (answer.status === 401) location.reload();
  } catch {
    document.dispatchEvent(new CustomEvent("cercle:say", { detail: navigator.onLine ? "failed" : "offline" }));
  }
  leave();
  problem.hidden = !words;
  problem.textContent = words;
  if (!words) again();
}

// --- By hand
function minuteAt(column, y) {
  const box = column.getBoundingClientRect(), { first, last } = bounds();
  return first + ((y - box.top) / box.height) * (last - first);
}
const snap = (minute) => Math.round(minute / SNAP) * SNAP;
const columnAt = (x) => columns().find((c) => { const b = c.getBoundingClientRect(); return x >= b.left && x < b.right; });

let press = null;
document.addEventListener("pointerdown", (event) => {
  if (event.button || !grid() || event.pointerType === "touch") return;
  const block = event.target.closest("[data-move]"), item = event.target.closest("[data-place]"), column = event.target.closest(".cal-day");
  if (!block && !item && (!column || event.target.closest(".cal-event") || !grid().dataset.new)) return;
  press = { block, item, column, x: event.clientX, y: event.clientY, resize: event.target.hasAttribute("data-resize"), moved: false };
  if (block) {
    press.start = +block.dataset.start.slice(0, 2) * 60 + +block.dataset.start.slice(3);
    press.grip = minuteAt(block.parentElement, event.clientY) - press.start;
  }
});
document.addEventListener("pointermove", (event) => {
  if (!press) return;
  if (!press.moved) {
    if (Math.hypot(event.clientX - press.x, event.clientY - press.y) < 5) return;
    press.moved = true;
    const source = press.block || press.item;
    const home = press.block?.parentElement || press.column || columns()[0];
    take({
      source, column: home,
      start: press.block ? press.start : press.column ? Math.floor(minuteAt(home, press.y) / SNAP) * SNAP : bounds().first,
      minutes: source ? +source.dataset.minutes : 30,
    });
    document.body.classList.add("is-dragging");
  }
  event.preventDefault();
  const column = press.resize || !(press.block || press.item) ? held.column : columnAt(event.clientX) || held.column;
  const at = minuteAt(column, event.clientY);
  held.column = column;
  if (press.resize || !(press.block || press.item)) held.minutes = Math.max(SNAP, snap(at) - held.start);
  else held.start = snap(at - (press.block ? press.grip : 0));
  clamp();
  draw();
}, { passive: false });
document.addEventListener("pointerup", (event) => {
  const was = press;
  press = null;
  document.body.classList.remove("is-dragging");
  if (!was) return;
  if (was.moved) {
    // The click that follows a drag opens nothing.
    const swallow = (e) => { e.preventDefault(); e.stopImmediatePropagation(); };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }), 50);
    if (was.item && !columnAt(event.clientX)) return leave();
    put();
  } else if (was.column && !was.block && !was.item) {
    take({ column: was.column, start: Math.floor(minuteAt(was.column, was.y) / 30) * 30, minutes: 60 });
    clamp();
    put();
  }
});
document.addEventListener("pointercancel", () => { press = null; leave(); });
document.addEventListener("dragstart", (event) => event.target.closest?.("[data-move], [data-place]") && event.preventDefault());

// --- By keys
const ARROWS = { ArrowUp: [0, -SNAP], ArrowDown: [0, SNAP], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
document.addEventListener("keydown", (event) => {
  if (!grid() || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const on = document.activeElement;
  if (held && event.key === "Escape") { event.preventDefault(); leave(); return says(""); }
  if (held && event.key === "Enter") { event.preventDefault(); event.stopPropagation(); return void put(); }
  const arrow = ARROWS[event.key];
  if (arrow && (held || on.classList.contains("cal-day"))) {
    event.preventDefault();
    if (!held) { take({ column: on, start: Math.max(bounds().first, 9 * 60), minutes: 60 }); return tell(); }
    const all = columns(), [days, minutes] = arrow;
    if (event.shiftKey) held.minutes += minutes;
    else {
      held.start += minutes;
      held.column = all[Math.min(Math.max(all.indexOf(held.column) + days, 0), all.length - 1)];
    }
    clamp();
    draw();
    held.ghost.scrollIntoView({ block: "nearest" });
    return tell();
  }
  if (event.key === "Enter" && on.classList.contains("cal-day")) {
    event.preventDefault();
    take({ column: on, start: Math.max(bounds().first, 9 * 60), minutes: 60 });
    return void put();
  }
  if (event.key.toLowerCase() === "m" && on.matches("[data-move]")) {
    take({ source: on, column: on.parentElement, start: +on.dataset.start.slice(0, 2) * 60 + +on.dataset.start.slice(3), minutes: +on.dataset.minutes });
    return tell();
  }
  if (event.key.toLowerCase() === "m" && on.matches("[data-place]")) {
    const today = document.querySelector(".cal-day.today") || columns()[0];
    take({ source: on, column: today, start: Math.max(bounds().first, 9 * 60), minutes: +on.dataset.minutes });
    clamp();
    return tell();
  }
  if (!held && !event.shiftKey && event.key.length === 1) {
    const link = document.querySelector(`.agenda-head [data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (link && on === document.body) { event.preventDefault(); link.click(); }
  }
}, true);

// Apple's phones have no geo: links; theirs are maps:.
if (/iPhone|iPad|Macintosh/.test(navigator.userAgent)) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-map]");
    if (link) link.href = link.href.replace(/^geo:0,0/, "maps:");
  }, true);
}

// Ticking an agenda shows it at once.
document.addEventListener("change", (event) => event.target.matches("[data-sends]") && event.target.form.requestSubmit());
