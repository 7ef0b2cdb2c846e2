// The part [data-live] asks for itself every data-live seconds: not in a hidden tab, not when paused.
// htmx sends the request on the event "refresh"; what was ticked, unfolded or scrolled stays so.
const live = document.querySelector("[data-live]");
const controls = document.querySelector("[data-live-controls]");
if (live && controls) start();

function start() {
  const pause = controls.querySelector("[data-live-pause]");
  const left = controls.querySelector("[data-live-left]");
  const said = document.querySelector("[data-live-said]");
  const every = Number(live.dataset.live) * 1000;
  let next = Date.now() + every;
  let isBusy = false;
  let kept = null;

  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  const ask = () => live.dispatchEvent(new CustomEvent("refresh"));
  const later = () => { next = Date.now() + every; isBusy = false; };
  const failed = () => { later(); live.classList.add("outdated"); tick(); };

  function setPaused(value) {
    pause.setAttribute("aria-pressed", value);
    pause.textContent = value ? pause.dataset.resume : pause.dataset.pause;
    remember(value);
    if (!value && Date.now() > next) next = Date.now();
    tick();
  }

  function tick() {
    if (document.hidden || isBusy) return;
    const seconds = Math.ceil((next - Date.now()) / 1000);
    if (!isPaused() && seconds <= 0) return ask();
    const outdated = live.classList.contains("outdated") ? `${left.dataset.failed} ` : "";
    left.textContent = outdated + (isPaused() ? left.dataset.paused : left.dataset.next.replace("0", seconds));
  }

  live.addEventListener("htmx:beforeRequest", () => { isBusy = true; });
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (new URL(event.detail.xhr.responseURL).pathname !== location.pathname) {
      event.detail.shouldSwap = false; // signed out meanwhile: show the sign-in page, not a piece of it
      location.reload();
    }
    kept = keep();
  });
  live.addEventListener("htmx:afterSwap", () => {
    restore(kept);
    live.classList.remove("outdated");
    const news = live.querySelector("[data-said]")?.dataset.said ?? "";
    if (said && said.textContent !== news) said.textContent = news;
    document.dispatchEvent(new CustomEvent("live:kept"));
  });
  live.addEventListener("htmx:afterRequest", (event) => (event.detail.successful ? later() : failed()));
  live.addEventListener("htmx:sendError", failed);
  pause.addEventListener("click", () => setPaused(!isPaused()));
  controls.querySelector("[data-live-now]").addEventListener("click", (event) => {
    event.preventDefault();
    if (!isBusy) ask();
  });
  document.addEventListener("visibilitychange", tick);
  pause.hidden = false;
  setPaused(remembered());
  setInterval(tick, 1000);
}

function keep() {
  return {
    ticked: [...live.querySelectorAll("input:checked")].map((box) => box.id),
    open: [...live.querySelectorAll("details[open][id]")].map((part) => part.id),
    scrolled: [...live.querySelectorAll(".scroll")].map((part) => part.scrollLeft),
  };
}

function restore({ ticked, open, scrolled }) {
  for (const box of live.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.id);
  for (const part of live.querySelectorAll("details[id]")) part.open = open.includes(part.id);
  live.querySelectorAll(".scroll").forEach((part, index) => { part.scrollLeft = scrolled[index] ?? 0; });
}

function remember(value) {
  try { sessionStorage.setItem("paused", value); } catch { /* storage is off: the choice ends with the page */ }
}

function remembered() {
  try { return sessionStorage.getItem("paused") === "true"; } catch { return false; }
}
