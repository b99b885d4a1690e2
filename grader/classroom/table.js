// A click on a heading sorts the table by it; typing in the search field hides the rows that do not match.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const valueOf = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  for (const heading of table.tHead.rows[0].cells) {
    const button = heading.querySelector("button");
    if (!button) continue;
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const rows = [...body.rows];
      rows.sort((a, b) => {
        const [x, y] = [valueOf(a, heading.cellIndex), valueOf(b, heading.cellIndex)];
        // What has no value is last, whichever way.
        if (x === "" || y === "") return (x === "") - (y === "");
        const numeric = heading.classList.contains("number");
        return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
      });
      body.append(...rows);
    });
  }
}
const search = document.querySelector("input[type=search]");
if (search) {
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    const rows = [...document.querySelector("table.sortable").tBodies[0].rows];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    document.querySelector("output").value = rows.filter((row) => !row.hidden).length;
  });
}
