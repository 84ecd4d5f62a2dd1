// What the theme leaves unsaid to a screen reader.
const home = document.querySelector(".navbar-brand")?.parentElement;
home?.setAttribute("role", "navigation");
home?.setAttribute("aria-label", "Front page");

for (const summary of document.querySelectorAll(".bd-sidebar summary")) {
  const above = summary.closest("li").querySelector("a").textContent.trim();
  summary.setAttribute("aria-label", `Pages under ${above}`);
}

// The empty corner of a table heads nothing.
for (const corner of document.querySelectorAll("thead th")) {
  if (corner.textContent.trim()) continue;
  const cell = document.createElement("td");
  cell.className = corner.className;
  corner.replaceWith(cell);
}

// Entries of a bibliography are items of its list; the role that they are given went out of use.
for (const entry of document.querySelectorAll("[role=doc-biblioentry]")) entry.setAttribute("role", "listitem");

// What is folded has no width when the theme looks for blocks that scroll and a keyboard must reach: look again.
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
});
for (const block of document.querySelectorAll("pre, .output.text_html")) reach.observe(block);

// Without a margin a note unfolds below its link at the first click; the next one follows the link.
const margin = matchMedia("(min-width: 1200px)");
for (const link of document.querySelectorAll("a.sidenote")) {
  link.addEventListener("click", (event) => {
    if (margin.matches || link.classList.contains("unfolded")) return;
    event.preventDefault();
    link.classList.add("unfolded");
  });
}

// Paper is white: what is printed is printed light.
const scheme = document.documentElement.dataset;
let theme;
addEventListener("beforeprint", () => {
  theme = scheme.theme;
  scheme.theme = "light";
});
addEventListener("afterprint", () => (scheme.theme = theme));
