// Chapter 1 and the home page: how long may a network run before it sees the truth again?
"use strict";

{
  const MODELS = [
    ["last state", "failing network", "orange", play.chart.THIN],
    ["last state, mended", "mended network", "blue", play.chart.THIN],
    ["linear rule", "linear rule", "green", 'stroke-width="1.6" stroke-dasharray="5 4"'],
  ];
  const STEPS = 500;
  const LENGTHS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 125, 150, 200, 250, 300, 400, STEPS];
  const [LOW, HIGH] = [-5, 1]; // powers of ten
  const { BROAD, THIN, FAINT, stroke, write, upright } = play.chart;
  const run = play.startAndTruth(0, 1, STEPS);

  // Forecasts and largest errors of all models on a leash of this length, computed once.
  const known = new Map();
  function onLeash(length) {
    if (!known.has(length))
      known.set(
        length,
        MODELS.map(([name]) => {
          const forecast = play.onLeash(play.sineNetworks[name], run, length);
          return { forecast, largest: play.largest(forecast.map((value, i) => value - run[1][i])) };
        }),
      );
    return known.get(length);
  }

  // Above, the waves; below, the largest error against the length of the leash, on an axis that never changes.
  function drawing(length, width) {
    const results = onLeash(length);
    const [left, right] = [62, width - 16];
    const x = (i) => left + ((right - left) * i) / STEPS;
    const wave = play.chart.linear(34, 160, -1.5, 1.5);
    const size = play.chart.powers(200, 330, LOW, HIGH);
    const longer = (k) => left + (right - left) * (Math.log10(k) / Math.log10(STEPS));
    const shown = Array.from({ length: Math.ceil(STEPS / length) }, (_, i) => x(i * length).toFixed(1));
    const computed = LENGTHS.filter((k) => known.has(k));
    const curve = (m) => play.chart.line(computed.map((k) => known.get(k)[m].largest), (i) => longer(computed[i]), size);
    const dot = ({ largest }, m) =>
      `<circle cx="${longer(length)}" cy="${size(largest)}" r="5" fill="var(--diagram-${MODELS[m][2]})"/>`;
    const named = ([, words, colour], m) => {
      const above = size(results[m].largest) - (m === 2 ? 8 : 10);
      const beside = longer(length) > (left + right) / 2 ? [-9, play.chart.END] : [9, play.chart.START];
      const text = results[m].largest < 10 ** LOW ? `${words}, far below this axis` : words;
      return write(longer(length) + beside[0], above, text, beside[1], `${colour}-text`);
    };
    return play.chart.svg(
      width,
      374,
      "Above, the true wave and three forecasts. Below, their largest errors by the length of the leash. The numbers stand underneath.",
      [
        play.chart.legend(left, 19, [["truth", "ink", BROAD]]),
        stroke(`M${left + 96} 9v10`, "ink", THIN) + write(left + 104, 19, "shown again", play.chart.START),
        [-1, 0, 1].map(
          (v) => stroke(`M${left} ${wave(v)}H${right}`, "line", FAINT) + write(left - 6, wave(v) + 4, play.number(v, 0), play.chart.END),
        ),
        stroke(shown.map((at) => `M${at} 152v10`).join(""), "ink", THIN),
        stroke(play.chart.line(run[1], (i) => x(i + 1), wave), "ink", BROAD),
        MODELS.map(([, , colour, more], m) =>
          stroke(play.chart.line(results[m].forecast, (i) => x(i + 1), wave), colour, more),
        ).reverse(),
        [0, 100, 200, 300, 400, 500].map((step) => write(x(step), 178, step)),
        play.chart.levels({ low: LOW, high: HIGH, every: 2, y: size, left, right }),
        [1, 10, 100, STEPS].map(
          (k) => stroke(`M${longer(k)} 200V330`, "line", FAINT) + write(longer(k), 348, k),
        ),
        stroke(`M${longer(length)} 200V330`, "ink", FAINT),
        MODELS.map(([, , colour, more], m) => (computed.length > 1 ? stroke(curve(m), colour, more) : "")),
        results.map(dot),
        MODELS.map(named),
        upright(13, 97, "sin <tspan font-style='italic'>x</tspan>"),
        upright(13, 265, "largest error"),
        write((left + right) / 2, 368, "steps on its own, until the truth is shown again"),
      ],
    );
  }

  const words = (length) =>
    length === 1 ? "1 step: open loop" : length === STEPS ? `${STEPS} steps: closed loop` : `${length} steps`;

  play.figure("leash", (place) => {
    place.innerHTML = `<div class="drawing"></div>
      <div class="controls singles"><div class="single leash"><label for="play-leash">Leash</label>
        <output for="play-leash">&nbsp;</output>
        <input type="range" id="play-leash" min="0" max="${LENGTHS.length - 1}" value="${LENGTHS.length - 1}"></div></div>
      <dl>${play.results(MODELS.map(([, name]) => [name, "–"]))}</dl><p role="status" class="visually-hidden"></p>`;
    const [drawn, slider, output, results] = [".drawing", "input", "output", "dl"].map((one) => place.querySelector(one));
    const announce = play.announcer(place);
    let due = 0;

    const length = () => LENGTHS[slider.value];
    function show() {
      play.draw(drawn, drawing(length(), drawn.clientWidth));
      const rows = onLeash(length()).map(({ largest }, m) => [MODELS[m][1], `off by up to ${play.small(largest)}`]);
      play.draw(results, play.results(rows));
      output.textContent = words(length());
      slider.setAttribute("aria-valuetext", words(length()));
    }
    slider.addEventListener("input", () => {
      cancelAnimationFrame(due);
      due = requestAnimationFrame(() => {
        show();
        const found = onLeash(length()).map(({ largest }, m) => `${MODELS[m][1]} ${play.small(largest)}`);
        announce(`Largest error: ${found.join(", ")}`);
      });
    });
    // The rest of the curves, a length at a time, when the page has nothing else to do.
    function fill() {
      const next = LENGTHS.findLast((k) => !known.has(k));
      if (next === undefined) return show();
      onLeash(next);
      setTimeout(fill, 20);
    }
    return () => {
      show();
      new ResizeObserver(show).observe(drawn);
      setTimeout(fill, 200);
    };
  });
}
