// Small helps for reading: where one is, folds that open for a link, marks of a search, tab stops.
(function () {
  "use strict";

  const article = () => document.querySelector("article.bd-article");

  // A thin line at the top says how much of the page is read; the contents at the right say where.
  function position() {
    const line = document.createElement("div");
    line.className = "book-progress";
    line.setAttribute("aria-hidden", "true");
    document.body.append(line);
    const links = [...document.querySelectorAll(".bd-toc-nav a[href^='#'], .page-toc a[href^='#']")];
    const places = links
      .map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))])
      .filter(([, place]) => place);
    let asked = false;

    function update() {
      asked = false;
      const room = document.documentElement.scrollHeight - window.innerHeight;
      line.style.transform = `scaleX(${room > 0 ? Math.min(1, window.scrollY / room) : 0})`;
      let here = null;
      for (const [link, place] of places) {
        if (place.getBoundingClientRect().top < 0.35 * window.innerHeight) here = link;
      }
      for (const [link] of places) {
        link.classList.toggle("book-here", link === here);
        if (link === here) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }

    function ask() {
      if (!asked) requestAnimationFrame(update);
      asked = true;
    }
    window.addEventListener("scroll", ask, { passive: true });
    window.addEventListener("resize", ask);
    update();
  }

  // Folded code and solutions open when a link or a search leads into them.
  function unfold(element) {
    for (let e = element; e; e = e.parentElement) {
      if (e.tagName === "DETAILS") e.open = true;
      if (e.classList.contains("toggle-hidden")) {
        const button = e.querySelector(":scope > button.toggle-button, :scope > .admonition-title button");
        if (button) button.click();
        e.classList.remove("toggle-hidden");
      }
    }
  }

  function openTarget() {
    const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    const inner = place.matches(".toggle, .admonition") ? place : null;
    unfold(inner || place);
    place.scrollIntoView();
  }

  // Words that a search found are marked on the page that the reader chose, and nowhere else.
  const KEY = "book-search";

  // Where a text of `root` has one of the patterns first: [node, index, length].
  function occurrences(root, patterns) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, {
      acceptNode: (node) => (node.parentElement.closest("script, style, svg, mjx-container, button")
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT),
    });
    const found = [];
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      for (const pattern of patterns) {
        const hit = pattern.exec(node.data);
        if (hit) { found.push([node, hit.index, hit[0].length]); break; }
      }
    }
    return found;
  }

  function mark() {
    let words = "";
    try {
      words = sessionStorage.getItem(KEY) || "";
      sessionStorage.removeItem(KEY);
    } catch { return; }
    const root = article();
    if (!words || !root) return;
    const sought = words.split(/\s+/).filter((word) => word.length > 1);
    const exact = sought.map((word) => new RegExp(word.replace(/[^\p{L}\p{N}]/gu, "\\$&"), "i"));
    // The search knows stems: for "violated" it finds "violation".
    const akin = sought.filter((word) => /^\p{L}{6,}$/u.test(word))
      .map((word) => new RegExp(`${word.slice(0, Math.max(4, word.length - 4))}\\p{L}*`, "iu"));
    let found = occurrences(root, exact);
    if (!found.length) found = occurrences(root, akin);
    const marks = found.map(([node, at, length]) => {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + length);
      const element = document.createElement("mark");
      element.className = "book-found";
      range.surroundContents(element);
      return element;
    });
    if (!marks.length) return;
    const below = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const first = marks.find((e) => below && below.contains(e)) || marks[0];
    marks.filter((e) => below ? below.contains(e) : e === first).forEach(unfold);
    first.scrollIntoView({ block: "center" });
    document.addEventListener("keydown", function clear(event) {
      if (event.key !== "Escape") return;
      marks.forEach((e) => e.replaceWith(...e.childNodes));
      document.removeEventListener("keydown", clear);
    });
  }

  // A displayed equation that is a little too wide is set a little smaller; one that is far too wide scrolls.
  const SMALLEST = 0.78;

  function fit() {
    document.querySelectorAll("div.math").forEach((box) => {
      box.style.fontSize = "";
      const size = (element) => parseFloat(getComputedStyle(element).fontSize);
      const set = size(box) / size(box.parentElement);  // smaller on a phone as it is
      const parts = [box, ...box.querySelectorAll("mjx-container")].filter((e) => e.clientWidth > 0);
      const room = Math.min(...parts.map((e) => e.clientWidth / e.scrollWidth));
      const fits = 0.98 * room >= SMALLEST ? 0.98 * room * set : Math.min(SMALLEST, set);
      if (room < 1) box.style.fontSize = `${fits}em`;
    });
  }

  function stop(element, scrolls) {
    if (scrolls) element.setAttribute("tabindex", "0");
    else element.removeAttribute("tabindex");
  }

  // MathJax makes each formula a stop of the Tab key; one that does not scroll has nothing to do there.
  // Tables and prints that scroll have: without a stop nobody moves them by the keyboard.
  function stops() {
    document.querySelectorAll(".bd-content :is(table, .stream.aligned pre)").forEach((element) => {
      stop(element, element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0);
    });
    document.querySelectorAll("mjx-container").forEach((formula) => {
      const box = formula.parentElement.matches("div.math") ? formula.parentElement : formula;
      const scrolls = [box, formula].some((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
        && getComputedStyle(e).overflowX === "auto");
      stop(formula, scrolls);
      if (box.matches("div.math")) box.toggleAttribute("data-scrolls", scrolls);
    });
  }

  // Paper is light, whatever the screen is.
  function paper() {
    let before = null;
    window.addEventListener("beforeprint", () => {
      before = document.documentElement.dataset.theme;
      document.documentElement.dataset.theme = "light";
    });
    window.addEventListener("afterprint", () => {
      if (before) document.documentElement.dataset.theme = before;
    });
  }

  async function start() {
    if (document.querySelector(".book-progress")) return;
    if (article()) position();
    paper();
    const math = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
    if (math) await math;
    fit();
    stops();
    window.addEventListener("resize", () => { fit(); stops(); });
    window.addEventListener("hashchange", openTarget);
    openTarget();
    mark();
    document.documentElement.dataset.reading = "ready";
  }

  // The theme watches the place in the contents as well, from the event "load" on. It finds no contents
  // under its name for them and takes all links of the page, among them a live figure's address, which
  // is no selector: an error wherever the figure rests before the page is loaded.
  document.body.removeAttribute("data-bs-spy");
  window.addEventListener("load", start);
})();
