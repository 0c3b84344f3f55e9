// The table of exercises: a click on a heading sorts, a word in the field filters.
(function () {
  "use strict";

  function value(row, column) {
    const text = row.cells[column].textContent.trim();
    const number = text.match(/^(?:Exercise |< )?(\d+(?:\.\d+)*)/);
    if (!number) return text;
    // Exercise 14.2 comes after 9.3.
    return number[1].split(".").reduce((sum, part, i) => sum + Number(part) * 1000 ** (1 - i), 0);
  }

  function order(column, ascending) {
    const levels = ["easy", "medium", "hard"];
    return (one, other) => {
      const pair = [value(one, column), value(other, column)].map((v) =>
        levels.includes(v) ? levels.indexOf(v) : v,
      );
      const [a, b] = pair;
      const found = typeof a === typeof b && typeof a === "number" ? a - b : String(a).localeCompare(b);
      return ascending ? found : -found;
    };
  }

  function enhance(table) {
    const body = table.tBodies[0];
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort-button";
      button.append(...heading.querySelector("p").childNodes);
      heading.querySelector("p").append(button);
      button.addEventListener("click", () => {
        const ascending = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        body.append(...[...body.rows].sort(order(column, ascending)));
      });
    });
    const label = document.createElement("label");
    label.className = "filter";
    label.textContent = "Show exercises with ";
    const field = document.createElement("input");
    field.type = "search";
    field.size = 28;
    field.placeholder = "momentum, hard, by hand ...";
    label.append(field);
    const place = table.closest(".pst-scrollable-table-container") || table;
    place.before(label);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table.sortable").forEach(enhance);
  });
})();
