// "3 min ago" goes on between two answers of the server, also while nothing is refreshed. By the server's clock:
// that of the reader may be wrong. The same words and steps as domain/durations.py has.
const told = document.querySelector("[data-ages]");
const words = told ? JSON.parse(told.dataset.ages) : [];
const ahead = told ? Date.parse(told.dataset.now) - Date.now() : 0;
const UNITS = [[60, 1], [3600, 60], [2 * 86400, 3600], [Infinity, 86400]];

function age(at, now) {
  const seconds = Math.floor(Math.abs(now - at) / 1000);
  if (seconds < 1) return words[0];
  const unit = UNITS.findIndex(([below]) => seconds < below);
  return words[1 + unit + (at > now ? UNITS.length : 0)].replace("#", Math.floor(seconds / UNITS[unit][1]));
}

function tick() {
  const marked = getSelection();
  if (document.hidden || (marked && !marked.isCollapsed)) return; // a selection would be lost
  const now = Date.now() + ahead;
  for (const place of document.querySelectorAll("time.age, time.when small > span")) {
    const text = age(Date.parse(place.closest("time").dateTime), now);
    if (place.textContent !== text) place.textContent = text;
  }
}

if (told) setInterval(tick, 1000);
