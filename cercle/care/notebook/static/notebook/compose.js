// The compose box: opens where the person is, says who will read, never clears what was typed.
const root = () => document.querySelector("[data-compose-root]");

function open(what) {
  const box = root();
  if (!box) return;
  const form = box.querySelector("[data-compose-form]");
  box.querySelector("[data-compose-closed]").hidden = true;
  form.hidden = false;
  document.body.classList.add("composing");
  if (what === "measures") toggle(form, "[data-measures]", "[data-toggle-measures]", true)?.querySelector("input")?.focus();
  else form.querySelector("textarea").focus();
  if (what === "photo") form.querySelector("[data-take]")?.click();
  if (what === "file") form.querySelector("[data-choose]")?.click();
  if (matchMedia("(max-width: 767.98px)").matches) form.scrollIntoView({ block: "start" });
  audience(form);
}

function close() {
  const box = root();
  const form = box.querySelector("[data-compose-form]");
  form.hidden = true; // the words stay in it, and in the draft
  const closed = box.querySelector("[data-compose-closed]");
  closed.hidden = false;
  document.body.classList.remove("composing");
  const text = form.querySelector("textarea").value.trim();
  const invite = closed.querySelector(".invite");
  if (text) invite.textContent = text.slice(0, 90);
  invite.focus();
}

function toggle(form, part, button, force) {
  const element = form.querySelector(part);
  element.hidden = force === undefined ? !element.hidden : !force;
  form.querySelector(button)?.setAttribute("aria-expanded", String(!element.hidden));
  return element.hidden ? null : element;
}

// « Visible par 5 sur 8 membres », from the same masks and categories as the server's rule.
function audience(form) {
  const words = form.querySelector("[data-audience-words]");
  if (!words) return;
  const hidden = [...form.querySelectorAll('[name="hidden"]:checked')].reduce((mask, box) => mask | Number(box.value), 0);
  const category = form.querySelector('[name="category"]').value;
  const faces = [...form.querySelectorAll("[data-face]")];
  let seen = 1;
  for (const face of faces) {
    const ok = !(hidden & Number(face.dataset.mask)) && face.dataset.readable.split(" ").includes(category);
    face.classList.toggle("blind", !ok);
    face.querySelector("input").disabled = !ok;
    if (ok) seen += 1;
  }
  const total = faces.length + 1;
  words.textContent = seen === total ? words.dataset.all : words.dataset.some.replace("#", seen).replace("%", total);
}

// One form for all answers, cloned where it is asked for; a second click folds it, its words stay.
const MARK = /00000000-0000-0000-0000-000000000002/g;
function answer(button, fold = true) {
  const id = button.dataset.reply;
  let place = document.getElementById(`reply-${id}`);
  if (!place) {
    place = document.createElement("div");
    place.className = "reply";
    place.id = `reply-${id}`;
    place.innerHTML = document.getElementById("reply-template").innerHTML.replace(MARK, id);
    place.querySelector('[name="client_ref"]').value = crypto.randomUUID();
    place.querySelector("label").textContent += ` : ${button.dataset.who}`;
    place.querySelector("textarea").value = button.dataset.typed || "";
    button.closest(".note").append(place);
    window.htmx?.process(place);
  } else if (fold) place.hidden = !place.hidden;
  button.setAttribute("aria-expanded", String(!place.hidden));
  return place.hidden ? null : place;
}
function unfinished(root) {
  root.querySelectorAll("[data-reply][data-typed]").forEach((button) => answer(button, false));
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, [data-compose], [data-reply]");
  if (!target) return;
  if (target.hasAttribute("data-compose")) open(target.dataset.compose);
  else if (target.hasAttribute("data-compose-close")) close();
  else if (target.hasAttribute("data-toggle-measures")) toggle(target.form, "[data-measures]", "[data-toggle-measures]")?.querySelector("input").focus();
  else if (target.hasAttribute("data-toggle-audience")) toggle(target.form, "[data-audience]", "[data-toggle-audience]");
  else if (target.dataset.reply) {
    event.preventDefault();
    answer(target)?.querySelector("textarea").focus();
  }
});
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-compose-form]");
  if (form) audience(form);
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(".notebook form[data-draft]"); // other apps have their own
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

// A live update must not take away an answer just opened or being typed: the old card's form goes into the new one.
let kept = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "timeline") return;
  kept = [...document.querySelectorAll("#timeline .reply:not([hidden]) form")];
  kept = kept.map((form) => ({ id: form.closest(".reply").id, form, sent: event.detail.requestConfig?.elt === form, active: document.activeElement === form.querySelector("textarea") }));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const { id, form, sent, active } of kept.splice(0)) {
    const button = document.querySelector(`[data-reply="${id.slice(6)}"]`);
    const place = !sent && button && answer(button, false);
    if (!place) continue;
    place.replaceChildren(form);
    place.hidden = false;
    if (active) form.querySelector("textarea").focus();
  }
});
document.addEventListener("htmx:load", (event) => unfinished(event.detail.elt));
unfinished(document);
if (location.hash === "#ecrire") open("");
document.querySelectorAll("[data-compose-form]:not([hidden])").forEach(audience);
