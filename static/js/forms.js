// A choice marked data-submit sends its form at once; its button (data-noscript) is for pages without script.
document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-submit]")) target.form.requestSubmit();
});
