// Live cells: code that a reader runs and changes in the page. Python comes with the first click: see live-worker.js,
// and book/_ext/live.py, which says which cells are live and packs what they need.
(() => {
  const STATIC = new URL(".", document.currentScript.src).href;
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // What reads the code: its colours, by the names that the page's other code has.
  const WORDS = {
    kn: "import from",
    kc: "None True False",
    ow: "and in is not or",
    k: `as assert async await break class continue def del elif else except finally for global if lambda nonlocal pass
      raise return try while with yield`,
    nb: `abs all any bool dict enumerate filter float frozenset int isinstance len list map max min next print range
      repr reversed round set sorted str sum tuple type zip AssertionError IndexError KeyError TypeError ValueError`,
  };
  const KIND = Object.fromEntries(Object.entries(WORDS).flatMap(([kind, all]) => all.split(/\s+/).map((w) => [w, kind])));
  const TOKENS = new RegExp(
    [
      /(?<c1>#.*)/,
      /(?<s2>(?:\b[fFrRbBuU]{1,2})?(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
      /(?<mi>\b(?:0[xXoObB][\da-fA-F_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?j?)|\.\d[\d_]*(?:[eE][+-]?\d+)?)/,
      /(?<word>[\p{L}_][\p{L}\p{N}_]*)/,
      /(?<o>[-+*/%@&|^~<>=!]+)/,
    ].map((part) => part.source).join("|"),
    "gu",
  );

  function coloured(code) {
    const parts = [];
    let end = 0;
    for (const match of code.matchAll(TOKENS)) {
      const [kind, text] = Object.entries(match.groups).find(([, found]) => found !== undefined);
      const name = kind === "word" ? KIND[text] : kind;
      parts.push(code.slice(end, match.index), name ? make("span", { class: name }, text) : text);
      end = match.index + text.length;
    }
    return [...parts, code.slice(end), "\n"]; // the last line has its height even while it is empty
  }

  // The editor: a text area whose letters are not seen, over the same letters in colours.
  function makeEditor(label, code, run) {
    const under = make("pre", { "aria-hidden": "true" });
    const area = make("textarea", { "aria-label": label, spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off" });
    const hint = make("p", { class: "live-hint" }, "Tab indents; Esc, then Tab leaves the code. Ctrl + Enter runs it.");
    hint.id = `${label.replaceAll(" ", "-").toLowerCase()}-hint`;
    area.setAttribute("aria-describedby", hint.id);
    let leaving = false;
    const draw = () => {
      under.replaceChildren(...coloured(area.value));
      area.dispatchEvent(new Event("live-changed"));
    };
    const insert = (text) => document.execCommand(text ? "insertText" : "delete", false, text); // so that it can be undone

    function indent(back) {
      const { value, selectionStart, selectionEnd } = area;
      const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
      if (!back && selectionStart === selectionEnd) return insert(" ".repeat(4 - ((selectionStart - start) % 4)));
      const lines = value.slice(start, selectionEnd);
      const moved = back ? lines.replace(/^ {1,4}/gm, "") : lines.replace(/^(?=.)/gm, "    ");
      if (moved === lines) return;
      area.setSelectionRange(start, selectionEnd);
      insert(moved);
      if (selectionStart !== selectionEnd) area.setSelectionRange(start, start + moved.length);
    }

    function newLine() {
      const before = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
      const code = before.replace(/#.*/, "").trim();
      let depth = before.match(/^ */)[0].length + (/[:([{]$/.test(code) ? 4 : 0);
      if (/^(return|break|continue|pass|raise)\b/.test(code)) depth = Math.max(0, depth - 4);
      insert(`\n${" ".repeat(depth)}`);
    }

    area.addEventListener("keydown", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) run();
      else if (event.key === "Enter" && plain && !event.isComposing) newLine();
      else if (event.key === "Tab" && plain && !leaving) indent(event.shiftKey);
      else {
        if (event.key !== "Shift" && event.key !== "Tab") leaving = event.key === "Escape";
        return;
      }
      event.preventDefault();
    });
    area.addEventListener("blur", () => (leaving = false));
    area.addEventListener("input", draw);
    area.value = code;
    draw();
    const place = make("div", { class: "live-editor" }, make("div", { class: "highlight" }, under, area), hint);
    return { area, place, set: (text) => ((area.value = text), draw()) };
  }

  // Python: one for the page, in a worker. It is loaded once, and started anew after a stop.
  const python = { packed: null, worker: null, answer: null, stale: false, leaving: null };

  async function download(progress, options) {
    if (location.protocol === "file:") {
      await script("live/python.js");
      const text = atob(livePython);
      window.livePython = null;
      return new Blob([Uint8Array.from(text, (letter) => letter.charCodeAt(0))]);
    }
    const answer = await fetch(`${STATIC}live/python.bin`, options);
    if (!answer.ok) throw new Error(`the server says ${answer.status}`);
    const parts = [];
    const total = Number(answer.headers.get("Content-Length"));
    let size = 0;
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return new Blob(parts);
      parts.push(value);
      progress((size += value.length) / total);
    }
  }

  const script = (name) =>
    new Promise((resolve, reject) => {
      const element = make("script", { src: STATIC + name });
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${name} is missing`));
      document.head.append(element);
    });

  function ask(message, heard) {
    return new Promise((resolve, reject) => {
      python.answer = { resolve, reject, heard };
      python.worker.postMessage(message);
    });
  }

  async function begin(progress, options) {
    python.packed ??= await Promise.all([download(progress, options), globalThis.liveWorker ?? script("live-worker.js")]).then(([blob]) => blob);
    options.signal.throwIfAborted();
    progress(1);
    const address = URL.createObjectURL(new Blob([`(${liveWorker})()`], { type: "text/javascript" }));
    python.worker = new Worker(address);
    python.worker.onerror = (event) => python.answer?.reject(new Error(event.message || "its worker has ended"));
    python.worker.onmessage = ({ data }) => {
      if (data.pieces) python.answer.heard(data.pieces);
      else if (data.fault !== undefined) python.answer.reject(Object.assign(new Error(data.fault), data));
      else python.answer.resolve(data);
    };
    await ask({ packed: python.packed });
    await refresh();
  }

  // The namespace as it is before the first cell.
  async function refresh() {
    for (const cell of cells) cell.ran = null;
    await ask({ fresh: true, source: JSON.parse(document.getElementById("live-prelude").textContent), name: "imports" }, () => {});
    python.stale = false;
  }

  function end() {
    python.worker?.terminate();
    python.worker = null;
    for (const cell of cells) cell.ran = null;
  }

  // What the reader wrote is there again when the page is, for as long as its tab is open.
  const kept = {
    read: (key) => kept.guard(() => sessionStorage.getItem(key)),
    write: (key, text) => kept.guard(() => (text === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, text))),
    guard(act) {
      try {
        return act();
      } catch {
        return null; // no room, or not allowed
      }
    },
  };

  // The cells.
  class Cell {
    constructor(place, index) {
      Object.assign(this, { place, index, name: `cell ${index + 1}`, ran: null, right: null, editor: null });
      this.code = place.querySelector(".cell_input div.highlight").closest("[class*=highlight-]");
      this.original = this.code.querySelector("pre").textContent.replace(/\n$/, "");
      this.solution = place.dataset.solution;
      this.makes = place.dataset.makes?.split(" ").filter(Boolean);
      const outputs = this.solution === undefined ? ":scope > .cell_output, :scope > details > .cell_output" : "none";
      this.committed = [...place.querySelectorAll(outputs)];
      this.run = make("button", { type: "button", class: "live-run" }, "Run here", make("span", { class: "live-unseen" }, `, ${this.name}`));
      this.edit = this.button("Edit", () => this.open().area.focus());
      this.reset = this.button("Reset", () => this.restore());
      this.stop = this.button("Stop", () => stop());
      this.reset.hidden = this.stop.hidden = true;
      this.run.addEventListener("click", () => run(this));
      this.status = make("span", { class: "live-status", role: "status" });
      this.progress = make("progress", { "aria-label": "Loading Python", max: "1", hidden: "" });
      this.bar = make("div", { class: "live-bar", "data-name": this.name }, this.run, this.edit, this.stop, this.reset, this.progress, this.status);
      this.output = make("div", { "data-live-output": "", class: "live-output", hidden: "" });
      const input = place.querySelector(":scope > .cell_input, :scope > details") ?? this.code;
      input.after(this.bar, this.output);
      this.state = "idle";
      this.key = `live ${location.pathname} ${this.name}\n${this.original}`;
      const written = kept.read(this.key);
      if (this.solution !== undefined || written !== null) this.open();
      if (written !== null) this.editor.set(written);
    }

    button(label, act) {
      const element = make("button", { type: "button" }, label, make("span", { class: "live-unseen" }, ` ${this.name}`));
      element.addEventListener("click", act);
      return element;
    }

    set state(state) {
      this.place.dataset.liveState = state;
      this.progress.hidden = state !== "loading";
      const busy = state === "loading" || state === "running";
      if (document.activeElement === this.stop && !busy) this.run.focus();
      this.stop.hidden = !busy;
    }

    get text() {
      return this.editor?.area.value ?? this.original;
    }

    // What judges a cell that the reader completes: the next check on the page.
    get check() {
      const follows = (other) => this.place.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
      const next = this.solution !== undefined && [...document.querySelectorAll(".cell.tag_check")].find(follows);
      return next ? next.querySelector(".cell_input pre").textContent : "";
    }

    open() {
      if (this.editor) return this.editor;
      this.editor = makeEditor(`Code of ${this.name}`, this.original, () => run(this));
      this.editor.area.addEventListener("live-changed", () => {
        kept.write(this.key, this.text === this.original ? null : this.text);
        this.offer();
      });
      this.editor.place.style.fontSize = getComputedStyle(this.code.querySelector("pre")).fontSize;
      this.code.after(this.editor.place);
      this.code.hidden = this.edit.hidden = true;
      return this.editor;
    }

    restore() {
      this.editor?.set(this.original);
      (this.editor?.area ?? this.run).focus(); // a cell that ran for another has no editor yet
      if (busy) return;
      python.stale = true; // so what a cell has spoilt, even print, is mended, too
      this.shows(false);
      this.status.textContent = "";
      this.state = "idle";
    }

    // The output of a run stands in the place of the one in the book.
    shows(live) {
      this.output.replaceChildren();
      this.output.hidden = !live;
      for (const output of this.committed) output.hidden = live;
      this.offer();
    }

    offer() {
      this.reset.hidden = this.text === this.original && this.output.hidden;
    }

    write(pieces) {
      for (const { kind, text } of pieces) {
        const last = this.output.lastChild;
        const same = kind !== "plot" && last?.className === `live-${kind}`;
        const part = same ? last : make(kind === "plot" ? "div" : "pre", { class: `live-${kind}` });
        if (!same) this.output.append(part);
        if (kind === "plot") part.attachShadow({ mode: "open" }).innerHTML = text; // from live_plot.py
        else part.append(text);
        if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) part.tabIndex = 0;
      }
    }

    // Run `source`, and after it the check of a cell that the reader completes; quietly: nothing of it is shown.
    async execute(source, quietly) {
      this.ran = null;
      for (const later of cells.slice(this.index + 1)) later.ran = null;
      const heard = quietly ? () => {} : (pieces) => this.write(pieces);
      if (!quietly) {
        this.status.textContent = "";
        this.shows(true);
        this.state = "running";
      }
      let { error } = await ask({ forget: this.makes, source, name: this.name }, heard);
      if (!error && this.check && !quietly) {
        let praise = "";
        const listen = (pieces) => (praise += pieces.map(({ kind, text }) => (kind === "out" ? text : "")).join(""));
        ({ error } = await ask({ source: this.check, name: `check of ${this.name}` }, listen));
        if (error) this.write([{ kind: "error", text: error }]);
        else [this.right, this.praise] = [source, praise.trim() || "The check passes."];
      }
      if (!quietly) this.state = error ? "error" : "done";
      if (!error) this.ran = source;
      return !error;
    }
  }

  let busy = null;
  const waiting = []; // cells that run after it

  async function run(target) {
    if (busy) {
      if (target === busy || waiting.includes(target)) return;
      waiting.push(target);
      target.status.textContent = `Waiting for ${busy.name} …`;
      return;
    }
    busy = target;
    target.open();
    target.run.setAttribute("aria-disabled", "true");
    try {
      target.state = python.worker ? "running" : "loading";
      if (!python.worker) await load(target);
      if (python.stale) await refresh();
      await runAll(target);
    } catch (fault) {
      if (fault.message !== "stopped") fail(target, fault.told ?? `Python broke down (${fault.message}). The next run starts it anew.`);
    } finally {
      busy = null;
      target.run.removeAttribute("aria-disabled");
    }
    if (waiting.length) run(waiting.shift());
  }

  // Files that came damaged are fetched once more. Whatever fails is told at the cell that was run.
  async function load(target, cache = "default") {
    target.status.textContent = "Loading Python, once for this page …";
    python.leaving = new AbortController();
    const { signal } = python.leaving;
    const stopped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const progress = (part) => {
      if (part <= 1) target.progress.value = part;
      if (part >= 1) target.status.textContent = "Starting Python …";
    };
    try {
      await Promise.race([begin(progress, { signal, cache }), stopped]);
    } catch (fault) {
      if (signal.aborted) throw fault;
      end();
      if (!python.packed) fault.told = `Python could not be loaded (${fault.message}). Try again.`;
      else if (!fault.damaged) fault.told = `Python does not start in this browser (${fault.message}); everything else on the page works.`;
      else {
        python.packed = null;
        if (cache === "default") return load(target, "reload");
        fault.told = "Python came damaged, twice. Try again, or run the notebook; everything else on the page works.";
      }
      throw fault;
    }
  }

  function fail(target, why) {
    end();
    idle();
    target.state = "error";
    target.status.textContent = why;
  }

  // Nothing waits any more.
  function idle() {
    for (const cell of waiting.splice(0)) cell.status.textContent = "";
  }

  async function runAll(target) {
    const started = performance.now();
    target.state = "running";
    for (const cell of cells.slice(0, target.index)) {
      const given = cell.solution !== undefined && cell.right !== cell.text;
      const source = given ? cell.solution : cell.text;
      if (cell.ran === source) continue;
      target.status.textContent = `Running ${cell.name} first …`;
      if (await cell.execute(source, given)) continue;
      target.shows(true); // what it said before is no answer
      target.state = "error";
      target.status.textContent = `Not run: ${cell.name} above stopped with an error.`;
      return;
    }
    target.status.textContent = "Running …";
    const good = await target.execute(target.text, false);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const verdict = target.check ? (good ? target.praise : "Not yet.") : good ? "Done" : "Stopped with an error";
    target.status.textContent = `${verdict} (${seconds} s)`;
  }

  function stop() {
    const stopped = busy;
    const reason = new Error("stopped");
    end();
    idle();
    python.leaving.abort(reason);
    python.answer?.reject(reason);
    for (const cell of cells) if (cell.place.dataset.liveState === "running") cell.state = "idle";
    stopped.state = "idle";
    stopped.status.textContent = "Stopped. The next run starts anew, with the cells above.";
  }

  function leave(why) {
    end();
    for (const cell of cells) {
      cell.shows(false);
      cell.code.hidden = false;
      for (const part of [cell.editor?.place, cell.bar, cell.output]) part?.remove();
      delete cell.place.dataset.liveState;
    }
    cells[0].place.prepend(make("p", { class: "live-sorry", role: "status" }, why));
  }

  const cells = [...document.querySelectorAll(".cell.tag_live")].map((place, index) => new Cell(place, index));
  const missing = ["WebAssembly", "Worker", "DecompressionStream"].find((name) => !(name in window));
  if (missing) leave(`This browser cannot run Python (it has no ${missing}); everything else on the page works.`);
})();
