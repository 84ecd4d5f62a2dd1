// Chapter 1: its trained networks in closed loop.
"use strict";

{
  // In the order in which they are offered: first the one that fails.
  const COLOURS = { "last state": "orange", "last state, mended": "blue", "all states": "pink" };

  // The drawing: truth and forecast above, the size of the error below, over one axis. The error's axis is fixed.

  const { BROAD, THIN, FAINT, END, stroke, write, shade, upright } = play.chart;
  const { LOOKBACK, STEP } = play;
  const [LOW, HIGH] = [-5, 1]; // powers of ten

  function drawing({ window, truth, forecast, start, colour }, shown, width) {
    const errors = forecast.map((value, i) => value - truth[i]);
    const first = 1 - LOOKBACK; // a position 0 is that of the last known point
    const [left, right] = [62, width - 14];
    const x = (i) => left + ((right - left) * (i - first)) / (truth.length - first);
    const from = (start) => (i) => x(start + i);
    const limit = 1.2 * Math.max(1.25, ...forecast.map(Math.abs));
    const wave = play.chart.linear(36, 206, -limit, limit);
    const size = play.chart.powers(230, 326, LOW, HIGH);
    const level = (v) =>
      stroke(`M${left} ${wave(v)}H${right}`, "line", FAINT) + write(left - 6, wave(v) + 4, play.number(v, 0), END);
    const tick = (v) => {
      const at = x((v - start) / STEP);
      return stroke(`M${at} 36V206M${at} 230V326`, "line", FAINT) + write(at, 344, play.number(v, Number.isInteger(v) ? 0 : 1));
    };
    return play.chart.svg(
      width,
      370,
      "Above, the true wave and the forecast. Below, the size of the error. The numbers stand underneath.",
      [
        play.chart.legend(left, 19, [["truth", "ink", BROAD], ["forecast", colour, THIN]]),
        shade(left + 196, 6, 22, 16, colour) + write(left + 224, 19, "window", play.chart.START),
        shade(x(shown + first), 36, x(LOOKBACK) - x(1), 170, colour),
        [-1, 0, 1].map(level),
        play.chart.levels({ low: LOW, high: HIGH, every: 2, y: size, left, right }),
        play.chart.ticks(start + first * STEP, start + truth.length * STEP, width / 110).map(tick),
        stroke(play.chart.line([...window, ...truth], from(first), wave), "ink", BROAD),
        stroke(play.chart.line(window, from(first), wave), "ink", THIN),
        stroke(play.chart.line([window.at(-1), ...forecast.slice(0, shown)], from(0), wave), colour, THIN),
        shown ? stroke(play.chart.line(errors.slice(0, shown), from(1), size), colour, THIN) : "",
        upright(13, 121, "sin <tspan font-style='italic'>A x</tspan>"),
        upright(13, 278, "|error|"),
        write((left + right) / 2, 364, "<tspan font-style='italic'>x</tspan> (radians)"),
      ],
    );
  }

  // The controls.

  const FIELDS = [
    { id: "frequency", symbol: "<i>A</i>", words: "frequency", label: "A, angular frequency", value: 1, min: 0.2, max: 2.5, step: 0.05 },
    { id: "start", symbol: "<i>x</i><sub>0</sub>", words: "start", label: "x of the last known point", value: 0, min: 0, max: 6.28, step: 0.01 },
    { id: "steps", symbol: "steps", words: "after the window", label: "steps", value: 500, min: 50, max: 5000, step: 50 },
  ];

  const RESULTS = ["forecast", "truth", "error", "largest error so far"];

  const controls = (names) => `<div class="bar"><fieldset><legend>Head</legend>
      ${names.map((name, i) => `<label><input type="radio" name="play-head" value="${name}"${i ? "" : " checked"}> ${name}</label>`).join("")}
    </fieldset></div>
    <div class="controls singles">${FIELDS.map(
      (field) => `<div class="single"><label for="play-${field.id}">${field.symbol} <small>${field.words}</small></label>
        ${play.field({ ...field, id: `play-${field.id}` })}</div>`,
    ).join("")}</div>`;

  play.figure("closed-loop", (place) => {
    const exported = document.getElementById("sine-networks");
    if (!exported) return null;
    const networks = JSON.parse(exported.textContent);
    const names = Object.keys(COLOURS).filter((name) => name in networks);
    place.innerHTML = `<div class="drawing"></div>${play.transport(500)}<dl>${play.results(RESULTS.map((words) => [words, "–"]))}</dl>${controls(names)}
      <p role="status" class="visually-hidden"></p>`;
    const [drawn, results] = [".drawing", "dl"].map((one) => place.querySelector(one));
    const announce = play.announcer(place);
    const wish = { head: names[0], frequency: 1, start: 0, steps: 500 };
    let run = null;
    let due = 0; // the next frame of the computation

    function show(step) {
      const { truth, forecast, start } = run;
      const errors = forecast.slice(0, step).map((value, i) => value - truth[i]);
      drawn.innerHTML = drawing(run, step, drawn.clientWidth);
      place.querySelector(".position").textContent =
        `step ${step} of ${truth.length}, x = ${play.number(start + STEP * step, 2)}`;
      const values = [forecast[step - 1], truth[step - 1], errors.at(-1), play.largest(errors)];
      play.draw(results, play.results(RESULTS.map((words, i) => [words, step ? play.number(values[i], 6) : "–"])));
    }
    const tell = (step) => {
      const errors = run.forecast.slice(0, step).map((value, i) => value - run.truth[i]);
      announce(`After ${step} steps the largest error is ${play.number(play.largest(errors), 4)}`);
    };
    const player = play.player(place, { end: () => run.forecast.length, show, tell });
    function renew() {
      player.stop();
      const [window, truth] = play.startAndTruth(wish.start, wish.frequency, wish.steps);
      run = { window, truth, track: [...window], start: wish.start, colour: COLOURS[wish.head] };
      extend();
    }
    // For 30 ms; a long run takes several frames, so that the page never waits for it.
    function extend() {
      const until = performance.now() + 30;
      while (run.track.length < LOOKBACK + run.truth.length && performance.now() < until)
        play.goOn(networks[wish.head], run.track);
      run.forecast = run.track.slice(LOOKBACK);
      if (run.forecast.length === run.truth.length) return player.rest(run.truth.length);
      player.to(run.forecast.length);
      due = requestAnimationFrame(extend);
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
        wish.head = choice.value;
        later();
      });
    return () => {
      renew();
      new ResizeObserver(() => show(player.now())).observe(drawn);
    };
  });
}
