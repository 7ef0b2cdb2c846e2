// Places with data-countdown="TIME" tell how many seconds are left until then; without script the time itself stands there.
function tick() {
  for (const place of document.querySelectorAll("[data-countdown]")) {
    const left = Math.ceil((Date.parse(place.dataset.countdown) - Date.now()) / 1000);
    place.textContent = ` (${left > 0 ? place.dataset.left.replace("0", left) : place.dataset.over})`;
    place.hidden = false;
  }
}
setInterval(tick, 1000);
tick();
