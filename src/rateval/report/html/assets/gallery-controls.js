"use strict";
/* What one can choose: test, methods, quadrant, filters, sliders; and the counts beside them. */
Object.assign(window.ratevalGallery, (() => {
  const g = window.ratevalGallery;
  const { make, visible } = g;
  const FINE = ["transition", "class", "text", "low", "high"];
  const SORTS = [["rare", "rare first"], ["low", "score, lowest first"],
    ["high", "score, highest first"], ["id", "id"]];

  const toNumber = (text) => (text.trim() === "" || !Number.isFinite(Number(text))
    ? null : Number(text));

  const count = (value) => (Number.isInteger(value) ? value : Number(value.toFixed(1)))
    .toLocaleString("en");

  const arrow = (transition) => transition.replace(">", " → ");

  /* The panel; `filter` and `update` change the state, of which `fill` is then told. */
  function makeControls(data, { filter, update, help }) {
    const controls = {};
    let state = null;

    function field(name, label, control, ...more) {
      control.id = `gallery-${name}`;
      controls[name] = control;
      const box = make("div", { class: `field ${name}` },
        make("label", { for: control.id, text: label }), control, ...more);
      controls[`${name}Box`] = box;
      return box;
    }

    function choice(name, label, change) {
      const listen = { change: () => change(controls[name].value) };
      return field(name, label, make("select", { on: listen }));
    }

    function input(name, label, type, attributes, change) {
      const listen = { input: () => change(controls[name].value) };
      return field(name, label, make("input", { type, ...attributes, on: listen }));
    }

    function toggle(name, label, hint) {
      const click = () => update({ [name]: !state[name] });
      controls[name] = make("button", { type: "button", class: "toggle", text: label, title: hint,
        on: { click } });
      return controls[name];
    }

    function build() {
      const percent = make("output", { for: "gallery-opacity" });
      const threshold = make("output", { for: "gallery-threshold" });
      const reset = make("button", { type: "button", class: "quiet", text: "as judged",
        title: "back to the study's own threshold",
        on: { click: () => filter({ threshold: null }) } });
      Object.assign(controls, { percent, thresholdValue: threshold, reset });
      controls.quadrants = make("div", { class: "quadrants", role: "group",
        "aria-label": "Quadrant" });
      controls.more = make("details", { class: "more" }, make("summary", { text: "More filters" }),
        buildMore());
      const range = (name, low, high) => ({ min: low, max: high, step: 1, name });
      const group = { role: "group", "aria-label": "Filters of the gallery" };
      return make("div", { class: "controls", ...group },
        make("div", { class: "line" },
          choice("test", "Test", chooseTest),
          choice("method", "Method", (method) =>
            chooseCell(method, data.cells[state.cell].attribution)),
          choice("explainer", "Explainer", (name) =>
            chooseCell(data.cells[state.cell].method, name)),
          choice("against", "Compare with", (at) =>
            filter({ against: at === "" ? null : Number(at), transition: "" })),
          choice("validator", "Judged by", (name) => filter({ validator: name, threshold: null }))),
        controls.quadrants,
        controls.more,
        make("div", { class: "line sliders" },
          field("opacity", "Heat", make("input", { type: "range", ...range("opacity", 0, 100),
            on: { input: () => update({ opacity: Number(controls.opacity.value) }) } }),
            percent, make("span", { class: "legend", "aria-hidden": "true" })),
          field("threshold", "Valid from a score of", make("input", { type: "range",
            ...range("threshold", 0, g.STEPS),
            on: { input: () => filter({ threshold: Number(controls.threshold.value) }) } }),
            threshold, reset),
          make("div", { class: "toggles" },
            toggle("outline", "Mask", "outline of the mask (m)"),
            toggle("beside", "Side by side", "both methods side by side (s)"),
            toggle("flipped", "Flip", "show the other method (f)"),
            make("button", { type: "button", class: "toggle", text: "?", title: "keys (?)",
              "aria-label": "keys", on: { click: () => help() } }))));
    }

    function buildMore() {
      const score = { step: "0.01", inputmode: "decimal", placeholder: "any" };
      return make("div", { class: "line" },
        choice("transition", "Transition", (name) => filter({ transition: name })),
        choice("class", "Label", (name) => filter({ class: name })),
        input("low", "Score from", "number", score, (text) => filter({ low: toNumber(text) })),
        input("high", "to", "number", score, (text) => filter({ high: toNumber(text) })),
        input("text", "Id contains", "search", { autocomplete: "off", spellcheck: "false" },
          (text) => filter({ text })),
        choice("sort", "Sort", (name) => filter({ sort: name })),
        make("button", { type: "button", class: "quiet clear", text: "Clear filters",
          on: { click: () => filter({ ...g.NO_FILTER, against: g.partnerOf(data, state.cell) }) } }));
    }

    function chooseTest(at) {
      const next = g.initial(data, Number(at));
      const judged = state.validator in data.cells[next.cell].verdicts;
      filter(judged ? { ...next, validator: state.validator } : next);
    }

    function chooseCell(method, attribution) {
      const cells = g.cellsOf(data, state.test).filter((at) => data.cells[at].method === method);
      const cell = cells.find((at) => data.cells[at].attribution === attribution) ?? cells[0];
      const partner = g.partnerOf(data, cell);
      if (partner !== null) return filter({ cell, against: partner });
      const same = cell === state.against;
      return filter({ cell, ...(same ? { against: null, transition: "" } : {}) });
    }

    function fillChoice(name, options, value) {
      const select = controls[name];
      const key = JSON.stringify(options);
      if (select.dataset.options !== key) {
        select.dataset.options = key;
        select.replaceChildren(...options.map(([at, text]) =>
          make("option", { value: at, text: visible(text) })));
      }
      select.value = value;
    }

    function fillChoices() {
      const cells = g.cellsOf(data, state.test);
      const { method, attribution } = data.cells[state.cell];
      const tests = data.tests.map((test, at) => [at, test.view])
        .filter(([at]) => g.cellsOf(data, at).length);
      const methods = [...new Set(cells.map((at) => data.cells[at].method))];
      const explainers = cells.filter((at) => data.cells[at].method === method)
        .map((at) => data.cells[at].attribution);
      fillChoice("test", tests, state.test);
      fillChoice("method", methods.map((name) => [name, name]), method);
      fillChoice("explainer", explainers.map((name) => [name, name]), attribution);
      fillChoice("validator", data.validators.map(({ name }) => [name, name]), state.validator);
      fillChoice("against", [["", "nothing"], ...cells.filter((at) => at !== state.cell)
        .map((at) => [at, g.nameOf(data, at, cells)])], state.against ?? "");
      fillChoice("transition", transitions(), state.transition);
      fillChoice("class", classes(), state.class);
      fillChoice("sort", SORTS, state.sort);
      controls.testBox.hidden = tests.length < 2;
      controls.explainerBox.hidden = explainers.length < 2;
      controls.validatorBox.hidden = data.validators.length < 2;
      controls.againstBox.hidden = cells.length < 2;
      controls.transitionBox.hidden = state.against === null;
      controls.textBox.firstChild.textContent = g.asks(data, state.test)
        ? "Id, question or answer contains" : "Id contains";
      if (FINE.some((name) => (state[name] ?? "") !== "")) controls.more.open = true;
    }

    /* Transitions with their images here and, where that is known, among all of the test. */
    function transitions() {
      const here = tally(g.pick(data, state, "transition"),
        (image) => g.transitionOf(data, state, image));
      const all = g.countTransitions(data, state);
      const names = g.STATES.flatMap((before) => g.STATES.map((after) => `${before}>${after}`))
        .filter((name) => here.get(name) || all?.[name] || name === state.transition);
      const told = (name) => `${here.get(name) ?? 0} here`
        + (all ? `, ${count(all[name] ?? 0)} of all` : "");
      const changes = [...here].filter(([name]) => g.passes(name, "changed"))
        .reduce((total, [, found]) => total + found, 0);
      return [["", "any"], ["changed", `any change (${changes} here)`], ...names.map((name) =>
        [name, `${arrow(name)} (${told(name)})`])];
    }

    function classes() {
      const names = data.tests[state.test].classes;
      const labels = data.cells[state.cell].columns.label ?? [];
      const here = tally(g.pick(data, state, "class"), (image) => names[labels[image]]);
      const there = new Set(labels.filter((at) => at !== null).map((at) => names[at]));
      if (state.class) there.add(state.class);
      return [["", "any"], ...[...there].sort().map((name) =>
        [name, `${name} (${here.get(name) ?? 0})`])];
    }

    function tally(images, name) {
      const counts = new Map();
      for (const image of images) counts.set(name(image), (counts.get(name(image)) ?? 0) + 1);
      return counts;
    }

    function fillQuadrants() {
      const now = g.countAll(data, state);
      const judged = data.cells[state.cell].quadrants[state.validator] ?? {};
      const here = tally(g.pick(data, state, "quadrant"),
        (image) => g.quadrantOf(data, state, state.cell, image));
      const names = g.STATES.filter((name) => !name.endsWith("U") || judged[name]);
      const had = document.activeElement?.dataset?.quadrant;
      const inside = controls.quadrants.contains(document.activeElement);
      controls.quadrants.replaceChildren(...names.map((name) => {
        const change = now ? now[name] - judged[name] : 0;
        const all = now ? count(now[name]) : "?";
        const by = change ? ` (${change > 0 ? "+" : "−"}${count(Math.abs(change))})` : "";
        const chosen = state.quadrant === name;
        return make("button", { type: "button", class: "quadrant", "data-quadrant": name,
          "aria-pressed": chosen, on: { click: () => filter({ quadrant: chosen ? "" : name }) } },
        g.badge(name), make("span", { class: "words", text: g.WORDS[name] }),
        make("span", { class: "all" }, make("b", { text: all }), by),
        make("span", { class: "here", text: `${count(here.get(name) ?? 0)} in the gallery` }));
      }));
      if (inside) controls.quadrants.querySelector(`[data-quadrant="${had}"]`)?.focus();
    }

    function fillSliders() {
      const { threshold } = g.validatorOf(data, state);
      controls.thresholdBox.hidden = threshold === null;
      controls.threshold.value = g.thresholdOf(data, state) ?? Math.round((threshold ?? 0) * g.STEPS);
      const value = state.threshold === null ? threshold : state.threshold / g.STEPS;
      controls.thresholdValue.textContent = value === null ? "" : value.toFixed(3);
      controls.reset.disabled = state.threshold === null;
      controls.opacity.value = state.opacity;
      controls.percent.textContent = `${state.opacity} %`;
      for (const name of ["outline", "beside", "flipped"])
        controls[name].setAttribute("aria-pressed", state[name]);
      for (const name of ["beside", "flipped"]) controls[name].disabled = state.against === null;
      for (const name of ["low", "high", "text"])
        if (document.activeElement !== controls[name]) controls[name].value = state[name] ?? "";
    }

    function fill(current) {
      state = current;
      fillChoices();
      fillQuadrants();
      fillSliders();
    }

    const panel = build();
    controls.more.open = innerWidth >= 700;
    return { panel, fill };
  }

  return { makeControls, count, arrow };
})());
