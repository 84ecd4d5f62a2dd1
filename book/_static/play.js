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
    if (Math.abs(value) >= 1e4) return play.power(value, 2);
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  },

  // A number that may be tiny or huge: 0.0043, 1.3·10⁻⁵.
  small(value, digits = 2) {
    const size = Math.abs(value);
    if (size === 0 || (size >= 1e-3 && size < 1e4)) return play.number(value, size < 0.1 ? 4 : digits);
    return play.power(value, 1);
  },
  power(value, digits) {
    const [digit, power] = value.toExponential(digits).split("e");
    return `${digit.replace("-", "−")}·10${play.raised(Number(power))}`;
  },
  raised: (power) => [...String(power)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join(""),

  // A number field and a slider for one number. Their labels are for screen readers; `id` is for the field.
  field({ id, label, value, min, max, step }) {
    return `<input type="number" id="${id}" aria-label="${label}" value="${value}" step="${step}">
      <input type="range" aria-label="${label}, slider" value="${value}" min="${min}" max="${max}" step="${step}">`;
  },

  // Keep each number field and the slider behind it together, and tell what was entered. A field's default is the number
  // in use: its arrows step from there, and it comes back when what was entered is none, or beyond all bounds.
  listen(place, changed) {
    for (const field of place.querySelectorAll("input[type=number]")) {
      const slider = field.nextElementSibling;
      const use = () => {
        field.defaultValue = field.value;
        changed(field.id, field.valueAsNumber);
      };
      field.addEventListener("input", () => {
        if (!(Math.abs(field.valueAsNumber) <= 1e6)) return; // not yet a number
        slider.value = field.value;
        use();
      });
      field.addEventListener("change", () => (field.value = field.defaultValue));
      slider.addEventListener("input", () => {
        field.value = slider.value;
        use();
      });
    }
  },

  // Write a number into its field and its slider.
  enter(place, id, text) {
    const field = place.querySelector(`#${id}`);
    field.value = field.defaultValue = field.nextElementSibling.value = text;
  },

  // Draw anew. Numbers that are not what they were get a class, and flash where motion is welcome (play.css).
  draw(element, html) {
    const texts = () => [...element.querySelectorAll("text, span, dd")];
    const before = texts().map((text) => text.textContent);
    element.innerHTML = html;
    const now = texts();
    if (now.length !== before.length) return;
    now.forEach((text, i) => text.classList.toggle("changed", text.textContent !== before[i]));
  },

  // A button and a slider that run through the steps of a result: forwards by themselves, or in strides where
  // less motion is wished. `end()` is the last step, `show(step)` draws one, `tell(step)` says where it rests.
  player(place, { end, show, tell, stride = 50 }) {
    const [button, slider] = [".transport button", ".transport input"].map((one) => place.querySelector(one));
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let playing = 0; // the next frame
    function to(step) {
      slider.max = end();
      slider.value = step;
      show(step);
    }
    function stop() {
      cancelAnimationFrame(playing);
      playing = 0;
      place.classList.remove("running");
      button.textContent = still.matches ? `${stride} steps on` : "Play";
    }
    function rest(step) {
      stop();
      to(step);
      tell(step);
    }
    function go() {
      let step = Number(slider.value) % end(); // from the end back to the start
      if (still.matches) return rest(Math.min(end(), step + stride));
      if (playing) return rest(step);
      place.classList.add("running");
      button.textContent = "Pause";
      const rate = Math.max(40, end() / 10); // steps a second
      let before;
      playing = requestAnimationFrame(function frame(now) {
        step = Math.min(end(), step + (rate * (now - (before ?? now))) / 1000);
        before = now;
        if (step === end()) return rest(step);
        to(Math.floor(step));
        playing = requestAnimationFrame(frame);
      });
    }
    button.addEventListener("click", go);
    slider.addEventListener("input", () => rest(Number(slider.value)));
    still.addEventListener("change", stop);
    return { to, stop, rest, go, still, now: () => Number(slider.value) };
  },
  transport: (steps) => `<div class="bar transport"><button type="button">Play</button>
    <input type="range" aria-label="step shown" min="0" max="${steps}" value="${steps}">
    <span class="position">&nbsp;</span></div>`,

  // Names and values below a drawing.
  results: (rows) => rows.map(([words, value]) => `<div><dt>${words}</dt><dd data-result="${words}">${value}</dd></div>`).join(""),

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
