"use strict";
/* The gallery itself: controls, cards, keys, and the link that carries its filter. */
(() => {
  const g = window.ratevalGallery;
  const { make, visible } = g;
  const SMALL = 144;
  const KEYS = [
    ["arrows, Home, End", "go from card to card, in the dialog from image to image"],
    ["Enter", "open an image"], ["Esc", "close it"],
    ["f", "flip to the other method and back"], ["s", "both methods side by side"],
    ["m", "outline of the mask on and off"], ["[ and ]", "threshold down and up by 0.01"],
    ["− and +", "heat fainter and stronger"], ["?", "this help"],
  ];
  const SORTS = [["rare", "rare first"], ["low", "score, lowest first"],
    ["high", "score, highest first"], ["id", "id"]];

  const section = document.getElementById("gallery");
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  if (!section || !data.cells.length) return;

  let state = { ...g.initial(data), opacity: 65, flipped: false, beside: false, outline: true };
  let shown = [];
  let open = -1;
  const cards = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---------------------------------------------------------------- controls

  const controls = {};

  function field(name, label, control, ...more) {
    control.id = `gallery-${name}`;
    controls[name] = control;
    const box = make("div", { class: `field ${name}` },
      make("label", { for: control.id, text: label }), control, ...more);
    controls[`${name}Box`] = box;
    return box;
  }

  function choice(name, label, change) {
    return field(name, label, make("select", { on: { change: () => change(controls[name].value) } }));
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

  const toNumber = (text) => (text.trim() === "" || !Number.isFinite(Number(text))
    ? null : Number(text));

  function buildControls() {
    const percent = make("output", { for: "gallery-opacity" });
    const threshold = make("output", { for: "gallery-threshold" });
    const reset = make("button", { type: "button", class: "quiet", text: "as judged",
      title: "back to the study's own threshold", on: { click: () => filter({ threshold: null }) } });
    Object.assign(controls, { percent, thresholdValue: threshold, reset });
    controls.quadrants = make("div", { class: "quadrants", role: "group",
      "aria-label": "Quadrant" });
    const range = (name, low, high) => ({ min: low, max: high, step: 1, name });
    const score = { step: "0.01", inputmode: "decimal", placeholder: "any" };
    return make("div", { class: "controls", role: "group", "aria-label": "Filters of the gallery" },
      make("div", { class: "line" },
        choice("test", "Test", (at) => filter({ ...g.initial(data, Number(at)), validator: state.validator })),
        choice("method", "Method", (method) => chooseCell(method, data.cells[state.cell].attribution)),
        choice("explainer", "Explainer", (name) => chooseCell(data.cells[state.cell].method, name)),
        choice("against", "Beside", (at) => filter({ against: at === "" ? null : Number(at), transition: "" })),
        choice("validator", "Judged by", (name) => filter({ validator: name, threshold: null }))),
      controls.quadrants,
      make("div", { class: "line" },
        choice("transition", "Transition", (name) => filter({ transition: name })),
        choice("class", "Label", (name) => filter({ class: name })),
        input("low", "Score from", "number", score, (text) => filter({ low: toNumber(text) })),
        input("high", "to", "number", score, (text) => filter({ high: toNumber(text) })),
        input("text", "Id contains", "search", { autocomplete: "off", spellcheck: "false" },
          (text) => filter({ text })),
        choice("sort", "Sort", (name) => filter({ sort: name })),
        make("button", { type: "button", class: "quiet clear", text: "Clear filters",
          on: { click: () => filter(g.NO_FILTER) } })),
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
            "aria-label": "keys", on: { click: () => help.showModal() } }))));
  }

  function chooseCell(method, attribution) {
    const cells = g.cellsOf(data, state.test).filter((at) => data.cells[at].method === method);
    const cell = cells.find((at) => data.cells[at].attribution === attribution) ?? cells[0];
    const same = cell === state.against;
    filter({ cell, against: same ? null : state.against, transition: same ? "" : state.transition });
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
    return [["", "any"], ...names.map((name) =>
      [name, `${name.replace(">", " → ")} (${told(name)})`])];
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

  const count = (value) => (Number.isInteger(value) ? value : Number(value.toFixed(1)))
    .toLocaleString("en");

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

  // ---------------------------------------------------------------- cards

  const grid = make("ul", { class: "cards", "aria-label": "images" });
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const nothing = make("p", { class: "nothing" });

  /* The cells that a card shows, the first of them foremost. */
  function faces() {
    if (state.against === null) return [state.cell];
    const both = state.flipped ? [state.against, state.cell] : [state.cell, state.against];
    return state.beside ? both : both.slice(0, 1);
  }

  function cardOf(image) {
    const key = `${state.test}/${image}`;
    if (!cards.has(key)) {
      const item = make("li");
      const button = make("button", { type: "button", class: "card", tabindex: "-1",
        on: { click: () => show(shown.indexOf(image)) } },
      make("span", { class: "views" }), make("span", { class: "caption", "aria-hidden": "true" }));
      item.append(button);
      cards.set(key, { item, button, image, near: false, drawn: "" });
      watched.set(item, cards.get(key));
      observer.observe(item);
    }
    return cards.get(key);
  }

  const watched = new WeakMap();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = watched.get(entry.target);
      card.near = entry.isIntersecting;
      if (card.near) draw(card);
    }
  }, { rootMargin: "400px" });

  /* Draw a card that is in view, unless it is drawn as it should be. */
  function draw(card) {
    const cells = faces();
    const looks = JSON.stringify([cells, state.validator, g.thresholdOf(data, state)]);
    if (card.drawn === looks) return;
    const [views, caption] = card.button.children;
    if (views.children.length !== cells.length)
      views.replaceChildren(...cells.map(() => g.makeView()));
    const image = data.tests[state.test].images[card.image];
    cells.forEach((cell, at) => {
      const alt = g.describe(data, state, cell, card.image);
      const whole = cells.length > 1 ? `${g.nameOf(data, cell, cells)}: ${alt}` : alt;
      if (card.cells?.[at] === cell) views.children[at].firstChild.alt = whole;
      else g.fillView(views.children[at], image, data.cells[cell], card.image, SMALL, whole);
    });
    card.cells = cells;
    card.drawn = looks;
    caption.replaceChildren(...captionOf(cells[0], card.image));
    card.button.setAttribute("data-quadrant", g.quadrantOf(data, state, cells[0], card.image));
  }

  function captionOf(cell, image) {
    const names = data.tests[state.test].classes;
    const { label, prediction } = data.cells[cell].columns;
    const score = g.scoreOf(data, state, image, cell);
    const right = label[image] === prediction[image];
    return [
      g.badge(g.quadrantOf(data, state, cell, image)),
      make("span", { class: "names" }, make("bdi", { text: visible(names[label[image]] ?? "–") }),
        ...(right ? [] : [" → ", make("bdi", { text: visible(names[prediction[image]] ?? "–") })])),
      make("span", { class: "score", text: score === null ? "–" : score.toFixed(2) }),
    ];
  }

  function fillGrid() {
    const focused = watched.get(document.activeElement?.closest?.("#gallery li"))?.image;
    shown = g.sorted(data, state, g.pick(data, state));
    const items = shown.map((image) => cardOf(image));
    const wanted = items.map((card) => card.item);
    if (wanted.length !== grid.children.length || wanted.some((item, at) => grid.children[at] !== item))
      grid.replaceChildren(...wanted);
    for (const card of items) if (card.near) draw(card);
    const kept = shown.indexOf(focused);
    rove(kept >= 0 ? kept : 0, kept >= 0);
    grid.classList.toggle("paired", faces().length > 1);
  }

  /* One card alone is reached by Tab; arrows go on from there. */
  function rove(at, focus) {
    grid.querySelector('.card[tabindex="0"]')?.setAttribute("tabindex", "-1");
    const button = grid.children[at]?.firstChild;
    button?.setAttribute("tabindex", "0");
    if (focus) button?.focus();
  }

  function fillStatus() {
    const test = data.tests[state.test];
    const now = g.countAll(data, state);
    const cell = data.cells[state.cell];
    const all = now && state.quadrant
      ? ` ${count(now[state.quadrant])} of the ${count(cell.count)} are ${state.quadrant}.` : "";
    const face = faces()[0];
    const flipped = state.flipped && state.against !== null
      ? ` Maps of ${visible(data.cells[face].label)}.` : "";
    status.textContent = `${count(shown.length)} of ${count(test.images.length)} pictures shown; `
      + `the test has ${count(cell.count)} images.${all}${flipped}`;
    nothing.hidden = shown.length > 0;
    nothing.textContent = reason(test);
    fillNotes(test, cell);
  }

  function reason(test) {
    if (test.images.length) return "No picture here passes these filters.";
    if (data.left_out) return "Pictures were left out of this page. The counts above are of all images.";
    const how = `Make some with: ${visible(data.command)}`;
    return test.dropped ? "No picture of this test had room in this page."
      : `This run keeps no pictures of this test. ${how}`;
  }

  const notes = make("div", { class: "notes" });

  function fillNotes(test, cell) {
    const told = [test.sampling];
    if (test.dropped)
      told.push(`${count(test.dropped)} more pictures had no room in this page; a folder has room `
        + "for all: rateval report RUN --html FOLDER/.");
    if (cell.cut.includes("maps")) told.push("The maps of this method had no room in this page.");
    if (cell.cut.includes("counts"))
      told.push("Counts of all images by threshold had no room in this page.");
    notes.replaceChildren(...told.filter(Boolean).map((text) => make("p", { text })));
  }

  // ---------------------------------------------------------------- one image in full

  const detail = g.makeDetail({ step: (by) => show(open + by),
    flip: () => update({ flipped: !state.flipped }) });
  detail.dialog.addEventListener("close", () => {
    const at = open;
    open = -1;
    rove(at, true);
  });

  function show(at) {
    if (at < 0 || at >= shown.length) return;
    open = at;
    g.showDetail(detail, data, state, shown[at], at, shown.length);
    if (!detail.dialog.open) detail.dialog.showModal();
  }

  const help = make("dialog", { class: "gallery-help", "aria-label": "Keys of the gallery" },
    make("h3", { text: "Keys" }),
    make("dl", {}, ...KEYS.flatMap(([key, does]) => [
      make("dt", {}, make("kbd", { text: key })), make("dd", { text: does })])),
    make("button", { type: "button", text: "Close", on: { click: () => help.close() } }));

  // ---------------------------------------------------------------- state

  /* Change what is seen; the link stays as it is. */
  function update(change) {
    state = { ...state, ...change };
    if (state.against === null) Object.assign(state, { flipped: false, beside: false });
    section.style.setProperty("--heat", state.opacity / 100);
    section.classList.toggle("plain", !state.outline);
    fillGrid();
    fillChoices();
    fillQuadrants();
    fillSliders();
    fillStatus();
    if (open >= 0) {
      const image = shown[Math.min(open, shown.length - 1)];
      if (image === undefined) detail.dialog.close();
      else show(shown.indexOf(image));
    }
  }

  /* Change which images are seen, and the link with it. */
  function filter(change) {
    update(change);
    const text = encodeURIComponent(JSON.stringify(g.toDetail(data, state)));
    const [here] = location.href.split("#"); // as in page.js
    history.replaceState(null, "", `${here}#filter=${text}`);
  }

  function readLink() {
    const [, text] = location.hash.match(/^#filter=(.*)$/s) ?? [];
    if (text === undefined) return false;
    try {
      const found = JSON.parse(decodeURIComponent(text));
      if (!found || typeof found !== "object") return false;
      update(g.fromDetail(data, found, state));
      return true;
    } catch {
      return false; // a link that was cut on its way is no filter
    }
  }

  function goTo() {
    section.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "start" });
  }

  // ---------------------------------------------------------------- keys

  const nudge = (by) => {
    const { threshold } = g.validatorOf(data, state);
    if (threshold === null) return;
    const from = state.threshold ?? Math.round(threshold * g.STEPS);
    filter({ threshold: Math.min(Math.max(from + by, 0), g.STEPS) });
  };
  const fade = (by) => update({ opacity: Math.min(Math.max(state.opacity + by, 0), 100) });
  const both = (change) => state.against !== null && update(change);
  const ACTIONS = {
    f: () => both({ flipped: !state.flipped }),
    s: () => both({ beside: !state.beside }),
    m: () => update({ outline: !state.outline }),
    "[": () => nudge(-10), "]": () => nudge(10),
    "-": () => fade(-5), "+": () => fade(5), "=": () => fade(5),
    "?": () => help.showModal(),
  };

  function columns() {
    const top = grid.children[0]?.offsetTop;
    const next = [...grid.children].findIndex((item) => item.offsetTop !== top);
    return next < 0 ? grid.children.length : next;
  }

  function move(key) {
    const last = grid.children.length - 1;
    const at = [...grid.children].indexOf(document.activeElement.parentElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns(),
      ArrowDown: at + columns(), Home: 0, End: last }[key];
    if (to === undefined) return false;
    if (to >= 0 && to <= last) rove(to, true);
    return true;
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.matches('select, input:not([type="range"])')) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (detail.dialog.open && by) show(open + by);
    else if (event.target.matches(".card") && move(event.key)) { /* moved */ }
    else if (ACTIONS[event.key]) ACTIONS[event.key]();
    else return;
    event.preventDefault();
  }

  // ---------------------------------------------------------------- start

  if (!section.querySelector("h2")) section.append(make("h2", { text: "Gallery" }));
  section.append(buildControls(), status, nothing, grid, notes, detail.dialog, help);
  section.addEventListener("keydown", onKey);
  document.addEventListener("rateval:filter", (event) => {
    filter(g.fromDetail(data, event.detail ?? {}, state));
    goTo();
  });
  window.addEventListener("hashchange", () => readLink() && goTo());
  if (readLink()) goTo();
  else update({});
})();
