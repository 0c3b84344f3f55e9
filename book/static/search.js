// Search: every word works, Greek letters find their names, and what is found is marked where one goes.
(function () {
  "use strict";
  if (DOCUMENTATION_OPTIONS.pagename !== "search" && !/search\.html$/.test(location.pathname)) return;

  const GREEK = {
    α: "alpha", β: "beta", γ: "gamma", δ: "delta", Δ: "delta", ε: "epsilon", ζ: "zeta", η: "eta",
    θ: "theta", Θ: "theta", κ: "kappa", λ: "lambda", Λ: "lambda", μ: "mu", ν: "nu", ξ: "xi", π: "pi",
    ρ: "rho", σ: "sigma", Σ: "sigma", τ: "tau", φ: "phi", χ: "chi", ψ: "psi", ω: "omega",
  };

  // Before Sphinx reads the question from the address.
  const address = new URL(location.href);
  const asked = address.searchParams.get("q") || "";
  const named = asked.replace(/[α-ωΑ-Ω]/g, (letter) => (GREEK[letter] ? ` ${GREEK[letter]} ` : letter));
  if (named !== asked) {
    address.searchParams.set("q", named.trim().replace(/\s+/g, " "));
    history.replaceState({}, "", address);
  }

  document.addEventListener("DOMContentLoaded", () => {
    // Words such as "constructor" are properties of every object: look at the index's own alone.
    const own = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
    const index = typeof Search !== "undefined" && Search._index;
    for (const part of ["terms", "titleterms", "alltitles", "indexentries", "objects"]) {
      if (index && index[part]) Object.setPrototypeOf(index[part], own);
    }
    // Excerpts come from a script: pages cannot be fetched from files.
    if (window.bookTexts) {
      const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
      window.fetch = (request) => {
        const page = decodeURIComponent(new URL(request, location.href).pathname
          .slice(root.pathname.length)).replace(/\.html$/, "");
        return Promise.resolve(new Response(window.bookTexts[page] || ""));
      };
    }
    // Sphinx would mark the words on whatever page is opened next.
    try { localStorage.removeItem("sphinx_highlight_terms"); } catch { /* no storage, no marks */ }
    const results = document.getElementById("search-results");
    if (results) {
      results.addEventListener("click", (event) => {
        if (!event.target.closest("a")) return;
        try {
          localStorage.removeItem("sphinx_highlight_terms");
          sessionStorage.setItem("book-search", new URLSearchParams(location.search).get("q") || "");
        } catch { /* no storage, no marks */ }
      });
    }
  });
  window.addEventListener("pagehide", () => {
    try { localStorage.removeItem("sphinx_highlight_terms"); } catch { /* no storage */ }
  });
})();
