// "/" puts the cursor into the search, as in most consoles; Escape leaves it.
const TYPING = "input, select, textarea, [contenteditable]";

document.addEventListener("keydown", (event) => {
  const search = document.querySelector('[aria-keyshortcuts="/"]');
  if (!search || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !event.target.matches(TYPING)) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search) {
    search.blur();
  }
});
