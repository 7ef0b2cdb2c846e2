// Menus are <details class="menu">: one is open at a time; Escape and a click beside it close it.
const open = () => [...document.querySelectorAll("details.menu[open]")];

function closeBut(kept) {
  for (const menu of open()) if (menu !== kept) menu.open = false;
}

document.addEventListener("click", ({ target }) => closeBut(target.closest?.("details.menu")));
document.addEventListener("toggle", ({ target }) => { if (target.open && target.matches?.("details.menu")) closeBut(target); }, true);
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const menu of open()) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
});
