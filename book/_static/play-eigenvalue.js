// Chapter 2: an eigenvalue of the recurrent matrix, inside and outside the unit circle.
"use strict";

{
  // W = [[a, −b], [b, a]] has the eigenvalues a ± b i. From h_0 = (1, 0): h_t = φ(W h_{t-1}), T steps.
  // Backwards from the first number of h_T: g_{t-1} = Wᵀ (φ'(a_t) ⊙ g_t).
  const T = 50;
  const PHI = {
    linear: [(a) => a, () => 1],
    tanh: [Math.tanh, (h) => 1 - h * h], // the derivative, from the state
  };
  play.eigenvalue = (a, b, activation) => {
    const [phi, slope] = PHI[activation];
    const states = [[1, 0]];
    while (states.length <= T) {
      const [x, y] = states.at(-1);
      states.push([phi(a * x - b * y), phi(b * x + a * y)]);
    }
    let g = [1, 0];
    const gradients = [g];
    for (let t = T; t > 0; t--) {
      const [u, v] = [slope(states[t][0]) * g[0], slope(states[t][1]) * g[1]];
      gradients.push((g = [a * u + b * v, a * v - b * u]));
    }
    return { states, gradients };
  };

  // The drawing: the plane of the eigenvalue, and beside it (on a phone: below) the state and the gradient.

  const LINES = [
    ["linear", "blue", 'stroke-width="1.6" stroke-dasharray="5 4"'],
    ["tanh", "orange", play.chart.THIN],
  ];
  const REACH = 1.3;
  const [LOW, HIGH] = [-6, 6]; // powers of ten
  const { FAINT, THIN, START, stroke, write, upright } = play.chart;
  const italic = (letter) => `<tspan font-style="italic">${letter}</tspan>`;

  function places(width) {
    const wide = width > 560;
    const side = wide ? 250 : 186;
    const plane = { side, x: wide ? side / 2 : width / 2, y: wide ? 30 + side / 2 : side / 2 + 6 };
    const left = wide ? side + 76 : 56;
    const top = wide ? 30 : side + 40;
    return { wide, plane, left, right: width - 12, top, high: wide ? 106 : 84 };
  }
  const length = ([x, y]) => Math.hypot(x, y);

  function drawing({ a, b }, width) {
    const { wide, plane, left, right, top, high } = places(width);
    const unit = plane.side / 2 / REACH;
    const at = (re, im) => [plane.x + unit * re, plane.y - unit * im];
    const [below, height] = [top + high + 34, top + 2 * high + 34 + 40];
    const x = (i) => left + ((right - left) * i) / T;
    const state = play.chart.linear(top, top + high, -1.5, 1.5);
    const size = play.chart.powers(below, below + high, LOW, HIGH);
    const runs = LINES.map(([name]) => play.eigenvalue(a, b, name));
    const point = (im, more) => {
      const [cx, cy] = at(a, im);
      return `<circle cx="${cx}" cy="${cy}" r="8" ${more}/>`;
    };
    const [cx, cy] = at(0, 0);
    return play.chart.svg(
      width,
      Math.max(height, plane.side + 50),
      "Left, the plane with the unit circle and the eigenvalues. Right, the state and the gradient's length, linear and with tanh. The numbers stand underneath.",
      [
        `<rect class="grip" x="${cx - plane.side / 2}" y="${cy - plane.side / 2}" width="${plane.side}" height="${plane.side}" fill="var(--diagram-ground)" fill-opacity="0"/>`,
        stroke(`M${cx - plane.side / 2} ${cy}h${plane.side}M${cx} ${cy - plane.side / 2}v${plane.side}`, "line", FAINT),
        `<circle cx="${cx}" cy="${cy}" r="${unit}" stroke="var(--diagram-line)" fill="var(--diagram-pale)" fill-opacity="0.4"/>`,
        stroke(`M${at(0, 0)}L${at(a, b)}`, "green", THIN),
        point(-b, 'fill="var(--diagram-ground)" stroke="var(--diagram-green)" stroke-width="2"'),
        point(b, 'class="knob" fill="var(--diagram-green)"'),
        write(...at(1.08, -0.16), "1") + write(...at(0.12, 1.06), "i"),
        play.chart.legend(left, top - 12, LINES),
        [-1, 0, 1].map(
          (v) => stroke(`M${left} ${state(v)}H${right}`, "line", FAINT) + write(left - 6, state(v) + 4, play.number(v, 0), play.chart.END),
        ),
        play.chart.levels({ low: LOW, high: HIGH, every: 3, y: size, left, right }),
        [0, 10, 20, 30, 40, 50].map(
          (step) => stroke(`M${x(step)} ${top}v${high}M${x(step)} ${below}v${high}`, "line", FAINT) + write(x(step), below + high + 17, step),
        ),
        LINES.map(([, colour, more], i) => [
          stroke(play.chart.line(runs[i].states.map(([first]) => first), x, state), colour, more),
          stroke(play.chart.line(runs[i].gradients.map(length), x, size), colour, more),
        ]),
        write(left, top + high + 16, `state ${italic("h")}, first number, after so many steps`, START),
        write(left, below + high + 35, "length of the gradient, so many steps back", START),
      ],
    );
  }

  const FIELDS = [
    { id: "play-radius", label: "distance from 0", words: "distance from 0", value: 1.1, min: 0, max: 1.3, step: 0.01 },
    { id: "play-angle", label: "angle in degrees", words: "angle (degrees)", value: 30, min: 0, max: 180, step: 1 },
  ];

  const RESULTS = ["eigenvalues", "state, linear", "state, tanh", "gradient, linear", "gradient, tanh"];

  play.figure("eigenvalue", (place) => {
    place.innerHTML = `<div class="drawing"></div>
      <div class="controls singles">${FIELDS.map(
        (field) => `<div class="single"><label for="${field.id}">${field.words}</label>${play.field(field)}</div>`,
      ).join("")}</div>
      <dl>${play.results(RESULTS.map((words) => [words, "–"]))}</dl><p role="status" class="visually-hidden"></p>`;
    const [drawn, results] = [".drawing", "dl"].map((one) => place.querySelector(one));
    const announce = play.announcer(place);
    const wish = { radius: 1.1, angle: 30 };

    function show() {
      const turn = (wish.angle * Math.PI) / 180;
      const [a, b] = [wish.radius * Math.cos(turn), wish.radius * Math.sin(turn)];
      play.draw(drawn, drawing({ a, b }, drawn.clientWidth));
      const found = LINES.map(([name]) => play.eigenvalue(a, b, name));
      const last = (rows) => play.small(length(rows.at(-1)), 3);
      const values = [
        `${play.number(a, 3)} ± ${play.number(b, 3)}i`,
        ...found.map(({ states }) => last(states)),
        ...found.map(({ gradients }) => last(gradients)),
      ];
      play.draw(results, play.results(RESULTS.map((words, i) => [words, values[i]])));
      const [linear, tanh] = found.map(({ gradients }) => last(gradients));
      announce(`50 steps back the gradient's length is ${linear} without tanh and ${tanh} with it`);
    }
    play.listen(place, (id, value) => {
      const { min, max } = FIELDS.find((field) => field.id === id);
      wish[id.slice(5)] = Math.min(max, Math.max(min, value));
      show();
    });

    // The eigenvalue follows the pointer. Its conjugate may be dragged as well.
    function drag(event) {
      const { plane } = places(drawn.clientWidth);
      const box = drawn.getBoundingClientRect();
      const unit = plane.side / 2 / REACH;
      const [re, im] = [(event.clientX - box.left - plane.x) / unit, (event.clientY - box.top - plane.y) / unit];
      wish.radius = Number(Math.min(REACH, Math.hypot(re, im)).toFixed(2));
      wish.angle = Math.round((Math.atan2(Math.abs(im), re) * 180) / Math.PI);
      for (const { id } of FIELDS) play.enter(place, id, wish[id.slice(5)]);
      show();
    }
    drawn.addEventListener("pointerdown", (event) => {
      if (!event.target.closest("circle, .grip")) return;
      drawn.setPointerCapture(event.pointerId);
      drag(event);
    });
    drawn.addEventListener("pointermove", (event) => {
      if (drawn.hasPointerCapture(event.pointerId)) drag(event);
    });
    return () => {
      show();
      new ResizeObserver(show).observe(drawn);
    };
  });
}
