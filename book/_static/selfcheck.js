// Self-check questions: without a choice no reason is shown; with one, the reason of that answer.
for (const check of document.querySelectorAll(".selfcheck")) {
  const reasons = check.querySelectorAll(".reasons > div");
  const show = () => {
    const chosen = check.querySelector("input:checked");
    for (const reason of reasons) reason.hidden = reason.dataset.for !== chosen?.id;
  };
  check.addEventListener("change", show);
  show(); // a browser may remember a choice
}
