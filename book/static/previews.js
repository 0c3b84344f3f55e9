// A link that rests under the pointer, or has the focus, shows what it leads to.
(function () {
  "use strict";
  if (window.bookPreviews) return;

  const DELAY = 220, LEAVE = 180;
  const LINKS = "article a.internal[href*='#'], article a.bibtex[href*='#']";
  const pages = new Map();
  let card, shown = null, timer = null;

  // Each page's parts come as a script that calls `found`.
  window.bookPreviews = {
    found(page, parts) {
      const waiting = pages.get(page);
      if (waiting) waiting.resolve(parts);
    },
  };

  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);

  function load(page) {
    if (!pages.has(page)) {
      const entry = {};
      entry.parts = new Promise((resolve) => { entry.resolve = resolve; });
      pages.set(page, entry);
      const script = document.createElement("script");
      script.src = new URL(`_static/previews/${page.replace(/\.html$/, "")}.js`, root);
      script.onerror = () => entry.resolve({});
      document.head.append(script);
    }
    return pages.get(page).parts;
  }

  function place(link) {
    const box = link.getClientRects()[0] || link.getBoundingClientRect();
    const width = Math.min(560, document.documentElement.clientWidth - 24);
    card.style.width = `${width}px`;
    const left = Math.max(12, Math.min(box.left, document.documentElement.clientWidth - width - 12));
    card.style.left = `${left}px`;
    const height = card.offsetHeight;
    const below = box.bottom + 8 + height < window.innerHeight || box.top < height + 16;
    card.style.top = `${below ? box.bottom + 6 : box.top - height - 6}px`;
  }

  async function show(link) {
    const address = new URL(link.href, location.href);
    const key = decodeURIComponent(address.hash.slice(1));
    const page = decodeURIComponent(address.pathname.slice(root.pathname.length)) || "index.html";
    if (!key || !address.href.startsWith(root.href)) return;
    const html = (await load(page))[key];
    if (!html || link !== shown) return;
    card.innerHTML = html;
    if (card.querySelector(".math") && window.MathJax && MathJax.typesetPromise) {
      await MathJax.startup.promise;
      await MathJax.typesetPromise([card]);
      card.querySelectorAll("[tabindex]").forEach((e) => e.removeAttribute("tabindex"));
    }
    if (link !== shown) return;
    card.hidden = false;
    link.setAttribute("aria-describedby", card.id);
    place(link);
  }

  function hide() {
    clearTimeout(timer);
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
    card.hidden = true;
    if (window.MathJax && MathJax.typesetClear) MathJax.typesetClear([card]);
    card.replaceChildren();
  }

  function rest(link, delay) {
    clearTimeout(timer);
    if (link === shown) return;
    timer = setTimeout(() => {
      if (shown) hide();
      shown = link;
      show(link);
    }, delay);
  }

  function leave() {
    clearTimeout(timer);
    timer = setTimeout(hide, LEAVE);
  }

  function start() {
    card = document.createElement("div");
    card.id = "book-preview";
    card.className = "book-preview";
    card.setAttribute("role", "tooltip");
    card.hidden = true;
    document.body.append(card);
    // A finger has no rest: there a link is followed at once.
    const mouse = (event) => event.pointerType === "mouse";
    document.addEventListener("pointerover", (event) => {
      if (!mouse(event)) return;
      const link = event.target.closest && event.target.closest(LINKS);
      if (link) rest(link, DELAY);
      else if (card.contains(event.target)) clearTimeout(timer);
      else if (shown || timer) leave();
    });
    document.addEventListener("focusin", (event) => {
      const link = event.target.matches(LINKS) && event.target.matches(":focus-visible");
      if (link) rest(event.target, DELAY);
      else if (shown && !card.contains(event.target)) leave();
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("click", () => { if (shown) hide(); });
    // A link that is reached by the keyboard scrolls into view: the card goes with it.
    window.addEventListener("scroll", () => {
      if (!shown || card.hidden) return;
      const { top, bottom } = shown.getBoundingClientRect();
      if (bottom < 0 || top > window.innerHeight) hide();
      else place(shown);
    }, { passive: true });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
