// The home page: the network that fails, running on its own output, with its loss and its error.
"use strict";

{
  const STEPS = 500;
  const { BROAD, THIN, FAINT, stroke, write, shade } = play.chart;
  const { LOOKBACK } = play;

  function drawing({ window, truth, forecast }, step, width, height) {
    const first = 1 - LOOKBACK;
    const x = (i) => 4 + ((width - 8) * (i - first)) / (STEPS - first);
    const from = (start) => (i) => x(start + i);
    const wave = play.chart.linear(34, height - 8, -1.6, 1.3);
    return play.chart.svg(width, height, "A sine wave, and a forecast that leaves it. The numbers stand underneath.", [
      play.chart.legend(6, 19, [["truth", "ink", BROAD], ["forecast", "orange", THIN]]),
      shade(202, 6, 22, 16, "orange") + write(230, 19, "the 50 points it reads", play.chart.START),
      shade(x(step + first), 34, x(LOOKBACK) - x(1), height - 42, "orange"),
      stroke(`M${x(0)} 34V${height - 8}`, "line", `${FAINT} stroke-dasharray="3 3"`),
      write(x(0) + 5, height - 10, "from here on its own", play.chart.START),
      stroke(play.chart.line([...window, ...truth], from(first), wave), "ink", BROAD),
      stroke(play.chart.line([window.at(-1), ...forecast.slice(0, step)], from(0), wave), "orange", 'stroke-width="2.2"'),
    ]);
  }

  const RESULTS = ["largest error, reading the truth", "largest error, reading itself"];

  play.figure("running", (place) => {
    place.innerHTML = `<div class="drawing"></div>${play.transport(STEPS)}<dl>${play.results(RESULTS.map((words) => [words, "–"]))}</dl>
      <p role="status" class="visually-hidden"></p>`;
    const [drawn, results] = [".drawing", "dl"].map((one) => place.querySelector(one));
    const announce = play.announcer(place);
    const network = play.sineNetworks["last state"];
    let run, oneStep;

    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    function show(step) {
      const { truth, forecast } = run;
      drawn.innerHTML = drawing(run, step, drawn.clientWidth, drawn.clientHeight);
      place.querySelector(".position").textContent = `step ${step} of ${STEPS}`;
      const errors = [oneStep, forecast].map((track) => track.slice(0, step).map((value, i) => value - truth[i]));
      const loss = mean(errors[0].map((error) => error ** 2));
      const values = errors.map((each) => play.number(play.largest(each), 2));
      const shown = step ? [`${values[0]} <small>(loss ${play.small(loss)})</small>`, values[1]] : ["–", "–"];
      results.innerHTML = play.results(RESULTS.map((words, i) => [words, shown[i]]));
    }
    const tell = (step) => {
      const errors = run.forecast.slice(0, step).map((value, i) => value - run.truth[i]);
      announce(`After ${step} steps the largest error is ${play.number(play.largest(errors), 2)}`);
    };
    const player = play.player(place, { end: () => STEPS, show, tell });
    return () => {
      const [window, truth] = play.startAndTruth(0, 1, STEPS);
      run = { window, truth, forecast: play.closedLoop(network, window, STEPS) };
      oneStep = play.onLeash(network, [window, truth], 1);
      player.rest(STEPS);
      new ResizeObserver(() => show(player.now())).observe(drawn);
      if (!player.still.matches) player.go();
    };
  });
}
