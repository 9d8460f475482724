"use strict";
// A click on a heading sorts the table by its column. Cells that begin with a number are compared as numbers.
for (const head of document.querySelectorAll("th[aria-sort]")) {
  head.querySelector("button").addEventListener("click", () => {
    const table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentNode.children].indexOf(head);
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const value = row => row.cells[column].textContent.trim();
    const number = text => Number.parseFloat(text.replaceAll(",", ""));
    const compare = (a, b) => {
      const [x, y] = [number(value(a)), number(value(b))];
      const [first, second] = [Number.isNaN(x), Number.isNaN(y)];
      if (first !== second) return first ? 1 : -1;  // cells without a number come last in both directions
      return (rising ? 1 : -1) * (first ? value(a).localeCompare(value(b)) : x - y);
    };
    body.append(...[...body.rows].sort(compare));
    for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  });
}
const large = document.getElementById("large");
for (const opener of document.querySelectorAll("button.enlarge")) {
  opener.addEventListener("click", () => {
    const copy = document.createElement("figure");
    copy.append(opener.closest("figure").querySelector("svg").cloneNode(true));
    large.querySelector("div").replaceChildren(copy);
    large.showModal();
  });
}
large.querySelector("button").addEventListener("click", () => large.close());
// Folded parts that are marked for printing are opened while the page is printed.
const folded = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => { opened = [...folded()].filter(one => one.dataset.print !== undefined);
  opened.forEach(one => one.open = true); });
addEventListener("afterprint", () => opened.forEach(one => one.open = false));
