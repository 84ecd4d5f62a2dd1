// Chapter 1's networks on its wave. `weights` are Python's, under PyTorch's names.
"use strict";

{
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

  // The next point, by a network or by the linear rule.
  function predict(model, window) {
    if (model.coefficients) return affine([model.coefficients], window, [model.intercept])[0];
    const { readout, residual, weights } = model;
    const states = [];
    let h = weights["core.weight_hh_l0"][0].map(() => 0);
    for (const x of window) states.push((h = gruStep(x, h, weights)));
    const [output] = affine(weights["head.weight"], readout === "all" ? states.flat() : h, weights["head.bias"]);
    return residual ? window.at(-1) + output : output;
  }

  const LOOKBACK = 50;
  const STEP = 0.04;
  Object.assign(play, {
    LOOKBACK,
    STEP,

    // The window slides: it is always the last 50 points, the network's own predictions among them.
    goOn: (model, track) => track.push(predict(model, track.slice(-LOOKBACK))),
    closedLoop(model, window, steps) {
      const track = [...window];
      while (track.length < LOOKBACK + steps) play.goOn(model, track);
      return track.slice(LOOKBACK);
    },

    // A closed loop to which the truth is shown again every so many steps. 1 is open loop.
    onLeash(model, [window, truth], every) {
      const known = [...window, ...truth];
      const forecast = [];
      while (forecast.length < truth.length) {
        const now = forecast.length;
        const steps = Math.min(every, truth.length - now);
        forecast.push(...play.closedLoop(model, known.slice(now, now + LOOKBACK), steps));
      }
      return forecast;
    },

    // The 50 points that end at x = start, and the steps that follow.
    startAndTruth(start, frequency, steps) {
      const first = start - (LOOKBACK - 1) * STEP;
      const track = Array.from({ length: LOOKBACK + steps }, (_, i) => Math.sin(frequency * (first + STEP * i)));
      return [track.slice(0, LOOKBACK), track.slice(LOOKBACK)];
    },
    largest: (errors) => errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0),
  });
}
