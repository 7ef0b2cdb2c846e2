// The part with data-refresh asks for itself every so many seconds: not in a hidden tab, not when paused.
// htmx sends the request on the event "refresh"; what was ticked, unfolded or scrolled stays so.
const part = document.querySelector("[data-refresh]");
if (part) start(Number(part.dataset.refresh) * 1000);

function start(every) {
  let next = "refreshAtOnce" in part.dataset ? Date.now() : Date.now() + every;
  let isPaused = remembered();
  let isBusy = false;
  let hasFailed = false;
  let kept = null;

  const find = (name) => document.querySelector(`[data-refresh-${name}]`);
  const ask = () => { if (!isBusy) part.dispatchEvent(new CustomEvent("refresh")); };

  function done(succeeded) {
    isBusy = false;
    hasFailed = !succeeded;
    next = Date.now() + every;
    show();
  }

  function tick() {
    if (!document.hidden && !isBusy && !isPaused && Date.now() >= next) ask();
    show();
  }

  function show() {
    const left = find("left");
    const pause = find("pause");
    if (!left || !pause) return;
    const seconds = Math.max(0, Math.ceil((next - Date.now()) / 1000));
    const coming = isPaused ? left.dataset.paused : left.dataset.next.replace("0", seconds);
    left.textContent = hasFailed ? `${left.dataset.failed} ${coming}` : coming;
    left.hidden = false;
    pause.hidden = false;
    pause.textContent = isPaused ? pause.dataset.resume : pause.dataset.pause;
    pause.setAttribute("aria-pressed", isPaused);
  }

  function say() {
    const place = find("said");
    const news = part.querySelector("[data-news]")?.dataset.news ?? "";
    if (place && place.textContent !== news) place.textContent = news;
  }

  part.addEventListener("htmx:beforeRequest", () => { isBusy = true; });
  part.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (new URL(detail.xhr.responseURL).pathname !== location.pathname) {
      detail.shouldSwap = false; // signed out meanwhile: show the sign-in page, not a piece of it
      location.reload();
    }
    kept = keep();
  });
  part.addEventListener("htmx:afterSwap", () => {
    restore(kept);
    say();
    document.dispatchEvent(new CustomEvent("refreshed"));
  });
  part.addEventListener("htmx:afterRequest", ({ detail }) => done(detail.successful));
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-refresh-now]")) {
      event.preventDefault();
      ask();
    } else if (event.target.closest?.("[data-refresh-pause]")) {
      isPaused = !isPaused;
      remember(isPaused);
      tick();
    }
  });
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("DOMContentLoaded", tick);
  setInterval(tick, 1000);
  show();
}

function keep() {
  return {
    ticked: [...part.querySelectorAll("input:checked")].map((box) => box.id),
    open: [...part.querySelectorAll("details[open]")].map((fold) => fold.id),
    top: scrollY,
    scrolled: [...part.querySelectorAll(".scroll")].map((box) => box.scrollLeft),
  };
}

function restore({ ticked, open, top, scrolled }) {
  for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.id);
  for (const fold of part.querySelectorAll("details[id]")) fold.open = open.includes(fold.id);
  part.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = scrolled[index] ?? 0; });
  scrollTo({ top, behavior: "instant" });
}

function remember(isPaused) {
  try { sessionStorage.setItem("paused", isPaused); } catch { /* storage is off: the choice ends with the page */ }
}

function remembered() {
  try { return sessionStorage.getItem("paused") === "true"; } catch { return false; }
}
