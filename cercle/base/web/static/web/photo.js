// Photos and documents of a form: choose, take with the phone, drop, paste, see, take away; weighed before they leave.
//   <div data-photos data-max="20971520" data-most="8" data-too-big="… %s …" data-too-many="…" data-remove="Retirer">
//     <input type="file" name="files" multiple hidden> <input type="file" data-camera accept="image/*" capture="environment" hidden>
//     <button data-choose>, <button data-take> <div class="photo-list"></div> <p class="field-error" role="alert" hidden><span></span></p>
const BIG_PHOTO = 1_500_000, SIDE = 2560;

// A phone's photo of 8 MB goes out as 1 MB of the same sharpness; the position it was taken at stays here.
async function lighter(file) {
  if (file.type !== "image/jpeg" || file.size < BIG_PHOTO) return file;
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
    const canvas = new OffscreenCanvas(Math.round(image.width * scale), Math.round(image.height * scale));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.86 });
    return blob.size < file.size ? new File([blob], file.name, { type: "image/jpeg" }) : file;
  } catch { return file; }
}

// The buttons may stand anywhere in the form of the picker.
function picker(element) { return element.closest?.("[data-photos]") || element.closest?.("form")?.querySelector("[data-photos]"); }
function main(box) { return box.querySelector('input[type="file"]:not([data-camera])'); }

function complain(box, text) {
  const place = box.querySelector(".field-error");
  place.querySelector("span").textContent = text;
  place.hidden = !text;
}

function show(box) {
  const list = box.querySelector(".photo-list");
  list.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
  list.replaceChildren(...[...main(box).files].map((file, index) => {
    const item = document.createElement("div");
    item.className = "photo-item";
    if (file.type.startsWith("image/")) {
      const image = new Image();
      image.src = URL.createObjectURL(file);
      image.alt = file.name;
      item.append(image);
    } else {
      const face = document.createElement("span");
      face.className = "file-face";
      face.textContent = (file.name.split(".").pop() || "").toUpperCase();
      item.append(face);
    }
    const name = document.createElement("span");
    name.className = "one-line d-block";
    name.textContent = file.name;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "icon-button";
    remove.setAttribute("aria-label", `${box.dataset.remove || "Retirer"} ${file.name}`);
    remove.innerHTML = box.querySelector("template")?.innerHTML || "×";
    remove.addEventListener("click", () => {
      set(box, [...main(box).files].filter((_, i) => i !== index));
      complain(box, "");
      (list.querySelector("button") || box.querySelector("[data-choose]"))?.focus();
    });
    item.append(name, remove);
    return item;
  }));
}

function set(box, files) {
  const bag = new DataTransfer();
  files.forEach((file) => bag.items.add(file));
  main(box).files = bag.files;
  show(box);
}

async function add(box, files) {
  const max = Number(box.dataset.max) || 20 * 1024 * 1024;
  const most = Number(box.dataset.most) || 8;
  const kept = [...(box.held || main(box).files)];
  let trouble = "";
  for (const raw of files) {
    const file = await lighter(raw);
    if (file.size > max) trouble = (box.dataset.tooBig || "%s").replace("%s", raw.name);
    else if (kept.length >= most) trouble = box.dataset.tooMany || "";
    else if (!kept.some((one) => one.name === file.name && one.size === file.size)) kept.push(file);
  }
  set(box, kept);
  box.held = kept;
  complain(box, trouble);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose], [data-take]");
  const box = button && picker(button);
  if (!box) return;
  if (button.hasAttribute("data-choose")) { box.held = [...main(box).files]; main(box).click(); }
  else (box.querySelector("[data-camera]") || main(box)).click();
});
document.addEventListener("change", (event) => {
  if (event.target.type !== "file" || !event.target.closest("[data-photos]")) return;
  const box = picker(event.target);
  const chosen = [...event.target.files];
  if (event.target.hasAttribute("data-camera")) event.target.value = "";
  add(box, chosen).then(() => { box.held = null; });
});
document.addEventListener("paste", (event) => {
  const box = event.target.closest?.("form")?.querySelector("[data-photos]");
  const files = [...(event.clipboardData?.files || [])];
  if (!box || !files.length) return;
  event.preventDefault();
  box.held = null;
  add(box, files).then(() => { box.held = null; });
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const box = event.target.closest?.("form")?.querySelector("[data-photos]");
    if (!box || ![...(event.dataTransfer?.types || [])].includes("Files")) return;
    event.preventDefault();
    box.classList.toggle("drag", name === "dragover");
    if (name === "drop") add(box, [...event.dataTransfer.files]).then(() => { box.held = null; });
  });
}
// A form swapped back by the server (an error to correct) keeps its files: the browser still holds them here.
document.addEventListener("htmx:beforeSwap", (event) => {
  const old = event.detail.target.querySelector?.("[data-photos]");
  window.heldPhotos = event.detail.xhr.status === 422 && old ? [...main(old).files] : null;
});
document.addEventListener("htmx:afterSettle", () => {
  const box = document.querySelector("[data-photos]");
  if (window.heldPhotos?.length && box) set(box, window.heldPhotos);
  window.heldPhotos = null;
});
