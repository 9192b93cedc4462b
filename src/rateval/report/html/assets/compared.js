"use strict";
// The list of units that changed their quadrant: filtered by pair, transition and text.
(() => {
  const STEP = 200;
  const { visible } = window.ratevalPage;
  const place = document.querySelector("[data-list]");
  const data = JSON.parse(document.getElementById("changed-data").textContent);
  const number = new Intl.NumberFormat("en-US");
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children); // text stays text
    return element;
  };
  if (!data.rows.length) {
    place.append(make("p", {}, "No unit changed its quadrant."));
    return;
  }

  const rows = data.rows.map((row) => {
    const [pair, seed, id, label, before, after, was, is, pictured, asked = ""] = row;
    const words = [id, asked, label, was, is].flatMap((text) => [text, visible(text)]).join("\n")
      .toLowerCase();
    return { pair, seed, id, asked, label, before, after, was, is, pictured, words };
  });
  const anyAsked = rows.some((row) => row.asked);
  const state = { pair: rows[0].pair, transition: "", text: "", most: STEP };

  const field = (text, control) => make("label", { class: "field" }, text, control);
  const pairs = make("select", {}, ...data.pairs.flatMap(({ name, total }, at) => total
    ? [make("option", { value: at }, `${visible(name)} (${number.format(total)})`)] : []));
  const transitions = make("select");
  const text = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  const status = make("p", { role: "status", "aria-live": "polite" });
  const shown = make("div");
  const more = make("button", { type: "button", class: "more" }, `Show ${STEP} more`);

  const moves = (row) => `${row.before}>${row.after}`;
  const ofPair = () => rows.filter((row) => row.pair === state.pair);

  const fillTransitions = () => {
    const counts = new Map();
    for (const row of ofPair()) counts.set(moves(row), (counts.get(moves(row)) ?? 0) + 1);
    if (state.transition && !counts.has(state.transition)) counts.set(state.transition, 0);
    const known = [...counts].sort((one, other) => other[1] - one[1]);
    transitions.replaceChildren(make("option", { value: "" }, "any"), ...known.map(([name, count]) =>
      make("option", { value: name }, `${name.replace(">", " → ")} (${number.format(count)})`)));
    transitions.value = state.transition;
  };

  const badge = (name) => make("span", { class: "badge", "data-quadrant": name }, name);

  const line = (row) => {
    const { seeded, doors } = data.pairs[row.pair];
    const name = make("bdi", {}, visible(row.id));
    const door = row.pictured ? doors[row.seed ?? ""] : null;
    const filter = door && JSON.stringify({ ...door, text: row.id });
    const unit = door ? make("button", { type: "button", class: "door", "data-filter": filter,
      "aria-label": `picture of ${visible(row.id)}` }, name) : name;
    const told = row.was === row.is ? [make("bdi", {}, visible(row.is))]
      : [make("bdi", {}, visible(row.was)), " → ", make("bdi", {}, visible(row.is))];
    return make("tr", {}, make("th", { scope: "row" }, unit),
      ...(anyAsked ? [make("td", { class: "asked" }, make("bdi", {}, visible(row.asked)))] : []),
      make("td", { class: "move" }, badge(row.before), " → ", badge(row.after)),
      make("td", {}, ...told),
      make("td", {}, make("bdi", {}, visible(row.label))),
      ...(seeded ? [make("td", { class: "seed" }, row.seed === null ? "–" : String(row.seed))] : []));
  };

  const fill = () => {
    const { total, seeded, name } = data.pairs[state.pair];
    const here = ofPair();
    const wanted = state.text.toLowerCase();
    const found = here.filter((row) => (!state.transition || moves(row) === state.transition)
      && row.words.includes(wanted));
    const now = found.slice(0, state.most);
    const heads = ["unit", ...(anyAsked ? ["question"] : []), "quadrant", "predicted",
      anyAsked ? "label" : "class", ...(seeded ? ["seed"] : [])];
    const chosen = [state.transition && `, ${state.transition.replace(">", " → ")}`,
      state.text && `, with “${visible(state.text)}”`].filter(Boolean).join("");
    const about = `units that changed, baseline → candidate: ${visible(name)}${chosen}`;
    const table = make("table", {}, make("caption", {}, about),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...now.map(line)));
    const region = { class: "scroll tall", tabindex: 0, role: "region", "aria-label": about };
    shown.replaceChildren(now.length ? make("div", region, table)
      : make("p", { class: "empty" }, "No unit passes these filters."));
    const left = total - here.length;
    status.textContent = `${number.format(now.length)} of ${number.format(found.length)} units shown`
      + (found.length < here.length ? `, of ${number.format(here.length)} that changed` : "")
      + (left > 0 ? `; ${number.format(left)} more are not listed in this page: --changed FILE writes all`
        : "");
    more.hidden = now.length === found.length;
  };

  const update = (change) => {
    Object.assign(state, { most: STEP }, change);
    pairs.value = state.pair;
    fillTransitions();
    fill();
  };
  pairs.addEventListener("change", () => update({ pair: Number(pairs.value), transition: "" }));
  transitions.addEventListener("change", () => update({ transition: transitions.value }));
  text.addEventListener("input", () => update({ text: text.value }));
  more.addEventListener("click", () => update({ most: state.most + STEP }));

  // A count of a matrix leads to its units.
  document.addEventListener("click", (event) => {
    const door = event.target.closest("[data-changed]");
    if (!door) return;
    const { pair, transition } = JSON.parse(door.dataset.changed);
    text.value = "";
    update({ pair, transition, text: "" });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("changed").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
    transitions.focus({ preventScroll: true });
  });

  place.className = "units";
  place.append(make("div", { class: "line" }, ...(pairs.options.length > 1 ? [field("Pair", pairs)] : []),
    field("Transition", transitions), field(anyAsked ? "Id, question or answer contains" : "Id, class or prediction contains", text)), status, shown, more);
  update({});
})();
