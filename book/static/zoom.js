// Figures are enlarged by a click, or by Enter on them; Escape or another click closes. On a phone those of
// several panels scroll sideways, at a size at which they can be read.
(function () {
  "use strict";

  // Pixels of a picture with panels side by side; its words are 10 pixels high at READABLE times its width.
  const WIDE = 900, READABLE = 0.75;

  // Where a picture of some width goes: its button, or what the button scrolls in.
  function frame(button, width) {
    if (width < WIDE) return button;
    const box = document.createElement("div");
    box.className = "book-wide";
    box.style.setProperty("--readable", `${READABLE * width}px`);
    for (const ground of ["only-light", "only-dark"]) {
      if (button.classList.contains(ground)) box.classList.add(ground);
    }
    box.append(button);
    return box;
  }

  function start() {
    const pictures = document.querySelectorAll(".bd-article figure img, .bd-article .schematic img");
    if (!pictures.length || document.getElementById("book-zoom")) return;
    const dialog = document.createElement("dialog");
    dialog.id = "book-zoom";
    dialog.className = "book-zoom";
    dialog.setAttribute("aria-label", "Enlarged figure");
    document.body.append(dialog);
    dialog.addEventListener("click", () => dialog.close());

    function open(picture) {
      const copy = picture.cloneNode();
      for (const name of ["width", "height", "style", "role", "tabindex", "title"]) {
        copy.removeAttribute(name);
      }
      // A picture of vectors has no size of its own: it takes the window's.
      copy.classList.toggle("vectors", picture.src.includes(".svg"));
      const close = document.createElement("button");
      close.type = "button";
      close.textContent = "Close";
      dialog.replaceChildren(copy, close);
      dialog.showModal();
    }

    pictures.forEach((picture) => {
      if (picture.closest(".live-figure")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "book-enlarge";
      button.title = "Enlarge";
      button.setAttribute("aria-label", `Enlarge: ${picture.alt.split(". ")[0]}`);
      for (const ground of ["only-light", "only-dark"]) {
        if (picture.classList.contains(ground)) button.classList.add(ground);
      }
      picture.before(frame(button, Number(picture.getAttribute("width"))));
      button.append(picture);
      button.addEventListener("click", () => open(picture));
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
