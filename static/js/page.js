// The one entry: what every page does beyond plain HTML. Without it everything still works by links and forms.
import "./ages.js";
import "./chart.js";
import "./copy.js";
import "./countdown.js";
import "./depends.js";
import "./forms.js";
import "./keys.js";
import "./menus.js";
import "./picks.js";
import "./refresh.js";
import "./targets.js";

document.documentElement.classList.add("scripted");
