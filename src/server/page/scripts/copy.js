/** This relay's own address where the page speaks of it, and buttons that copy. */

const SHOWN_MS = 1800;

/** Puts the address wherever it is missing. */
export function showAddress() {
  const addresses = { http: location.origin, ws: location.origin.replace(/^http/, "ws") };
  for (const element of document.querySelectorAll("[data-address]")) {
    element.textContent = addresses[element.dataset.address];
  }
}

/** Makes the buttons copy what they name. */
export function enableCopying() {
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.addEventListener("click", () => copy(button, document.getElementById(button.dataset.copies)));
  }
}

async function copy(button, source) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.innerText.trim());
    flash(button, "Copied");
  } catch {
    // Pages that are not secure, as on a local network, may not touch the clipboard.
    select(source);
    flash(button, "Selected");
  }
}

function select(source) {
  if (source instanceof HTMLInputElement) source.select();
  else getSelection().selectAllChildren(source);
}

function flash(button, text) {
  const before = button.dataset.label ??= button.textContent;
  button.textContent = text;
  setTimeout(() => button.textContent = before, SHOWN_MS);
}
