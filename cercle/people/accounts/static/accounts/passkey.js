// Says in words what allauth's passkey scripts only write in the console.
const problem = document.getElementById("passkey-problem");

function say(which) {
  if (!problem) return;
  const line = problem.querySelector("p");
  line.textContent = line.dataset[which];
  problem.hidden = false;
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  say("cancelled");
});

if (!window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      say("absent");
    }, true);
  }
}
