// Curves over steps, as pieces of SVG: what the drawings of several figures have in common.
"use strict";

play.chart = {
  FAINT: 'stroke-opacity="0.35"',
  BROAD: 'stroke-opacity="0.35" stroke-width="4"',
  THIN: 'stroke-width="1.6"',
  START: 'text-anchor="start"',
  END: 'text-anchor="end"',

  write: (x, y, content, more = "", colour = "ink") =>
    `<text x="${x}" y="${y}" fill="var(--diagram-${colour})" ${more}>${content}</text>`,
  stroke: (path, colour, more = "") => `<path d="${path}" stroke="var(--diagram-${colour})" ${more}/>`,
  shade: (x, y, width, height, colour) =>
    `<rect x="${x}" y="${y}" width="${Math.max(0, width)}" height="${height}" fill="var(--diagram-${colour})" fill-opacity="0.18"/>`,
  upright: (x, y, content) =>
    `<text x="${x}" y="${y}" fill="var(--diagram-ink)" transform="rotate(-90 ${x} ${y})">${content}</text>`,

  // Places of values between two heights. What lies beyond an axis is drawn at its edge.
  linear: (top, bottom, low, high) => (value) =>
    top + ((bottom - top) * (high - Math.min(high, Math.max(low, value)))) / (high - low),
  powers: (top, bottom, low, high) => {
    const place = play.chart.linear(top, bottom, low, high);
    return (value) => place(Math.log10(Math.max(Math.abs(value), 1e-300)));
  },
  // A label for every so many powers of ten, with a line across.
  levels({ low, high, every, y, left, right }) {
    const { stroke, write, FAINT, END } = play.chart;
    const powers = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + every * i);
    return powers.map((power) => {
      const at = y(10 ** power).toFixed(1);
      const label = power === 0 ? "1" : `10${power === 1 ? "" : play.raised(power)}`;
      return stroke(`M${left} ${at}H${right}`, "line", FAINT) + write(left - 6, Number(at) + 4, label, END);
    });
  },
  line: (values, x, y) => `M${values.map((value, i) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("L")}`,

  // About `count` round numbers between two others.
  ticks(low, high, count) {
    const wanted = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].find((digit) => digit * power >= wanted) * power;
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
  },

  // Names of lines in a row: [name, colour, how it is stroked].
  legend(left, y, names, apart = 30) {
    const { stroke, write, START } = play.chart;
    let x = left;
    return names.map(([name, colour, more]) => {
      const piece = stroke(`M${x} ${y - 5}h22`, colour, more) + write(x + 28, y, name, START);
      x += apart + 22 + 7.2 * name.length;
      return piece;
    });
  },
  svg: (width, height, label, parts) =>
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" fill="none"
      stroke-linejoin="round" aria-label="${label}">${parts.flat(3).join("")}</svg>`,
};
