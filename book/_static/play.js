// What the figures to play with have in common. These are plain scripts and no modules, because a page
// that is opened from a disk (file://) may not import modules.
"use strict";

const play = {
  // Put a figure where the page has room for it. Nothing is computed before the reader comes near.
  // `build(place)` fills the place and returns a function that computes and draws.
  figure(name, build) {
    for (const place of document.querySelectorAll(`[data-play="${name}"]`)) {
      const draw = build(place);
      if (!draw) continue; // the text instead of the figure stays
      const near = new IntersectionObserver(
        (seen) => {
          if (!seen.some((entry) => entry.isIntersecting)) return;
          near.disconnect();
          draw();
        },
        { rootMargin: "200px" },
      );
      near.observe(place);
    }
  },

  // A number in print: a real minus, none before a zero, and never wider than it must be.
  number(value, digits) {
    if (Math.abs(value) >= 1e4) return value.toExponential(2).replaceAll("-", "−").replace("+", "");
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  },

  // A number field and a slider for one number. Their labels are for screen readers; `id` is for the field.
  field({ id, label, value, min, max, step }) {
    return `<input type="number" id="${id}" aria-label="${label}" value="${value}" step="${step}">
      <input type="range" aria-label="${label}, slider" value="${value}" min="${min}" max="${max}" step="${step}">`;
  },

  // Keep each number field and the slider behind it together, and tell what was entered.
  listen(place, changed) {
    for (const field of place.querySelectorAll("input[type=number]")) {
      const slider = field.nextElementSibling;
      field.addEventListener("input", () => {
        if (!Number.isFinite(field.valueAsNumber)) return; // not yet a number
        slider.value = field.value;
        changed(field.id, field.valueAsNumber);
      });
      slider.addEventListener("input", () => {
        field.value = slider.value;
        changed(field.id, field.valueAsNumber);
      });
    }
  },

  // Write a number into its field and its slider.
  enter(place, id, text) {
    const field = place.querySelector(`#${id}`);
    field.value = field.nextElementSibling.value = text;
  },

  // Tell screen readers of a result, but only once the reader has stopped moving things.
  announcer(place) {
    const region = place.querySelector("[role=status]");
    let waiting;
    return (text) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => (region.textContent = text), 800);
    };
  },
};
