// What every page needs: nothing typed is lost, and the person is told when the network or the server fails.
const bar = document.getElementById("network-bar");

function say(why, text) {
  if (!bar) return;
  bar.querySelector("span").textContent = text || bar.dataset[why] || bar.dataset.failed;
  bar.hidden = false;
}

document.addEventListener("cercle:say", (event) => say(event.detail));

function hush() {
  if (bar) bar.hidden = true;
}

const WHY = { 401: "signedOut", 403: "refused", 404: "gone", 413: "tooBig", 429: "tooFast" };

// A session that ended while something was being written: htmx would follow HX-Redirect and lose it.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status !== 401) return;
  if (requestConfig.verb === "get" && !document.querySelector("form[data-unsaved]")) return;
  event.preventDefault();
  say("signedOut");
});
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  const text = event.detail.xhr.getResponseHeader("X-Message");
  say(WHY[status] || "failed", text ? decodeURIComponent(text) : "");
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => say(navigator.onLine ? "failed" : "offline"));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) hush();
});
addEventListener("offline", () => say("offline"));
addEventListener("online", hush);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hide]");
  if (button) document.getElementById(button.dataset.hide).hidden = true;
});

// A form leaves once: its button is busy until the answer comes.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.left) return event.preventDefault();
  form.dataset.left = "1";
  event.submitter?.classList.add("busy");
});
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-left]").forEach((form) => {
    delete form.dataset.left;
    form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
  });
});

// Leaving with words typed and not kept: the browser asks. draft.js clears the mark once the server has the text.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (form) form.dataset.unsaved = "1";
});
document.addEventListener("submit", (event) => delete event.target.dataset?.unsaved);
addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-unsaved]")) event.preventDefault();
});

// After a swap or a failed form: focus on what the server marked.
function focusMarked(root) {
  root.querySelector?.("[data-focus]")?.focus();
}
focusMarked(document);
document.addEventListener("htmx:afterSwap", (event) => focusMarked(event.detail.target));

// Text that grows: browsers without field-sizing.
if (!CSS.supports("field-sizing", "content")) {
  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea")) event.target.rows = Math.min(16, event.target.value.split("\n").length + 2);
  });
}

// The patient banner shrinks to one line once scrolled (desk).
const banner = document.querySelector(".patient-banner[data-shrinks]");
if (banner && matchMedia("(min-width: 768px)").matches) {
  let short = false;
  addEventListener("scroll", () => {
    const wanted = short ? scrollY > 20 : scrollY > 120;
    if (wanted !== short) banner.classList.toggle("patient-banner-short", (short = wanted));
  }, { passive: true });
}
