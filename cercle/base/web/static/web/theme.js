// Runs before the first paint: follow the system unless the person chose (the server then wrote data-bs-theme).
(function () {
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function follow() {
    if (!root.hasAttribute("data-theme-chosen")) root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  }
  var kept = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
  if (kept) { root.setAttribute("data-bs-theme", kept[1]); root.setAttribute("data-theme-chosen", ""); }
  follow();
  dark.addEventListener("change", follow);
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-theme-choice] [data-theme]");
    if (!button) return;
    var theme = button.getAttribute("data-theme");
    var secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = "theme=" + theme + "; path=/; samesite=lax; max-age=" + (theme ? 31536000 : 0) + secure;
    if (theme) { root.setAttribute("data-bs-theme", theme); root.setAttribute("data-theme-chosen", ""); }
    else { root.removeAttribute("data-theme-chosen"); follow(); }
    document.querySelectorAll("[data-theme-choice] [data-theme]").forEach(function (one) {
      one.setAttribute("aria-pressed", String(one.getAttribute("data-theme") === theme));
    });
  });
})();
