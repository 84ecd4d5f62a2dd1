// Self-checks and bets: without a choice no reason is shown; with one, the reason of that answer.
// A bet is won or lost with the first look: then the right answer's reason stands there, too.
// Its reasons come from the page's end, and go back there for paper.
const bets = [];

for (const check of document.querySelectorAll(".selfcheck")) {
  const place = check.querySelector(".reasons");
  const isBet = check.classList.contains("bet");
  if (isBet) {
    const ours = [...check.querySelectorAll("input")].map(
      (input) => document.querySelector(`[data-for="${input.id}"]`),
    );
    bets.push([place, ours]);
    place.append(...ours);
  }
  const reasons = place.querySelectorAll("[data-for]");
  const show = () => {
    const chosen = check.querySelector("input:checked");
    for (const reason of reasons) {
      const right = isBet && chosen && reason.classList.contains("right");
      reason.hidden = reason.dataset.for !== chosen?.id && !right;
    }
  };
  check.addEventListener("change", show);
  show(); // a browser may remember a choice
}

const end = document.querySelector(".at-the-end");
if (end) {
  const first = end.querySelector(".your-turn-solution");
  end.classList.add("on-paper");
  addEventListener("beforeprint", () => {
    for (const [, reasons] of bets) for (const reason of reasons) end.insertBefore(reason, first);
  });
  addEventListener("afterprint", () => {
    for (const [place, reasons] of bets) place.append(...reasons);
  });
}
