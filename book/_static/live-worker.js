// The worker that runs a page's live cells: Python, by Pyodide. live.js starts it from this function's own text, because
// a page that is opened from a folder may start no worker from a file. All files come packed, from book/_ext/live.py.
function liveWorker() {
  // What is printed is told at once, but of much, every 50 ms: a page that gets too many messages stands still.
  const [FREE, PAUSE] = [200, 50];
  const MOST = 2 ** 30; // bytes of Python's memory
  let cells, pieces, count, told;

  function send(kind, text, last) {
    const before = pieces[pieces.length - 1];
    if (before?.kind === kind && kind !== "plot") before.text += text;
    else pieces.push({ kind, text });
    if (last || ++count < FREE || performance.now() - told > PAUSE) flush();
  }

  function flush() {
    if (pieces.length) postMessage({ pieces });
    pieces = [];
    told = performance.now();
  }

  async function unpack(packed) {
    const unzipped = packed.stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(unzipped).arrayBuffer());
    let start = 4 + new DataView(bytes.buffer).getUint32(0);
    const table = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)));
    return Object.fromEntries(
      Object.entries(table).map(([name, size]) => [name, bytes.subarray(start, (start += size))]),
    );
  }

  async function begin(packed) {
    const files = await unpack(packed).catch((fault) => {
      throw Object.assign(new Error(fault.message), { damaged: true });
    });
    // A huge array is a MemoryError, at once and on every device, before it can end the page.
    const { grow } = WebAssembly.Memory.prototype;
    WebAssembly.Memory.prototype.grow = function (pages) {
      if (this.buffer.byteLength + 65536 * pages > MOST) throw new RangeError("no more memory for live cells");
      return grow.call(this, pages);
    };
    // What Pyodide asks for is here, and nothing is asked of another host.
    self.fetch = async (address) => {
      const name = String(address).split("/").pop();
      if (!(name in files)) throw new TypeError(`${address} is out of reach: a live cell has no network`);
      const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      return new Response(files[name], { headers: { "Content-Type": type } });
    };
    for (const name of ["pyodide.asm.js", "pyodide.js"]) {
      const address = URL.createObjectURL(new Blob([files[name]], { type: "text/javascript" }));
      importScripts(address);
      URL.revokeObjectURL(address);
    }
    const pyodide = await loadPyodide({ indexURL: "https://packed.invalid/", packages: ["numpy"], stdin: () => null });
    const folder = pyodide.runPython("import site; site.getsitepackages()[0]");
    for (const name of Object.keys(files).filter((key) => key.endsWith(".py"))) {
      pyodide.FS.mkdirTree(`${folder}/${name}`.replace(/\/[^/]*$/, ""));
      pyodide.FS.writeFile(`${folder}/${name}`, files[name]);
    }
    pyodide.runPython("import importlib, numpy; importlib.invalidate_caches()");
    cells = pyodide.pyimport("live_cells");
  }

  self.onmessage = async ({ data }) => {
    try {
      if (data.packed) {
        await begin(data.packed);
        postMessage({ ready: true });
        return;
      }
      if (data.fresh) cells.fresh();
      if (data.forget) cells.forget(...data.forget);
      [pieces, count, told] = [[], 0, performance.now()];
      const error = cells.run(data.source, data.name, send);
      flush();
      postMessage({ error });
    } catch (fault) {
      postMessage({ fault: String(fault?.message ?? fault), damaged: fault?.damaged });
    }
  };
}
