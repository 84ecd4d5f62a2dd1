// Chapter 3: stand in a January between 1937 and 1973, see three forecasts of the next cycle, then uncover the truth.
"use strict";

{
  const CYCLE = 132;
  const { BROAD, THIN, FAINT, END, stroke, write, shade, upright } = play.chart;
  // Name, how it is told apart, its colour.
  const LINES = [
    ["repeat", 'stroke-width="1.8" stroke-dasharray="2 4"', "pink"],
    ["AR", 'stroke-width="1.8" stroke-dasharray="8 4"', "green"],
    ["GRU", 'stroke-width="1.8"', "blue"],
  ];

  const squared = (root) => Math.max(0, root) ** 2;
  play.timeMachine = {
    past: ({ numbers }, k) => numbers.slice(12 * k, 12 * k + CYCLE),
    truth: ({ numbers }, k) => numbers.slice(12 * k + CYCLE, 12 * k + 2 * CYCLE),
    // The forecast of each, and its fan: the number k of the origin counts from the first one.
    repeat: (data, k) => play.timeMachine.past(data, k),
    AR({ numbers, weights, constant, variance }, k) {
      const track = numbers.slice(12 * k, 12 * k + CYCLE).map(Math.sqrt);
      for (let t = 0; t < CYCLE; t++) track.push(weights[0].reduce((sum, w, i) => sum + w * track[t + i], constant[0]));
      return track.slice(CYCLE).map((root, t) => squared(root) + variance[t]);
    },
    GRU: (data, k) => data.forecast[k],
    fan(data, name, k) {
      if (name in data.fans) return data.fans[name].map((edge) => edge[k]);
      const roots = play.timeMachine.past(data, k).map(Math.sqrt);
      return [-data.margin, data.margin].map((m) => roots.map((root) => squared(root + m)));
    },
    // Over the first so many months: the root of the mean square error, and how many lie inside the fan.
    score(forecast, [low, high], truth, months) {
      const shown = truth.slice(0, months);
      const squares = shown.reduce((sum, value, t) => sum + (forecast[t] - value) ** 2, 0);
      const inside = shown.filter((value, t) => low[t] <= value && value <= high[t]).length;
      return { rmse: Math.sqrt(squares / months), inside };
    },
  };

  // One cycle of known months, one to come. Both axes are the same for all origins.
  function drawing({ year, past, truth, runs, chosen }, shown, width) {
    const [left, right, top, bottom] = [54, width - 12, 34, 262];
    const x = (month) => left + ((right - left) * (month + CYCLE)) / (2 * CYCLE);
    const y = play.chart.linear(top, bottom, 0, 280);
    const known = (i) => x(i - CYCLE);
    const [low, high] = runs[chosen].fan;
    const edge = [...low.keys()].reverse().map((t) => `${x(t).toFixed(1)} ${y(low[t]).toFixed(1)}`);
    const fan = `<path d="${play.chart.line(high, x, y)}L${edge.join("L")}Z" fill="var(--diagram-${LINES[chosen][2]})" fill-opacity="0.18"/>`;
    return play.chart.svg(
      width,
      302,
      "The last cycle, three forecasts of the next one, the fan of one of them, and the truth as far as it is uncovered. The scores stand underneath.",
      [
        play.chart.legend(left, 17, [["truth", "ink", BROAD], ...LINES.map(([name, more, colour]) => [name, colour, more])], 26),
        [0, 100, 200].map((v) => stroke(`M${left} ${y(v)}H${right}`, "line", FAINT) + write(left - 6, y(v) + 5, v, END)),
        shade(x(0), top, x(shown) - x(0), bottom - top, "line"),
        fan,
        stroke(play.chart.line(past, known, y), "ink", BROAD),
        stroke(play.chart.line([past.at(-1), ...truth.slice(0, shown)], (i) => x(i - 1), y), "ink", BROAD),
        LINES.map(([, more, colour], m) => stroke(play.chart.line(runs[m].forecast, x, y), colour, more)),
        stroke(`M${x(0)} ${top}V${bottom}`, "ink", THIN),
        [-10, -5, 0, 5, 10].map((years) => write(x(12 * years), bottom + 18, year + years)),
        upright(13, (top + bottom) / 2, "sunspot number"),
        write((left + right) / 2, 298, "year"),
      ],
    );
  }

  play.figure("time-machine", (place) => {
    const exported = document.getElementById("time-machine-data");
    if (!exported) return null;
    const data = JSON.parse(exported.textContent);
    const last = data.forecast.length - 1;
    place.innerHTML = `<div class="drawing"></div>${play.transport(CYCLE)}
      <div class="controls singles"><div class="single leash"><label for="play-origin">Origin</label>
        <output for="play-origin">&nbsp;</output>
        <input type="range" id="play-origin" min="0" max="${last}" value="${Math.min(11, last)}"></div>
        <fieldset><legend>Fan of</legend>
          ${LINES.map(([name], m) => `<label><input type="radio" name="play-fan" value="${m}"${m === 1 ? " checked" : ""}> ${name}</label>`).join("&ensp;")}
        </fieldset></div>
      <dl>${play.results([...LINES.map(([name]) => [name, "–"]), ["nearest over a cycle", "–"]])}</dl>
      <p role="status" class="visually-hidden"></p>`;
    const find = (selector) => place.querySelector(selector);
    const [drawn, results, origin, output] = [".drawing", "dl", "#play-origin", "output"].map(find);
    const announce = play.announcer(place);
    const nearest = new Map(); // of the origins whose cycle was uncovered: who came nearest
    let run;

    function travel() {
      const k = Number(origin.value);
      const truth = play.timeMachine.truth(data, k);
      const runs = LINES.map(([name]) => ({
        forecast: play.timeMachine[name](data, k),
        fan: play.timeMachine.fan(data, name, k),
      }));
      run = { k, year: data.first + k, past: play.timeMachine.past(data, k), truth, runs };
      output.textContent = `January ${run.year}`;
      origin.setAttribute("aria-valuetext", output.textContent);
      player.rest(0);
    }
    const scores = (step) => run.runs.map(({ forecast, fan }) => play.timeMachine.score(forecast, fan, run.truth, step));
    function show(step) {
      run.chosen = Number(find("[name=play-fan]:checked").value);
      play.draw(drawn, drawing(run, step, drawn.clientWidth));
      const found = step ? scores(step) : [];
      if (step === CYCLE) {
        const least = Math.min(...found.map(({ rmse }) => rmse));
        nearest.set(run.k, found.findIndex(({ rmse }) => rmse === least));
      }
      const won = LINES.map(([name], m) => `${name} ${[...nearest.values()].filter((winner) => winner === m).length}`);
      const rows = LINES.map(([name], m) => [
        name,
        step ? `off by ${play.number(found[m].rmse, 1)}, ${found[m].inside} of ${step} in its fan` : "–",
      ]);
      play.draw(results, play.results([...rows, ["nearest over a cycle", nearest.size ? won.join(", ") : "–"]]));
      find(".position").textContent = `${step} of ${CYCLE} months uncovered`;
    }
    function tell(step) {
      const words = step ? scores(step).map(({ rmse }, m) => `${LINES[m][0]} ${play.number(rmse, 1)}`) : [];
      announce(`January ${run.year}, ${step} months uncovered. ${step ? `Off by: ${words.join(", ")}` : ""}`);
    }
    const player = play.player(place, { end: () => CYCLE, show, tell, stride: 12 });
    find(".transport input").setAttribute("aria-label", "months uncovered");
    origin.addEventListener("input", travel);
    for (const choice of place.querySelectorAll("[name=play-fan]"))
      choice.addEventListener("change", () => show(player.now()));
    return () => {
      travel();
      new ResizeObserver(() => show(player.now())).observe(drawn);
    };
  });
}
