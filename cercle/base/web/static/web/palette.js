// Ctrl K: one field over patients, people and structures. The server answers lines `<a role="option" class="palette-option">`.
const dialog = document.getElementById("palette");
if (dialog) {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const status = dialog.querySelector("[data-palette-status]");
  let timer, asked = 0, current = -1, typed = false;

  const options = () => [...list.querySelectorAll("[role=option]")];

  function choose(index) {
    const all = options();
    current = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => {
      option.id ||= `palette-option-${i}`;
      option.tabIndex = -1;
      option.setAttribute("aria-selected", String(i === current));
    });
    if (current < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", all[current].id);
    all[current].scrollIntoView({ block: "nearest" });
  }

  async function find() {
    const turn = ++asked;
    try {
      // By POST: what is typed is a name, and an address is kept in logs and histories.
      const csrf = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
      const answer = await fetch(dialog.dataset.palette, {
        method: "POST", body: new URLSearchParams({ q: input.value.trim() }),
        headers: { "X-Requested-With": "fetch", "HX-Request": "true", "X-CSRFToken": csrf },
      });
      if (turn !== asked) return;
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const held = options()[current]?.href; // a slow answer does not take back the line one has moved to
      list.innerHTML = await answer.text();
      choose(typed ? 0 : Math.max(0, options().findIndex((option) => option.href === held)));
      typed = false;
      const n = options().length;
      status.textContent = n === 0 ? status.dataset.none : n === 1 ? status.dataset.one : status.dataset.many.replace("%n", n);
    } catch {
      if (turn === asked) status.textContent = status.dataset.failed;
    }
  }

  function open() {
    if (dialog.open) return input.select();
    dialog.showModal();
    input.focus();
    input.select();
    clearTimeout(timer);
    typed = false;
    find();
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", (event) => event.target.closest("[data-palette-open]") && open());
  input.addEventListener("input", () => {
    typed = true;
    clearTimeout(timer);
    timer = setTimeout(find, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      typed = false; // who moves has read the list: the answer on its way keeps the chosen line
      choose(current + (event.key === "ArrowDown" ? 1 : -1));
    }
    if (event.key === "Enter") {
      event.preventDefault();
      const option = options()[current];
      if (!option) return;
      if (event.ctrlKey || event.metaKey) window.open(option.href, "_blank", "noopener");
      else option.click();
    }
  });
}
