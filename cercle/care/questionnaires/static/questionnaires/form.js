// Forms: shows what is asked now (enableWhen, by the same rules as conditions.py), and small comforts of filling in.
// Computed fields and scores come from the server. Without this script every question is shown, and the server decides.
const sheet = document.querySelector("[data-questionnaire]");
const items = () => [...sheet.querySelectorAll("[data-q]")];
const placeOf = (el) => (el.dataset.at ? el.dataset.at.split(" ").map(Number) : []);
const loopsOf = (el) => (el.dataset.loops ? JSON.parse(el.dataset.loops) : []);
const number = (text) => {
  const plain = String(text).replace(/[\s\u00a0]/g, "").replace(",", ".");
  return /^[+-]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
};

// Answers of one question as it stands in the page: texts of its own fields, not of questions under it.
function answers(el) {
  const found = [];
  const { type, single } = el.dataset;
  for (const field of el.querySelectorAll("input, select, textarea")) {
    if (field.closest("[data-q]") !== el || !field.name.startsWith("q-") || field.name.endsWith(".unit")) continue;
    if ((field.type === "radio" || field.type === "checkbox") && !field.checked) continue;
    if (field.type === "file" || !field.value.trim() || !readable(el, field.value)) continue;
    found.push({ text: plain(field, type), unit: unit(el), other: field.name.endsWith(".other") });
  }
  const output = el.querySelector(":scope > .q-computed > output");
  if (output?.dataset.value) found.push(...JSON.parse(output.dataset.value).map((text) => ({ text, unit: unit(el) })));
  return single === undefined ? found : found.slice(-1); // free words win over the answer ticked before
}

// As the server reads it: spaces of a line, days and hours in their long form.
function plain(field, type) {
  if (field.tagName === "TEXTAREA") return field.value;
  const text = field.value.replace(/\s+/g, " ").trim();
  if (field.hasAttribute("list")) return text.includes("|") ? text : text.replace(/^.*\(([^()]+)\)$/, "$1");
  const day = type === "date" && /^(\d{1,2})[/. ](\d{1,2})[/. ](\d{4})$/.exec(text);
  if (day) return `${day[3]}-${day[2].padStart(2, "0")}-${day[1].padStart(2, "0")}`;
  return (type === "time" && text.length === 5) || (type === "dateTime" && text.length === 16) ? `${text}:00` : text;
}

// A number that the server could not read, or out of its bounds, is no answer.
function readable(el, text) {
  const { type: kind, least, most } = el.dataset;
  if (!["integer", "decimal", "quantity"].includes(kind)) return true;
  const value = number(text);
  if (value === null || (kind === "integer" && (!Number.isInteger(value) || Math.abs(value) > 2147483647))) return false;
  return (least === undefined || value >= Number(least)) && (most === undefined || value <= Number(most));
}

// Code and words of the unit: a condition may name it by either.
function unit(el) {
  const chosen = el.querySelector("select[name$='.unit']");
  if (chosen) return [chosen.value.split("|").pop(), chosen.selectedOptions[0]?.textContent.trim()];
  const typed = el.querySelector("input[name$='.unit']");
  if (typed) return [typed.value.trim()];
  const fixed = el.querySelector(".q-quantity .unit");
  return fixed ? [fixed.dataset.unit, fixed.textContent.trim()] : [];
}

const sameUnit = (answer, wanted) => !wanted.u.length || wanted.u.some((one) => answer.unit.includes(one));

function equal(answer, wanted) {
  if (wanted !== null && typeof wanted === "object") {
    if ("n" in wanted) return number(answer.text) === wanted.n && sameUnit(answer, wanted);
    if (answer.other) return false; // words are no code
    const bar = answer.text.indexOf("|");
    if (bar < 0) return answer.text === wanted.c; // of a list that is searched: the code alone stands in the field
    return answer.text.slice(bar + 1) === wanted.c && (!wanted.s || answer.text.slice(0, bar) === wanted.s);
  }
  if (typeof wanted === "boolean") return answer.text === String(wanted);
  if (typeof wanted === "number") return number(answer.text) === wanted;
  return answer.text === wanted || (/^\d\d:\d\d$/.test(wanted) && answer.text === `${wanted}:00`);
}

function compare(answer, operator, wanted) {
  const quantity = wanted !== null && typeof wanted === "object";
  if (quantity && !sameUnit(answer, wanted)) return false;
  const target = quantity ? wanted.n : wanted;
  const [a, b] = typeof target === "number" ? [number(answer.text), target] : [answer.text, String(target)];
  if (a === null) return false;
  return operator === ">" ? a > b : operator === "<" ? a < b : operator === ">=" ? a >= b : a <= b;
}

function holds(rule, given) {
  if (rule.op === "exists") return given.length > 0 === (rule.a !== false);
  if (rule.op === "=") return given.some((one) => equal(one, rule.a));
  if (rule.op === "!=") return !given.some((one) => equal(one, rule.a));
  return given.some((one) => compare(one, rule.op, rule.a));
}

function showWhatIsAsked() {
  const all = items();
  const byLink = Map.groupBy ? Map.groupBy(all, (el) => el.dataset.q) : group(all);
  const hidden = new Set(JSON.parse(document.getElementById("form-off")?.dataset.off || "[]"));
  const known = new Map();
  const underWay = new Set();

  function enabled(el) {
    if (known.has(el)) return known.get(el);
    if (underWay.has(el)) return true; // a ring of conditions: asked
    underWay.add(el);
    let found = !hidden.has(["q-" + el.dataset.q, ...placeOf(el)].join("~"));
    const parent = el.parentElement.closest("[data-q]");
    if (found && parent) found = enabled(parent);
    if (found && el.dataset.when) {
      const { any, when } = JSON.parse(el.dataset.when);
      const results = when.map((rule) => holds(rule, given(rule.q, el)));
      found = any ? results.some(Boolean) : results.every(Boolean);
    }
    underWay.delete(el);
    known.set(el, found);
    return found;
  }

  function given(link, el) {
    const [mine, at] = [loopsOf(el), placeOf(el)];
    return (byLink.get(link) || []).flatMap((there) => {
      const theirs = loopsOf(there);
      const [here, place] = [mine, placeOf(there)];
      let shared = 0;
      while (shared < here.length && shared < theirs.length && here[shared] === theirs[shared]) shared += 1;
      const near = at.slice(0, shared).every((n, i) => n === place[i]);
      return near && enabled(there) ? answers(there) : [];
    });
  }

  for (const el of all) el.hidden = !enabled(el);
}

function group(all) {
  const found = new Map();
  for (const el of all) found.set(el.dataset.q, [...(found.get(el.dataset.q) || []), el]);
  return found;
}

// Small comforts
function clears(root = sheet) {
  for (const button of root.querySelectorAll("[data-clear]")) {
    button.hidden = !button.closest(".q-options").querySelector("input:checked");
  }
}

function changed(target) {
  target.dispatchEvent(new Event("input", { bubbles: true }));
  target.dispatchEvent(new Event("change", { bubbles: true }));
}

if (sheet) {
  sheet.addEventListener("change", (event) => {
    const box = event.target.closest(".q-options input[type=checkbox]");
    if (box?.checked) {
      for (const other of box.closest(".q-options").querySelectorAll("input[type=checkbox]")) {
        if (other !== box && ("alone" in box.dataset || "alone" in other.dataset)) other.checked = false;
      }
    }
    clears();
    showWhatIsAsked();
  });
  sheet.addEventListener("input", showWhatIsAsked);
  sheet.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear]");
    if (clear) {
      const options = clear.closest(".q-options");
      for (const one of options.querySelectorAll("input:checked")) one.checked = false;
      const first = options.querySelector("input");
      first.focus();
      changed(first);
    }
    const more = event.target.closest("[data-more]");
    if (more) {
      const last = more.previousElementSibling;
      const next = last.cloneNode();
      next.value = "";
      next.id = `${last.id}-n`;
      next.setAttribute("aria-label", more.closest(".field").querySelector(".form-label").textContent.trim());
      more.before(next);
      next.focus();
    }
  });
  // Enter in a field does not sign: it goes to the next one.
  sheet.closest("form").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.matches("textarea, button, [type=checkbox], [type=file]")) return;
    if (!event.target.closest("[data-questionnaire]")) return;
    event.preventDefault();
    const fields = [...sheet.querySelectorAll("input, select, textarea")].filter((f) => f.offsetParent && f.type !== "hidden");
    fields[fields.indexOf(event.target) + 1]?.focus();
  });
  sheet.closest("form").addEventListener("submit", (event) => {
    if (event.target.classList.contains("q-preview")) event.preventDefault(); // a preview keeps nothing
  });
  document.addEventListener("htmx:afterSettle", showWhatIsAsked);
  // Scores and files travel by themselves: to draft.js a request inside the form would mean that the form has left.
  for (const part of [sheet, document.querySelector(".q-live")]) {
    for (const name of ["htmx:beforeRequest", "htmx:afterRequest"]) part?.addEventListener(name, (event) => event.stopPropagation());
  }
  sheet.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.closest(".q-kept")) sheet.dispatchEvent(new Event("change", { bubbles: true })); // a file has come: keep it
  });
  clears();
  showWhatIsAsked();
}
