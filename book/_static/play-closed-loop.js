// Chapter 1: its trained networks in closed loop.
"use strict";

{
  // The network, as the chapter writes it. `weights` are the notebook's, under PyTorch's names.

  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // W v + b
  function affine(W, v, b) {
    return W.map((row, i) => {
      let sum = b[i];
      for (let j = 0; j < row.length; j++) sum += row[j] * v[j];
      return sum;
    });
  }

  // PyTorch stacks the blocks of a GRU in the order r, z, n.
  function gruStep(x, h, weights) {
    const H = h.length;
    const input = affine(weights["core.weight_ih_l0"], [x], weights["core.bias_ih_l0"]);
    const state = affine(weights["core.weight_hh_l0"], h, weights["core.bias_hh_l0"]);
    return h.map((old, i) => {
      const r = sigmoid(input[i] + state[i]);
      const z = sigmoid(input[H + i] + state[H + i]);
      const n = Math.tanh(input[2 * H + i] + r * state[2 * H + i]);
      return (1 - z) * n + z * old;
    });
  }

  function predict({ readout, residual, weights }, window) {
    const states = [];
    let h = weights["core.weight_hh_l0"][0].map(() => 0);
    for (const x of window) states.push((h = gruStep(x, h, weights)));
    const [output] = affine(weights["head.weight"], readout === "all" ? states.flat() : h, weights["head.bias"]);
    return residual ? window.at(-1) + output : output;
  }

  // The window slides: it is always the last 50 points, the network's own predictions among them.
  const LOOKBACK = 50;
  const goOn = (network, track) => track.push(predict(network, track.slice(-LOOKBACK)));
  play.closedLoop = (network, window, steps) => {
    const track = [...window];
    while (track.length < LOOKBACK + steps) goOn(network, track);
    return track.slice(LOOKBACK);
  };

  // The 50 points that end at x = start, and the steps that follow.
  const STEP = 0.04;
  play.startAndTruth = (start, frequency, steps) => {
    const first = start - (LOOKBACK - 1) * STEP;
    const track = Array.from({ length: LOOKBACK + steps }, (_, i) => Math.sin(frequency * (first + STEP * i)));
    return [track.slice(0, LOOKBACK), track.slice(LOOKBACK)];
  };

  // The drawing: truth and forecast above, the error below, over one axis.

  const COLOURS = ["blue", "orange", "green"]; // of the networks, in their order

  // The next of the round numbers 1, 2, 5, 10, 20, ...
  function roundUp(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((digit) => digit * power >= value) * power;
  }

  // About `count` round numbers between two others.
  function ticks(low, high, count) {
    const step = roundUp((high - low) / count);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
  }

  const write = (x, y, content, more = "") => `<text x="${x}" y="${y}" fill="var(--diagram-ink)" ${more}>${content}</text>`;
  const stroke = (path, colour, more) => `<path d="${path}" stroke="var(--diagram-${colour})" ${more}/>`;
  const FAINT = 'stroke-opacity="0.35"';
  const BROAD = `${FAINT} stroke-width="4"`;
  const THIN = 'stroke-width="1.6"';
  const START = 'text-anchor="start"';
  const END = 'text-anchor="end"';
  const ITALIC = "<tspan font-style='italic'>";

  function drawing({ window, truth, forecast, start, colour }, shown, width) {
    const errors = forecast.map((value, i) => value - truth[i]);
    const first = 1 - LOOKBACK; // a position 0 is that of the last known point
    const [left, right] = [66, width - 14];
    const x = (i) => left + ((right - left) * (i - first)) / (truth.length - first);
    const panel = (top, bottom, limit) => ({ limit, y: (v) => top + ((bottom - top) * (limit - v)) / (2 * limit) });
    const above = panel(40, 230, 1.2 * Math.max(1, ...forecast.map(Math.abs)));
    const below = panel(258, 348, roundUp(Math.max(0.005, ...errors.map(Math.abs))));

    const line = (values, from, { y }) => `M${values.map((v, i) => `${x(from + i).toFixed(1)} ${y(v).toFixed(1)}`).join("L")}`;
    const shade = (at, y, w, h) =>
      `<rect x="${at}" y="${y}" width="${w}" height="${h}" fill="var(--diagram-${colour})" fill-opacity="0.18"/>`;
    const level = ({ limit, y }, v) =>
      stroke(`M${left} ${y(v)}H${right}`, "line", FAINT) +
      write(left - 6, y(v) + 4, play.number(v, limit < 0.01 ? 3 : limit < 0.1 ? 2 : 1), END);
    const upright = (v) => {
      const at = x((v - start) / STEP);
      const digits = Number.isInteger(v) ? 0 : 1;
      return stroke(`M${at} 40V230M${at} 258V348`, "line", FAINT) + write(at, 366, play.number(v, digits));
    };
    const parts = [
      stroke(`M${left} 14h24`, "ink", BROAD) + write(left + 31, 19, "truth", START),
      stroke(`M${left + 82} 14h24`, colour, THIN) + write(left + 113, 19, "forecast", START),
      shade(left + 186, 6, 24, 16) + write(left + 217, 19, "window", START),
      shade(x(shown + first), 40, x(LOOKBACK) - x(1), 190),
      ...ticks(-above.limit, above.limit, 4).map((v) => level(above, v)),
      ...[-below.limit, 0, below.limit].map((v) => level(below, v)),
      ...ticks(start + first * STEP, start + truth.length * STEP, width / 110).map(upright),
      stroke(line([...window, ...truth], first, above), "ink", BROAD),
      stroke(line(window, first, above), "ink", THIN),
      stroke(line([window.at(-1), ...forecast.slice(0, shown)], 0, above), colour, THIN),
      stroke(line([0, ...errors.slice(0, shown)], 0, below), colour, THIN),
      write(13, 135, `sin ${ITALIC}A x</tspan>`, 'transform="rotate(-90 13 135)"'),
      write(13, 303, "error", 'transform="rotate(-90 13 303)"'),
      write((left + width) / 2, 388, `${ITALIC}x</tspan> (radians)`),
    ];
    return `<svg viewBox="0 0 ${width} 396" width="${width}" height="396" role="img" fill="none" stroke-linejoin="round"
      aria-label="Above, the true wave and the forecast. Below, the error. The numbers stand underneath.">
      ${parts.join("")}</svg>`;
  }

  // The controls.

  const FIELDS = [
    { id: "frequency", symbol: "<i>A</i>", words: "frequency", label: "A, angular frequency", value: 1, min: 0.2, max: 2.5, step: 0.05 },
    { id: "start", symbol: "<i>x</i><sub>0</sub>", words: "start", label: "x of the last known point", value: 0, min: 0, max: 6.28, step: 0.01 },
    { id: "steps", symbol: "steps", words: "after the window", label: "steps", value: 500, min: 50, max: 5000, step: 50 },
  ];
  const RESULTS = [
    ["forecast", "forecast"],
    ["truth", "truth"],
    ["error", "error"],
    ["largest", "largest error so far"],
  ];

  const controls = (names) => `<div class="bar"><fieldset><legend>Head</legend>
      ${names.map((name, i) => `<label><input type="radio" name="play-head" value="${i}"${i ? "" : " checked"}> ${name}</label>`).join("")}
    </fieldset></div>
    <div class="controls singles">${FIELDS.map(
      (field) => `<div class="single"><label for="play-${field.id}">${field.symbol} <small>${field.words}</small></label>
        ${play.field({ ...field, id: `play-${field.id}` })}</div>`,
    ).join("")}</div>`;

  const PROGRESS = `<div class="bar transport"><button type="button">Play</button>
      <input type="range" aria-label="step shown" min="0" max="500" value="500">
      <span class="position">&nbsp;</span></div>
    <dl>${RESULTS.map(([key, words]) => `<div><dt>${words}</dt><dd data-result="${key}">–</dd></div>`).join("")}</dl>`;

  play.figure("closed-loop", (place) => {
    const exported = document.getElementById("sine-networks");
    if (!exported) return null;
    const networks = Object.entries(JSON.parse(exported.textContent));
    place.innerHTML = `${controls(networks.map(([name]) => name))}<div class="drawing"></div>${PROGRESS}
      <p role="status" class="visually-hidden"></p>`;
    const [drawn, slider, button] = [".drawing", ".transport input", "button"].map((one) => place.querySelector(one));
    const announce = play.announcer(place);
    const wish = { head: 0, frequency: 1, start: 0, steps: 500 };
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let run = null;
    let playing = 0; // the next frame of the animation
    let due = 0; // and of the computation

    function show(step) {
      const { truth, forecast, start } = run;
      const errors = forecast.slice(0, step).map((value, i) => value - truth[i]);
      const results = {
        forecast: forecast[step - 1],
        truth: truth[step - 1],
        error: errors.at(-1),
        largest: errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0),
      };
      drawn.innerHTML = drawing(run, step, drawn.clientWidth);
      slider.max = truth.length;
      slider.value = step;
      place.querySelector(".position").textContent =
        `step ${step} of ${truth.length}, x = ${play.number(start + STEP * step, 2)}`;
      for (const [key] of RESULTS)
        place.querySelector(`[data-result=${key}]`).textContent = step ? play.number(results[key], 6) : "–";
      return results.largest;
    }
    function stop() {
      cancelAnimationFrame(playing);
      playing = 0;
      button.textContent = still.matches ? "50 steps on" : "Play";
    }
    function showAndTell(step) {
      stop();
      announce(`After ${step} steps the largest error is ${play.number(show(step), 4)}`);
    }
    function renew() {
      stop();
      const [window, truth] = play.startAndTruth(wish.start, wish.frequency, wish.steps);
      run = { window, truth, track: [...window], start: wish.start, colour: COLOURS[wish.head] };
      extend();
    }
    // For 30 ms; a long run takes several frames, so that the page never waits for it.
    function extend() {
      const [, network] = networks[wish.head];
      const until = performance.now() + 30;
      while (run.track.length < LOOKBACK + run.truth.length && performance.now() < until) goOn(network, run.track);
      run.forecast = run.track.slice(LOOKBACK);
      if (run.forecast.length === run.truth.length) return showAndTell(run.truth.length);
      show(run.forecast.length);
      due = requestAnimationFrame(extend);
    }
    function go() {
      const end = run.forecast.length;
      let step = Number(slider.value) % end; // from the end back to the start
      if (still.matches) return showAndTell(Math.min(end, step + LOOKBACK));
      if (playing) return stop();
      button.textContent = "Pause";
      const rate = Math.max(40, end / 10); // steps a second
      let before;
      playing = requestAnimationFrame(function frame(now) {
        step = Math.min(end, step + (rate * (now - (before ?? now))) / 1000);
        before = now;
        if (step === end) return showAndTell(end);
        show(Math.floor(step));
        playing = requestAnimationFrame(frame);
      });
    }

    // Many moves of a slider between two frames are one.
    function later() {
      cancelAnimationFrame(due);
      due = requestAnimationFrame(renew);
    }
    play.listen(place, (id, value) => {
      const { min, max } = FIELDS.find((field) => id === `play-${field.id}`);
      wish[id.slice(5)] = id === "play-steps" ? Math.round(Math.min(max, Math.max(1, value))) : value;
      later();
    });
    for (const choice of place.querySelectorAll("[name=play-head]"))
      choice.addEventListener("change", () => {
        wish.head = Number(choice.value);
        later();
      });
    slider.addEventListener("input", () => showAndTell(Number(slider.value)));
    button.addEventListener("click", go);
    still.addEventListener("change", stop);
    return () => {
      renew();
      new ResizeObserver(() => show(Number(slider.value))).observe(drawn);
    };
  });
}
