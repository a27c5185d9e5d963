// j and k walk the list of pairs, Enter opens the one that has the focus (a link does that by itself).
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (event.key !== "j" && event.key !== "k") return;
  const pairs = [...document.querySelectorAll("[data-pairs] a")];
  const here = pairs.indexOf(document.activeElement);
  const from = here >= 0 ? here : pairs.findIndex((a) => a.hasAttribute("aria-current"));
  pairs[Math.min(Math.max(from + (event.key === "j" ? 1 : -1), 0), pairs.length - 1)]?.focus();
});
