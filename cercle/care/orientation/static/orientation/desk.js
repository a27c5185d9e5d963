// J and K move in the queue, Entrée opens, R answers, N a new request. Never while something is being typed.
const typing = (e) => e.target.closest("input, textarea, select, [contenteditable], dialog[open]") || e.ctrlKey || e.metaKey || e.altKey;
const items = () => [...document.querySelectorAll(".desk-list [data-desk-item]")];

document.addEventListener("keydown", (event) => {
  if (typing(event)) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    const list = items();
    if (!list.length) return;
    let at = list.indexOf(document.activeElement);
    if (at < 0) at = list.findIndex((a) => a.hasAttribute("aria-current"));
    const next = at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + (key === "j" ? 1 : -1)));
    list[next].focus();
    list[next].closest("li").scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (key === "r") {
    document.querySelector("[data-desk-answer]")?.click();
  } else if (key === "n") {
    document.querySelector("[data-desk-new]")?.click();
  } else if (key === "escape") {
    document.querySelector("[data-desk-close]")?.click();
  }
});
