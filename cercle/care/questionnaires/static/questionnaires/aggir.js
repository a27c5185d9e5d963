// The AGGIR grid: adverbs make the letter (table given by the server), each answer is kept and the result fetched again,
// and on a phone one question stands on the screen at a time.
const form = document.getElementById("aggir");
const rows = [...form.querySelectorAll("[data-aggir-row]")];
const questions = rows.filter((row) => row.matches("fieldset"));
const phone = matchMedia("(max-width: 767.98px)");
const boxes = (scope) => [...scope.querySelectorAll("input[type=checkbox]")];
const letterOf = (ticked) => (ticked === 0 ? "A" : ticked === 4 ? "C" : "B");

// --- One row -----------------------------------------------------------------------------------------------------------
function current(row) {
  return row.querySelector("input[type=radio]:checked")?.dataset.letter || "";
}

function show(row) {
  const letter = current(row);
  const any = boxes(row).some((box) => box.checked);
  for (const part of row.querySelectorAll("[data-aggir-part]")) {
    const ticked = boxes(part).filter((box) => box.checked).length;
    part.querySelector("[data-aggir-letter]").textContent = any ? letterOf(ticked) : "";
  }
  const was = row.querySelector(".aggir-was");
  const { was: before } = was.dataset;
  was.classList.toggle("worse", Boolean(letter && before && letter > before));
  was.classList.toggle("better", Boolean(letter && before && letter < before));
  const said = row.querySelector("[data-aggir-said]");
  said.querySelector("b").textContent = letter || "–";
  said.querySelector("strong").textContent = said.dataset[letter.toLowerCase() || "none"];
}

function fromAdverbs(row) {
  const letters = [...row.querySelectorAll("[data-aggir-part]")]
    .map((part) => letterOf(boxes(part).filter((box) => box.checked).length)).join("");
  const letter = JSON.parse(row.dataset.aggirTable)[letters];
  row.querySelector(`input[data-letter=${letter}]`).checked = true;
}

function fromLetter(row, letter) {
  // A says that nothing is difficult, C that everything is; B keeps what was ticked if that is still a B.
  const ticked = boxes(row);
  if (letter === "A") ticked.forEach((box) => (box.checked = false));
  if (letter === "C") ticked.forEach((box) => (box.checked = true));
  if (letter === "B") {
    const letters = [...row.querySelectorAll("[data-aggir-part]")]
      .map((part) => letterOf(boxes(part).filter((box) => box.checked).length)).join("");
    if (JSON.parse(row.dataset.aggirTable)[letters] !== "B") ticked.forEach((box) => (box.checked = false));
  }
}

form.addEventListener("change", (event) => {
  const row = event.target.closest("fieldset[data-aggir-row]");
  if (row && event.target.type === "checkbox") fromAdverbs(row);
  if (row && event.target.type === "radio") fromLetter(row, event.target.dataset.letter);
  if (row) show(row);
  keep(event.target.type === "text" ? 0 : 40);
  bar();
});
form.addEventListener("input", (event) => {
  if (event.target.matches(".aggir-note")) keep(900);
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".aggir-note")) event.preventDefault();
});
form.addEventListener("click", (event) => {
  const toggle = event.target.closest("[data-aggir-toggle]");
  if (toggle) {
    const parts = document.getElementById(toggle.getAttribute("aria-controls"));
    parts.hidden = !parts.hidden;
    toggle.setAttribute("aria-expanded", String(!parts.hidden));
  }
  const set = event.target.closest("[data-aggir-set]");
  if (set) {
    const row = set.closest("[data-aggir-row]");
    const radio = row.querySelector(`input[data-letter=${set.dataset.aggirSet}]`);
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const go = event.target.closest("[data-aggir-go]");
  if (go) step(at + Number(go.dataset.aggirGo), true);
  if (event.target.closest("[data-aggir-why]")) why();
});

// --- Kept on the server ------------------------------------------------------------------------------------------------
let timer;
let keptOnce = true;
function keep(delay) {
  keptOnce = false;
  form.dataset.unsaved = "1";
  clearTimeout(timer);
  timer = setTimeout(() => form.dispatchEvent(new CustomEvent("keep")), delay);
}
const state = () => document.querySelector("[data-aggir-state]");
form.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== form) return;
  if (event.detail.successful) {
    delete form.dataset.unsaved;
    keptOnce = true;
    return;
  }
  const place = state();
  place.classList.add("failed");
  place.querySelector("[data-words]").textContent = place.dataset.offline;
  if (!event.detail.xhr || event.detail.xhr.status === 0 || event.detail.xhr.status >= 500) keep(10000);
});
addEventListener("online", () => keptOnce || keep(0));
form.addEventListener("submit", () => {
  clearTimeout(timer);
  delete form.dataset.unsaved;
});
document.querySelector("[data-aggir-later]")?.addEventListener("click", (event) => {
  if (keptOnce) return;
  event.preventDefault();
  const { href } = event.currentTarget;
  form.addEventListener("htmx:afterRequest", (after) => after.detail.successful && location.assign(href), { once: true });
  keep(0);
});

// --- One question per screen (phone) -----------------------------------------------------------------------------------
let at = Math.max(0, questions.findIndex((row) => !current(row)));
if (questions.every(current)) at = 0;

function bar() {
  [...document.querySelectorAll("[data-aggir-bar] li")].forEach((mark, n) => {
    mark.className = n === at ? "here" : current(questions[n]) || n < at ? "done" : "";
  });
}

function step(to, moved = false) {
  at = Math.min(Math.max(to, 0), questions.length);
  const end = at === questions.length;
  rows.forEach((row) => row.classList.toggle("here", end ? !row.matches("fieldset") : row === questions[at]));
  form.classList.toggle("aggir-at-end", end);
  const where = document.querySelector("[data-aggir-where]");
  where.textContent = end ? where.dataset.end : where.dataset.words.replace("%n", at + 1).replace("%of", questions.length);
  form.querySelector("[data-aggir-go='-1']").disabled = at === 0;
  form.querySelector("[data-aggir-go='1']").hidden = end;
  form.querySelector("[data-aggir-sign]").hidden = !end;
  if (end) form.querySelector(".aggir-more").open = true;
  bar();
  if (moved && phone.matches) {
    scrollTo(0, 0);
    (end ? document.getElementById("aggir-result") : questions[at].querySelector("h2")).focus({ preventScroll: true });
  }
}

function why() {
  const dialog = document.getElementById("aggir-why");
  const shown = [...document.getElementById("aggir-result").children].map((card) => card.cloneNode(true));
  dialog.querySelector("[data-aggir-why-body]").replaceChildren(...shown);
  dialog.showModal();
}

form.classList.add("aggir-by-steps");
for (const place of ["[data-aggir-where]", "[data-aggir-bar]", "[data-aggir-steps]"]) form.querySelector(place).hidden = false;
questions.forEach(show);
step(at);
