// Parts with data-when="NAME:VALUE VALUE" stand there only while the field NAME of their form has one of these
// values; what is hidden is not sent. Without script all of them are shown, each saying when it counts.
function show(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const [name, values] = part.dataset.when.split(":");
    part.hidden = !values.split(" ").includes(form.elements[name].value);
    for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = part.hidden;
  }
}

const forms = new Set([...document.querySelectorAll("[data-when]")].map((part) => part.closest("form")));
for (const form of forms) {
  form.addEventListener("change", () => show(form));
  show(form);
}
addEventListener("pageshow", () => forms.forEach(show)); // the browser may have put back what was chosen
