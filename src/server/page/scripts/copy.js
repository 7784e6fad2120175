/** The address of this relay in the text of the page, and the buttons that copy. */

const SHOWN_MS = 1800;

/** Fills in the address. */
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
    // Pages without TLS, as on a local network, have no clipboard.
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
