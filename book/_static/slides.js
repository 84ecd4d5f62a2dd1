// A deck: reveal.js, and slides made smaller where they hold more than fits.
"use strict";

const HEIGHT = 720;

function fit(slide) {
  slide.style.fontSize = "";
  slide.style.removeProperty("--size");
  for (let size = 100; size > 50 && slide.scrollHeight > HEIGHT - 10; size -= 5) {
    slide.style.fontSize = `${size}%`;
    slide.style.setProperty("--size", size / 100);
  }
  for (const wide of slide.querySelectorAll("table, pre")) {
    wide.style.fontSize = "";
    for (let size = 100; size > 50 && wide.scrollWidth > slide.clientWidth; size -= 5) {
      wide.style.fontSize = `${size}%`;
    }
  }
}

window.addEventListener("load", async () => {
  await window.MathJax.startup.promise;
  await Reveal.initialize({
    width: 1280,
    height: HEIGHT,
    margin: 0.04,
    center: false,
    hash: true,
    slideNumber: "c/t",
    transition: "none",
    plugins: [RevealNotes],
  });
  Reveal.on("slidechanged", (event) => fit(event.currentSlide));
  fit(Reveal.getCurrentSlide());
});
