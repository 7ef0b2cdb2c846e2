// Buttons with data-copy put that text on the clipboard. They are hidden until this script can serve them.
const usable = Boolean(navigator.clipboard);
const SAID_FOR_MS = 1500;

function reveal(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = !usable;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.textContent;
  if (!button.dataset.copied || before === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, SAID_FOR_MS);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("htmx:afterSwap", ({ target }) => reveal(target));
reveal(document);
