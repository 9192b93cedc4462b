"use strict";
// Scores by class: a table for the method that is chosen, which sorts by any of its columns.
(() => {
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children); // text stays text
    return element;
  };
  const data = JSON.parse(document.getElementById("chart-data").textContent).classes;

  const { visible } = window.ratevalPage;

  const number = (value, ...children) =>
    make("td", { class: "number", "data-value": value ?? "" }, ...children);

  const row = (test, cell, [name, count, ...scores]) => {
    const filter = { test: cell.test, cell: cell.cell, validator: test.validator, class: name };
    const door = make(
      "button",
      {
        type: "button",
        class: "door",
        "data-filter": JSON.stringify(filter),
        "aria-label": `${count} ${test.units[count === 1 ? 0 : 1]} of the class ${visible(name)}`,
      },
      String(count),
    );
    const line = make("tr", {}, make("th", { scope: "row" }, visible(name)));
    line.append(number(count, count ? door : "0"));
    for (const [value, text, interval, counts] of scores) {
      line.append(number(value, text, make("small", {}, interval || counts)));
      line.lastChild.title = counts;
    }
    return line;
  };

  const head = (text, sorted) => {
    const button = make("button", { type: "button", class: "sorts" }, text);
    const attributes = { scope: "col", class: "number" };
    if (sorted) attributes["aria-sort"] = sorted;
    return make("th", attributes, button);
  };

  const table = (test, cell) => {
    const left = cell.of - cell.classes.length;
    const told = `${cell.of} class${cell.of > 1 ? "es" : ""} by ${visible(cell.name)}` + (left ? `, the ${cell.classes.length} of the lowest PT` : "");
    const first = make("th", { scope: "col" }, make("button", { type: "button", class: "sorts" }, "class"));
    const heads = test.headings.map((text) => head(`${text} %`, text === "PT" ? "ascending" : ""));
    const made = make("table", {}, make("caption", {}, told));
    made.append(make("thead", {}, make("tr", {}, first, head(test.units[1]), ...heads)));
    made.append(make("tbody", {}, ...cell.classes.map((found) => row(test, cell, found))));
    return make("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": told }, made);
  };

  for (const place of document.querySelectorAll("[data-classes]")) {
    const test = data[place.dataset.classes];
    const options = test.cells.map((cell, at) => make("option", { value: at }, visible(cell.name)));
    const select = make("select", {}, ...options);
    const shown = make("div");
    const show = () => shown.replaceChildren(table(test, test.cells[select.value]));
    select.addEventListener("change", show);
    place.append(make("p", { class: "chooser" }, make("label", {}, "by ", select)), shown);
    show();
  }

  // A heading's button sorts by its column, the other way round the next time.
  const value = (line, column) => {
    const cell = line.cells[column];
    const text = cell.dataset.value ?? cell.textContent;
    return text === "" || isNaN(text) ? text : Number(text);
  };
  const compare = (one, other) =>
    typeof one === "number" && typeof other === "number"
      ? one - other
      : String(one).localeCompare(String(other));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sorts");
    if (!button) return;
    const heading = button.closest("th");
    const body = heading.closest("table").tBodies[0];
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const lines = [...body.rows].sort((one, other) => {
      const [a, b] = [one, other].map((line) => value(line, heading.cellIndex));
      if (a === "" || b === "") return (a === "") - (b === ""); // what is undefined comes last
      return up ? compare(a, b) : compare(b, a);
    });
    body.append(...lines);
  });
})();
