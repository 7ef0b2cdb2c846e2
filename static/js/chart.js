// Values under the pointer: all charts of a [data-history] show the same point. Arrow keys go from point to point.
const known = new WeakMap();

const FORMATS = {
  duration: (seconds) => inWords(seconds),
  count: (count) => Math.round(count).toLocaleString("en"),
  rate: (rate) => `${rate.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })}/s`,
};

function inWords(seconds) {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const largest = Math.max(0, units.findIndex(([, size]) => seconds >= size));
  const [first, second] = units.slice(seconds < 1 ? 3 : largest);
  const count = Math.floor(seconds / first[1]);
  const rest = second ? Math.floor((seconds % first[1]) / second[1]) : 0;
  return `${count}${first[0]}` + (rest ? ` ${rest}${second[0]}` : "");
}

function learn(root) {
  if (!known.has(root)) {
    const places = [...root.querySelectorAll("[data-values]")].map((place) => ({
      place,
      format: FORMATS[place.closest("[data-chart]").dataset.chart],
      values: place.dataset.values.split(","),
      newest: place.textContent,
    }));
    const offsets = root.dataset.offsets ? root.dataset.offsets.split(",").map(Number) : [];
    known.set(root, { places, offsets, at: null });
  }
  return known.get(root);
}

function clock(root, offset) {
  const options = { timeZone: root.dataset.zone, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const moment = new Date((Number(root.dataset.start) + offset) * 1000);
  return new Intl.DateTimeFormat(document.documentElement.lang, options).format(moment);
}

function show(root, at) {
  const history = learn(root);
  history.at = at;
  const time = at === null ? "" : clock(root, history.offsets[at]);
  for (const { place, format, values, newest } of history.places) {
    place.textContent = at === null ? newest : told(values[at], format);
  }
  for (const place of root.querySelectorAll("[data-at]")) place.textContent = time;
  for (const line of root.querySelectorAll(".cross")) {
    line.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at === null) continue;
    const x = `${(100 * history.offsets[at]) / Number(root.dataset.seconds)}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  }
}

// "" is not known, ">" marks a lower bound.
function told(value, format) {
  if (value === "") return "—";
  return value.startsWith(">") ? `≥ ${format(Number(value.slice(1)))}` : format(Number(value));
}

function nearest(offsets, wanted) {
  let found = 0;
  offsets.forEach((offset, at) => {
    if (Math.abs(offset - wanted) < Math.abs(offsets[found] - wanted)) found = at;
  });
  return found;
}

function follow({ target, clientX }) {
  const plot = target.closest?.(".plot");
  const root = plot?.closest("[data-history]");
  if (!root) return;
  const { left, width } = plot.getBoundingClientRect();
  const { offsets } = learn(root);
  if (offsets.length) show(root, nearest(offsets, ((clientX - left) / width) * Number(root.dataset.seconds)));
}

function leave({ target }) {
  const root = target.closest?.("[data-history]");
  if (root) show(root, null);
}

document.addEventListener("pointermove", follow);
document.addEventListener("pointerdown", follow);
document.addEventListener("pointerout", (event) => {
  if (event.target.closest?.(".plot") && !event.relatedTarget?.closest?.(".plot")) leave(event);
});
document.addEventListener("focusout", (event) => { if (event.target.matches?.(".plot")) leave(event); });
document.addEventListener("keydown", (event) => {
  const root = event.target.matches?.(".plot") && event.target.closest("[data-history]");
  if (!root) return;
  const { offsets, at } = learn(root);
  const last = offsets.length - 1;
  const next = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[event.key];
  if (next === undefined || last < 0) return;
  event.preventDefault();
  show(root, Math.min(Math.max(next, 0), last));
  const words = [...event.target.closest("figure").querySelectorAll("[data-at], .key")].map((place) => place.textContent.trim());
  root.querySelector("[data-said]").textContent = words.reverse().join(", ");
});
