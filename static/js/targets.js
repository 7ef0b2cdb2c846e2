// The strategy fills one target per ticked shard; what somebody typed for a shard stays as it is.
const form = document.querySelector("form[data-targets]");
if (form) start(form.elements);

function start(fields) {
  const own = () => [...form.querySelectorAll("input[name^='target-']")];
  const typed = new Set(own().filter((field) => field.value && field.value !== strategy()));

  function strategy() {
    switch (fields.to.value) {
      case "time": return fields.when.value && `${fields.when.value.replace("T", " ")} ${fields.zone.value}`.trim();
      case "text": return fields.text.value.trim();
      case "snapshot": return fields.snapshot.value && `snapshot:${fields.snapshot.value}`;
      case "group": return fields.group.value && `group:${fields.group.value}`;
      case "file": return "";
      default: return fields.to.value;
    }
  }

  function fill() {
    for (const field of own()) {
      const box = document.getElementById(field.name.replace("target", "shard"));
      if (!typed.has(field)) field.value = box.checked ? strategy() : "";
    }
  }

  form.addEventListener("input", ({ target }) => {
    if (!target.name.startsWith("target-")) fill();
    else if (target.value) typed.add(target);
    else typed.delete(target);
  });
  form.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-target]");
    if (!pick) return;
    event.preventDefault();
    fields.to.value = "text";
    fields.text.value = pick.dataset.target;
    fields.text.dispatchEvent(new Event("input", { bubbles: true }));
  });
  fill();
}
