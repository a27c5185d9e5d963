// Quick entry of a follow-up sheet: « n » opens it, Ctrl Enter keeps it, the words have the focus.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-quick]");
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return form.requestSubmit();
  }
  if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  const opener = document.querySelector("[data-key=n]");
  if (opener) {
    event.preventDefault();
    opener.click();
  }
});
document.addEventListener("htmx:afterSwap", (event) => {
  const form = event.detail.target.querySelector?.("form[data-quick]");
  if (form) (form.querySelector("textarea[name=text], textarea") || form.querySelector("input"))?.focus();
});
