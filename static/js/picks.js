// Ticked rows: how many are ticked stands in the button; one box ticks all that are shown.
const boxes = () => [...document.querySelectorAll("input[data-pick]")];
const near = (head) => [...head.closest("table").querySelectorAll("input[data-pick]")];
const all = () => document.querySelector("input[data-pick-all]");

function tell() {
  const ticked = boxes().filter((box) => box.checked).length;
  for (const place of document.querySelectorAll("[data-pick-count]")) {
    place.textContent = ticked ? ` (${ticked})` : "";
  }
  const head = all();
  if (!head) return;
  head.hidden = false;
  head.checked = near(head).every((box) => box.checked);
  head.indeterminate = ticked > 0 && !head.checked;
}

document.addEventListener("change", ({ target }) => {
  if (target === all()) for (const box of near(target)) box.checked = target.checked;
  if (target === all() || target.matches?.("[data-pick]")) tell();
});
document.addEventListener("refreshed", tell);
tell();
