// Disclosures (<details data-menu>), dialogs (native <dialog>), and the question before an act (data-confirm).
document.addEventListener("click", (event) => {
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog && !dialog.open) dialog.showModal();
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
  if (event.target.matches("dialog[open]:not([data-keep])")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const items = [...menu.querySelectorAll("summary, .menu-item, .segmented button")];
    const next = items[items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) { event.preventDefault(); next.focus(); }
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

// A fragment swapped into <dialog data-swap-dialog> opens it; the header HX-Trigger: close-dialog closes it.
document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target.closest?.("dialog[data-swap-dialog]");
  if (!dialog) return;
  const title = dialog.querySelector("h2[id]");
  if (title) dialog.setAttribute("aria-labelledby", title.id);
  if (!dialog.open) dialog.showModal();
});
document.addEventListener("close-dialog", () => document.querySelectorAll("dialog[open]").forEach((one) => one.close()));

// data-confirm="Retirer du cercle ?" data-confirm-detail="…" data-confirm-verb="Retirer" on a button or an htmx element.
const box = document.getElementById("confirm");
function ask(element, then) {
  box.querySelector("#confirm-title").textContent = element.dataset.confirm;
  box.querySelector("#confirm-detail").textContent = element.dataset.confirmDetail || "";
  const yes = box.querySelector("#confirm-yes");
  yes.textContent = element.dataset.confirmVerb || element.textContent.trim();
  yes.onclick = () => { box.close(); then(); };
  box.showModal();
}
if (box) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-confirm]:not([hx-post]):not([hx-delete])");
    if (!button || button.dataset.confirmed) return;
    event.preventDefault();
    event.stopPropagation();
    ask(button, () => {
      button.dataset.confirmed = "1";
      button.click();
      delete button.dataset.confirmed;
    });
  }, true);
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.elt.dataset?.confirm) return;
    event.preventDefault();
    ask(event.detail.elt, () => event.detail.issueRequest(true));
  });
}
