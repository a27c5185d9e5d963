// Quick entry of a follow-up sheet: « n » opens it, Ctrl Enter keeps it, the words have the focus. Lists where one ticks people.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-quick]");
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return event.repeat ? undefined : form.requestSubmit();
  }
  if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  const opener = document.querySelector("[data-key=n]");
  if (opener) {
    event.preventDefault();
    opener.focus(); // where one comes back to when the dialog closes
    opener.click();
  }
});
document.addEventListener("htmx:afterSwap", (event) => {
  const form = event.detail.target.querySelector?.("form[data-quick]");
  if (form) (form.querySelector("textarea[name=text], textarea") || form.querySelector("input"))?.focus();
});

// How many are ticked, said beside the button.
function count(list) {
  const place = list.closest("form")?.querySelector("[data-count]");
  if (!place) return;
  const n = list.querySelectorAll("input[type=checkbox]:checked").length;
  place.textContent = (n > 1 ? list.dataset.many : list.dataset.one).replace("%s", n);
}
document.addEventListener("change", (event) => {
  const list = event.target.closest?.("[data-pick]");
  if (list && event.target.type === "checkbox") count(list);
  if (event.target.matches?.("select[data-submits]")) event.target.form.requestSubmit();
  if (event.target.type === "radio") show(event.target.form);
});

// A list reduced to a name; who is ticked stays in sight.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-find]")) return;
  const wanted = plain(event.target.value.trim());
  for (const line of event.target.closest("[data-pick]").querySelectorAll("label.check")) {
    line.hidden = !(plain(line.textContent).includes(wanted) || line.querySelector("input").checked);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-find]")) event.preventDefault();
});

// <div data-shown-if="kind=leave">: what only one of the choices asks for.
function show(form) {
  for (const part of form?.querySelectorAll("[data-shown-if]") || []) {
    const [name, value] = part.dataset.shownIf.split("=");
    part.hidden = form.querySelector(`[name="${name}"]:checked`)?.value !== value;
  }
}
document.querySelectorAll("form").forEach(show);
