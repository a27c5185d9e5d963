// The eye beside a password.
document.addEventListener("click", (event) => {
  const eye = event.target.closest("[data-eye]");
  if (!eye) return;
  const input = document.getElementById(eye.dataset.eye);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  eye.setAttribute("aria-pressed", String(!shown));
});
