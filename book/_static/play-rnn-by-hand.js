// Chapter 2: the tutorial's network over three steps, with all its numbers.
"use strict";

{
  // The recurrence, as the chapter writes it: h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), ŷ = W_y h_3 + b_y.

  const ACTIVATIONS = { linear: (a) => a, tanh: Math.tanh };
  const times = (W, v) => W.map((row) => row.reduce((sum, w, j) => sum + w * v[j], 0));
  const add = (...vectors) => vectors[0].map((_, i) => vectors.reduce((sum, v) => sum + v[i], 0));

  play.unroll = ({ x, h0, W_ih, W_hh, b_ih, b_hh, W_y, b_y, activation }) => {
    const steps = [];
    let h = h0;
    for (const x_t of x) {
      const fromInput = times(W_ih, x_t);
      const fromState = times(W_hh, h);
      const bias = add(b_ih, b_hh);
      const a = add(fromInput, fromState, bias);
      h = a.map(ACTIVATIONS[activation]);
      steps.push({ x: x_t, fromInput, fromState, bias, a, h });
    }
    const fromLast = times(W_y, h);
    return { steps, fromLast, b_y, output: add(fromLast, b_y) };
  };

  // The tutorial's weights, as it prints them. It stored them as 32-bit floats: Math.fround.
  const TUTORIAL = {
    x: [["1"], ["2"], ["3"]],
    h0: ["0", "0"],
    W_ih: [["0.18662322"], ["-1.2369459"]],
    W_hh: [["0.86981213", "0.49338293"], ["-0.49338293", "0.8698122"]],
    b_ih: ["0", "0"],
    b_hh: ["0", "0"],
    W_y: [["-0.4635998", "0.6538409"]],
    b_y: ["0"],
  };

  // The drawing. Time runs to the right, on a narrow screen downwards: only the places differ.

  const WIDE = {
    size: [752, 376],
    box: [90, 142],
    states: [[38, 155], [206, 155], [374, 155], [542, 155]],
    inputs: [[206, 346], [374, 346], [542, 346]],
    biases: [[206, 18], [374, 18], [542, 18], [690, 50]],
    output: [690, 155],
    sums: [0, -47],
    results: [0, 24],
    divide: "m-45 0h90",
  };
  const NARROW = {
    size: [350, 452],
    box: [140, 56],
    states: [[204, 32], [204, 128], [204, 226], [204, 324]],
    inputs: [[34, 128], [34, 226], [34, 324]],
    biases: [[348, 128], [348, 226], [348, 324], [348, 416]],
    output: [204, 416],
    sums: [-35, -12],
    results: [35, -12],
    divide: "m0 -28v56",
  };
  const START = [66, 60];
  const SMALL = [66, 52];
  const POINT = [0, 0];

  const shift = ([x, y], [dx, dy]) => [x + dx, y + dy];
  const name = (symbol) => symbol.replace(/_(\w+)/, '<tspan dy="4" font-size="80%">$1</tspan>');
  const write = ([x, y], content, colour, more = "") =>
    `<text x="${x}" y="${y}" fill="var(--diagram-${colour})" ${more}>${content}</text>`;
  const short = (value) => play.number(value, Number.isInteger(value) ? 0 : 4);
  const numbers = ([x, y], values, colour, more) =>
    values.map((value, i) => write([x, y + 17 * i], short(value), colour, more)).join("");

  function box([x, y], [width, height], colour, ground, symbol, values) {
    return `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="8"
        fill="var(--diagram-${ground})" stroke="var(--diagram-${colour})"/>
      ${symbol ? named([x, y - 9 * values.length + 3], symbol, values, colour === "line" ? "ink" : `${colour}-text`) : ""}`;
  }

  // A symbol in bold, and its numbers below it.
  function named(at, symbol, values, colour) {
    return write(at, name(symbol), colour, 'font-weight="600"') + numbers(shift(at, [0, 18]), values, colour);
  }

  // An arrow from box to box: on one side what it multiplies by or adds, on the other what it brings.
  function arrow([x1, y1], [w1, h1], [x2, y2], [w2, h2], colour, symbol, values) {
    const [ux, uy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
    const from = [x1 + (ux * w1) / 2, y1 + (uy * h1) / 2];
    const to = [x2 - ux * (w2 / 2 + 2), y2 - uy * (h2 / 2 + 2)];
    const middle = [(from[0] + to[0]) / 2 - 3 * ux, (from[1] + to[1]) / 2];
    const [above, below] = ux
      ? [shift(middle, [0, -10]), shift(middle, [0, 19])]
      : [shift(middle, [-9, 4]), shift(middle, [9, 14 - 9 * values.length])];
    const [ends, starts] = ux ? ["", ""] : ['text-anchor="end"', 'text-anchor="start"'];
    return `<path d="M${from}L${to}" stroke="var(--diagram-${colour})"/>
      <path d="M${to}l${-9 * ux - 4 * uy} ${-9 * uy + 4 * ux}l${8 * uy} ${-8 * ux}z" fill="var(--diagram-${colour})"/>
      ${write(above, name(symbol), `${colour}-text`, ends)}
      ${numbers(below, values, `${colour}-text`, starts)}`;
  }

  function drawing(net, { steps, fromLast, output }, place) {
    const { states, inputs, biases } = place;
    const parts = [box(states[0], START, "line", "pale", "h_0", net.h0)];
    steps.forEach((step, k) => {
      const state = states[k + 1];
      parts.push(
        arrow(inputs[k], SMALL, state, place.box, "blue", "W_ih", step.fromInput),
        arrow(states[k], k ? place.box : START, state, place.box, "orange", "W_hh", step.fromState),
        arrow(biases[k], POINT, state, place.box, "pink", "b", step.bias),
        box(inputs[k], SMALL, "blue", "blue-pale", `x_${k + 1}`, step.x),
        box(state, place.box, "line", "ground"),
        `<path d="M${state}${place.divide}" stroke="var(--diagram-line)" stroke-dasharray="3 3"/>`,
        named(shift(state, place.sums), `a_${k + 1}`, step.a, "muted"),
        named(shift(state, place.results), `h_${k + 1}`, step.h, "ink"),
      );
    });
    parts.push(
      arrow(states[3], place.box, place.output, SMALL, "green", "W_y", fromLast),
      arrow(biases[3], POINT, place.output, SMALL, "pink", "b_y", net.b_y),
      box(place.output, SMALL, "green", "green-pale", "ŷ", output),
    );
    return `<svg viewBox="0 0 ${place.size.join(" ")}" role="img" fill="none" stroke-width="1.75"
      aria-label="The network unrolled over three steps, with its numbers. The table below holds them, too.">
      ${parts.join("")}</svg>`;
  }

  // The table: a column for each step, a row for each term of the equation.

  const html = (symbol) => symbol.replace(/(\w)_(\w+(−1)?)/g, "<i>$1</i><sub>$2</sub>");
  const ROWS = [
    ["x", "input", "x_t"],
    ["fromInput", "from the input", "W_ih x_t"],
    ["fromState", "from the state before", "W_hh h_t−1"],
    ["bias", "biases", "b_ih + b_hh"],
    ["a", "their sum", "a_t"],
    ["h", "state", "h_t = φ(a_t)"],
  ];
  function table({ steps, fromLast, b_y, output }) {
    const cells = (values) => `<td>${values.map((value) => `<span>${play.number(value, 6)}</span>`).join(" ")}</td>`;
    const row = ([key, words, symbol]) =>
      `<tr data-row="${key}"><th scope="row">${html(symbol)}<small>${words}</small></th>
        ${steps.map((step) => cells(step[key])).join("")}</tr>`;
    return `<table><thead><tr><th scope="col">term</th>${steps.map((_, k) => `<th scope="col">step ${k + 1}</th>`).join("")}</tr></thead>
      <tbody>${ROWS.map(row).join("")}</tbody></table>
      <p data-row="output"><i>ŷ</i> = <i>W</i><sub>y</sub> <i>h</i><sub>3</sub> + <i>b</i><sub>y</sub> =
        <span>${play.number(fromLast[0], 6)}</span> + <span>${play.number(b_y[0], 6)}</span> =
        <span>${play.number(output[0], 6)}</span></p>`;
  }

  // The controls: each matrix as it is printed, with a field and a slider for each of its numbers.

  const GROUPS = [
    ["W_ih", html("W_ih"), "from input", "blue"],
    ["W_hh", html("W_hh"), "from state to state", "orange"],
    ["b_ih", html("b_ih"), "bias", "pink"],
    ["b_hh", html("b_hh"), "bias", "pink"],
    ["h0", html("h_0"), "first state", "ink"],
    ["x", "<i>x</i><sub>1</sub> <i>x</i><sub>2</sub> <i>x</i><sub>3</sub>", "inputs", "blue"],
    ["W_y", html("W_y"), "head", "green"],
    ["b_y", html("b_y"), "bias", "green"],
  ];
  const PRESETS = {
    tutorial: TUTORIAL,
    forget: { W_hh: [["0", "0"], ["0", "0"]] },
    keep: { W_hh: [["1", "0"], ["0", "1"]] },
  };

  // All numbers of a part with the places where they stand: [["1-0", "0.49338293"], ...].
  const entries = (part) => part.flatMap((row, i) => (Array.isArray(row) ? row.map((v, j) => [`${i}-${j}`, v]) : [[`${i}`, row]]));

  function group([key, symbol, words, colour]) {
    const columns = key === "x" ? 3 : key.startsWith("W") ? TUTORIAL[key][0].length : 1;
    const limit = key === "x" ? 5 : 2;
    const cells = entries(TUTORIAL[key]).map(([where, value]) => {
      const label = `${key} [${where.replace("-", ", ")}]`;
      return `<div>${play.field({ id: `play-${key}-${where}`, label, value, min: -limit, max: limit, step: 0.01 })}</div>`;
    });
    return `<fieldset style="--accent: var(--diagram-${colour}); --columns: ${columns}">
      <legend>${symbol} <small>${words}</small></legend><div class="matrix">${cells.join("")}</div></fieldset>`;
  }

  const CONTROLS = `<div class="controls">${GROUPS.map(group).join("")}</div>
    <div class="bar">
      <fieldset><legend class="visually-hidden">activation</legend>
        <label><input type="radio" name="play-activation" value="linear" checked> linear, <i>φ</i>(<i>a</i>) = <i>a</i></label>
        <label><input type="radio" name="play-activation" value="tanh"> <i>φ</i> = tanh</label></fieldset>
      <span><button type="button" value="forget">${html("W_hh")} = 0</button>
        <button type="button" value="keep">${html("W_hh")} = <i>I</i></button>
        <button type="button" value="tutorial">Reset</button></span>
    </div>`;

  play.figure("rnn-by-hand", (place) => {
    place.innerHTML = `<div class="drawing"></div>${CONTROLS}
      <details><summary>All the numbers, as a table</summary><div class="numbers"></div></details>
      <p role="status" class="visually-hidden"></p>`;
    const [drawn, listed] = [place.querySelector(".drawing"), place.querySelector(".numbers")];
    const narrow = matchMedia("(max-width: 600px)");
    const announce = play.announcer(place);
    const net = { activation: "linear" };

    function show() {
      const result = play.unroll(net);
      play.draw(drawn, drawing(net, result, narrow.matches ? NARROW : WIDE));
      play.draw(listed, table(result));
      announce(`Output: ${play.number(result.output[0], 4)}`);
    }
    function set(id, value) {
      const [, key, ...where] = id.split("-");
      where.slice(0, -1).reduce((part, i) => part[i], net[key])[where.at(-1)] = value;
    }
    function take(preset) {
      for (const [key, part] of Object.entries(preset)) {
        net[key] = part.map((row) => (Array.isArray(row) ? row.map(Math.fround) : Math.fround(row)));
        for (const [where, value] of entries(part)) play.enter(place, `play-${key}-${where}`, value);
      }
    }
    play.listen(place, (id, value) => {
      set(id, value);
      show();
    });
    for (const choice of place.querySelectorAll("[name=play-activation]"))
      choice.addEventListener("change", () => {
        net.activation = choice.value;
        show();
      });
    for (const button of place.querySelectorAll("button"))
      button.addEventListener("click", () => {
        take(PRESETS[button.value]);
        if (button.value === "tutorial") place.querySelector("[value=linear]").click();
        show();
      });
    narrow.addEventListener("change", show);
    take(TUTORIAL);
    return show;
  });
}
