"use strict";
// The parts of a page that move: theme, doors to the gallery, charts, transitions, sorting.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children); // text stays text
    return element;
  };
  // Signs that have no form, or turn text around, are shown as their code.
  const visible = (text) =>
    String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (sign) => {
      if ("\n\t\u200c\u200d".includes(sign)) return sign;
      const code = sign.codePointAt(0).toString(16);
      return code.length < 3 ? "\\x" + code.padStart(2, "0") : "\\u" + code.padStart(4, "0");
    });
  window.ratevalPage = { visible };
  const block = document.getElementById("chart-data"); // a page without charts has none
  const data = block ? JSON.parse(block.textContent) : {};

  // Theme: the system's, until somebody asks for the other one.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  // Doors: every count shows its images.
  document.addEventListener("click", (event) => {
    const door = event.target.closest("[data-filter]");
    if (!door) return;
    const detail = JSON.parse(door.dataset.filter);
    // In a notebook's frame "#…" alone would mean an address of the notebook.
    const [here] = location.href.split("#");
    history.replaceState(null, "", `${here}#filter=${encodeURIComponent(JSON.stringify(detail))}`);
    document.dispatchEvent(new CustomEvent("rateval:filter", { detail }));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = still ? "auto" : "smooth";
    document.getElementById("gallery").scrollIntoView({ behavior, block: "start" });
  });

  // Charts: drawn when somebody comes near, or prints. Colours are the page's own, by name.
  const draw = (place) => {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const spec = { ...data.charts[place.dataset.chart], config: data.config };
    const options = {
      ast: true, // expressions are walked, not compiled: the page allows no eval
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    };
    window.vegaEmbed(place, spec, options).catch((error) => {
      place.textContent = "This chart could not be drawn: " + error.message;
    });
  };
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
    },
    { rootMargin: "600px" },
  );
  const places = all("[data-chart]");
  places.forEach((place) => near.observe(place));
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 50));
  const drawNext = () => {
    const next = places.find((place) => !place.dataset.drawn && place.offsetParent);
    if (!next) return;
    draw(next);
    idle(drawNext);
  };
  idle(drawNext);
  addEventListener("beforeprint", () => {
    places.filter((place) => place.offsetParent).forEach(draw);
    for (const folded of all("#scores details")) folded.open = true;
  });

  // Choices: one of several groups is shown.
  for (const select of all("[data-shows]")) {
    select.addEventListener("change", () => {
      for (const group of all(`[data-group="${select.dataset.shows}"]`)) {
        group.hidden = group.dataset.item !== select.value;
      }
      drawNext();
    });
  }

  // Transitions: 16 counts between two methods of one test.
  const QUADRANTS = ["RR", "RW", "WR", "WW"];
  const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const counts = (test, one, other) => {
    for (const [first, second, found] of test.pairs) {
      if (first === one && second === other) return found;
      if (first === other && second === one) {
        return found.map((_, at) => found[(at % 4) * 4 + Math.floor(at / 4)]);
      }
    }
    return null;
  };
  const matrix = (test, one, other) => {
    const found = counts(test, one, other);
    if (!found) return make("p", { class: "left-out" }, "These two are not compared in this page.");
    const [before, after] = [test.rows[one], test.rows[other]];
    const total = found.reduce((sum, count) => sum + count, 0);
    const head = make("tr", {}, make("td"));
    for (const name of QUADRANTS) head.append(make("th", { scope: "col", class: "number" }, name));
    const body = QUADRANTS.map((from, row) => {
      const line = make("tr", {}, make("th", { scope: "row" }, from));
      QUADRANTS.forEach((to, column) => {
        const count = found[row * 4 + column];
        const heat = total ? Math.ceil((10 * count) / total) : 0;
        const cell = make("td", { class: `number h${heat}` });
        if (count) {
          const detail = {
            test: after.test,
            cell: after.cell,
            against: before.cell,
            validator: test.validator,
            transition: `${from}>${to}`,
          };
          const says = `${number.format(count)} ${test.units[count === 1 ? 0 : 1]} from ${from} to ${to}`;
          const button = { type: "button", class: "door", "aria-label": says };
          button["data-filter"] = JSON.stringify(detail);
          cell.append(make("button", button, number.format(count)));
        } else cell.append("0");
        line.append(cell);
      });
      return line;
    });
    const units = test.units[1][0].toUpperCase() + test.units[1].slice(1);
    const caption = `${units} by ${visible(before.name)} (rows) and by ${visible(after.name)} (columns)`;
    const table = make("table", { class: "matrix" }, make("caption", {}, caption));
    table.append(make("thead", {}, head), make("tbody", {}, ...body));
    return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, table);
  };
  for (const place of all("[data-transitions]")) {
    const test = data.transitions[place.dataset.transitions];
    if (!test.pairs.length) {
      place.append(make("p", { class: "left-out" }, "No two methods are compared on this test."));
      continue;
    }
    const choose = (label, chosen) => {
      const options = test.rows.map((row, at) => {
        const option = make("option", { value: at }, visible(row.name));
        option.selected = at === chosen;
        return option;
      });
      const select = make("select", {}, ...options);
      return [make("label", {}, label + " ", select), select];
    };
    const [first, second] = test.pairs[test.pairs.length > 1 ? 1 : 0];
    const [fromLabel, from] = choose("from", first);
    const [toLabel, to] = choose("to", second);
    const shown = make("div");
    const show = () => shown.replaceChildren(matrix(test, Number(from.value), Number(to.value)));
    from.addEventListener("change", show);
    to.addEventListener("change", show);
    place.append(make("p", { class: "chooser" }, fromLabel, " ", toLabel), shown);
    show();
  }
})();
