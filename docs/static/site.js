// From the file system a page may not read others, so the search lists titles without excerpts.
if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS) {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

const number = (text) => parseFloat(text.replace(/,/g, ""));

// Cells that are empty come last, whichever way the column is sorted.
function compare(a, b, sign) {
  if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
  const [x, y] = [number(a), number(b)];
  return sign * (isNaN(x) || isNaN(y) ? a.localeCompare(b) : x - y);
}

function sort(table, heading) {
  const descending = heading.getAttribute("aria-sort") === "descending";
  const column = [...heading.parentNode.children].indexOf(heading);
  const body = table.tBodies[0];
  const cell = (row) => row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((a, b) => compare(cell(a), cell(b), descending ? 1 : -1));
  body.append(...rows);
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "ascending" : "descending");
}

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }
});
