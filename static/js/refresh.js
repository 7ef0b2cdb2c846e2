// The part with data-refresh asks for itself every so many seconds: not in a hidden tab, not when paused, not
// while text in it is selected. htmx sends the request on the event "refresh"; what was ticked, unfolded or
// scrolled stays so. How often is chosen once for all pages; 0 is never.
const RATE = "refresh-every";
const part = document.querySelector("[data-refresh]");
if (part) start();

function start() {
  let every = chosen();
  let next = "refreshAtOnce" in part.dataset && every ? Date.now() : Date.now() + every;
  let isPaused = recall("sessionStorage", "paused") === "true";
  let isBusy = false;
  let isWanted = false;
  let hasFailed = false;
  let kept = null;

  const find = (name) => document.querySelector(`[data-refresh-${name}]`);
  const ask = () => { if (!isBusy) part.dispatchEvent(new CustomEvent("refresh")); };
  const askNow = () => { isWanted = true; ask(); };
  const rests = () => isPaused || !every;

  function done(succeeded) {
    isBusy = isWanted = false;
    hasFailed = !succeeded;
    next = Date.now() + every;
    show();
  }

  function tick() {
    if (!document.hidden && !isBusy && !rests() && !isSelecting() && Date.now() >= next) ask();
    show();
  }

  function show() {
    const left = find("left");
    const pause = find("pause");
    const rate = find("rate");
    if (!left || !pause || !rate) return;
    const seconds = Math.max(0, Math.ceil((next - Date.now()) / 1000));
    const resting = every ? left.dataset.paused : left.dataset.off;
    const coming = rests() ? resting : left.dataset.next.replace("0", seconds);
    left.textContent = hasFailed ? `${left.dataset.failed} ${coming}` : coming;
    left.hidden = false;
    rate.hidden = false;
    if (Number(rate.value) !== every / 1000) rate.value = every / 1000;
    pause.hidden = !every;
    pause.textContent = isPaused ? pause.dataset.resume : pause.dataset.pause;
    pause.setAttribute("aria-pressed", isPaused);
  }

  function say() {
    const place = find("said");
    const news = part.querySelector("[data-news]")?.dataset.news ?? "";
    if (place && place.textContent !== news) place.textContent = news;
  }

  // Requests of something inside, the chart of a group, are none of ours.
  const listen = (name, act) => part.addEventListener(name, (event) => { if (event.target === part) act(event); });
  listen("htmx:beforeRequest", () => { isBusy = true; });
  listen("htmx:beforeSwap", ({ detail }) => {
    if (new URL(detail.xhr.responseURL).pathname !== location.pathname) {
      detail.shouldSwap = false; // signed out meanwhile: show the sign-in page, not a piece of it
      location.reload();
    }
    if (isSelecting() && !isWanted) detail.shouldSwap = false; // marked while the answer was on its way
    kept = keep();
  });
  listen("htmx:afterSwap", () => {
    show();
    restore(kept);
    say();
    document.dispatchEvent(new CustomEvent("refreshed"));
  });
  listen("htmx:afterRequest", ({ detail }) => done(detail.successful));
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-refresh-now]")) {
      event.preventDefault();
      askNow();
    } else if (event.target.closest?.("[data-refresh-pause]")) {
      isPaused = !isPaused;
      remember("sessionStorage", "paused", isPaused);
      tick();
    }
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-refresh-rate]")) return;
    remember("localStorage", RATE, target.value);
    every = chosen();
    isPaused = false;
    remember("sessionStorage", "paused", false);
    next = Date.now() + every;
    tick();
  });
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("DOMContentLoaded", tick);
  setInterval(tick, 1000);
  show();
}

function chosen() {
  const rate = recall("localStorage", RATE);
  return Number(["0", "5", "15", "60"].includes(rate) ? rate : part.dataset.refresh) * 1000;
}

function isSelecting() {
  const marked = getSelection();
  return Boolean(marked && !marked.isCollapsed && part.contains(marked.anchorNode));
}

function keep() {
  return {
    ticked: [...part.querySelectorAll("input:checked")].map((box) => box.id),
    open: [...part.querySelectorAll("details[open]")].map((fold) => fold.id),
    focused: document.activeElement?.id,
    top: scrollY,
    scrolled: [...part.querySelectorAll(".scroll")].map((box) => box.scrollLeft),
  };
}

function restore({ ticked, open, focused, top, scrolled }) {
  for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.id);
  for (const fold of part.querySelectorAll("details[id]")) fold.open = open.includes(fold.id);
  part.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = scrolled[index] ?? 0; });
  // htmx gives the focus back too, but not to what this script has to show first.
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  scrollTo({ top, behavior: "instant" });
}

// Storage may be off or full: then a choice ends with the page.
function remember(storage, name, value) {
  try { window[storage].setItem(name, value); } catch { /* as said above */ }
}

function recall(storage, name) {
  try { return window[storage].getItem(name); } catch { return null; }
}
