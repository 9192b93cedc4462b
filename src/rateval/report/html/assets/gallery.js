"use strict";
/* The gallery itself: cards, keys, and the link that carries its filter. */
(() => {
  const g = window.ratevalGallery;
  const { make, visible, count, arrow } = g;
  const SMALL = 128;
  const KEYS = [
    ["arrows, Home, End", "go from card to card, in the dialog from image to image"],
    ["Enter", "open an image"], ["Esc", "close it"],
    ["f", "flip to the other method and back"], ["s", "both methods side by side"],
    ["m", "outline of the mask on and off"], ["[ and ]", "threshold down and up by 0.01"],
    ["− and +", "heat fainter and stronger"], ["?", "this help"],
  ];

  const section = document.getElementById("gallery");
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  if (!data.cells.length) {
    section.append(make("p", { text: "No cell of this run was judged: there is nothing to show." }));
    return;
  }

  const start = { opacity: 65, flipped: false, beside: Boolean(data.paired), outline: true };
  let state = { ...g.initial(data), ...start };
  if (data.paired && g.pick(data, { ...state, transition: "changed" }).length)
    state.transition = "changed";
  let shown = [];
  let open = -1;
  const cards = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---------------------------------------------------------------- cards

  const grid = make("ul", { class: "cards", "aria-label": "images" });
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const nothing = make("p", { class: "nothing" });

  /* The cells that a card shows, the first of them foremost. */
  function faces() {
    if (state.against === null) return [state.cell];
    const both = state.flipped ? [state.against, state.cell] : [state.cell, state.against];
    if (!state.beside) return both.slice(0, 1);
    return data.paired ? both.reverse() : both; // a baseline stands left
  }

  function cardOf(image) {
    const key = `${state.test}/${image}`;
    if (!cards.has(key)) {
      const item = make("li");
      const button = make("button", { type: "button", class: "card", tabindex: "-1",
        "data-index": data.tests[state.test].images[image].index,
        on: { click: () => show(shown.indexOf(image)) } },
      make("span", { class: "views" }), make("span", { class: "caption", "aria-hidden": "true" }));
      item.append(button);
      cards.set(key, { item, button, image, near: false, drawn: "", cells: [] });
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
    if (views.children.length !== cells.length) {
      views.replaceChildren(...cells.map(() => g.makeView()));
      card.cells = [];
    }
    cells.forEach((cell, at) => {
      const image = g.imageOf(data, cell, card.image);
      const alt = g.describe(data, state, cell, card.image);
      const whole = cells.length > 1 ? `${g.nameOf(data, cell, cells)}: ${alt}` : alt;
      if (card.cells[at] === cell) views.children[at].firstChild.alt = whole;
      else g.fillView(views.children[at], image, data.cells[cell], card.image, SMALL, whole);
    });
    card.cells = cells;
    card.drawn = looks;
    caption.replaceChildren(...captionOf(cells, card.image));
  }

  /* What is said of a card, be it drawn or not. */
  function nameCard(card) {
    const cells = faces();
    const told = cells.map((cell) => {
      const says = g.describe(data, state, cell, card.image);
      return cells.length > 1 ? `${g.nameOf(data, cell, cells)}: ${says}` : says;
    });
    const quadrants = cells.map((cell) => g.quadrantOf(data, state, cell, card.image) ?? "");
    card.button.setAttribute("data-quadrant", quadrants.join(">"));
    card.button.setAttribute("aria-label", told.join("; "));
  }

  function captionOf(cells, image) {
    const label = g.labelOf(data, state, cells[0], image);
    const told = [...new Set(cells.map((cell) => g.predictedBy(data, state, cell, image)))];
    const said = told.length === 1 && told[0] === label;
    const asked = data.cells[cells[0]].columns.input?.[image] ?? null;
    // An answer can be right that is one of several.
    const right = asked === null ? said : told.length === 1
      && cells.every((cell) => data.cells[cell].columns.correct[image]);
    return [
      ...cells.map((cell) => {
        const score = g.scoreOf(data, state, image, cell);
        return make("span", { class: "verdict" }, g.badge(g.quadrantOf(data, state, cell, image)),
          make("span", { class: "score", text: score === null ? "–" : g.minus(score.toFixed(2)) }));
      }),
      ...(asked === null ? [] : [make("span", { class: "asked" }, make("bdi", { text: visible(asked) }))]),
      ...names(right ? told[0] : label, right ? [] : told, asked === null),
    ];
  }

  /* What is right and what else was said: names of classes in one line, texts in two. */
  function names(label, told, short) {
    const name = (text) => make("bdi", { text });
    const more = told.flatMap((at, place) => [place ? " | " : "→ ", name(at)]);
    const line = make("span", { class: "names" }, name(label));
    if (!more.length) return [line];
    if (short) line.append(" ", ...more);
    return short ? [line] : [line, make("span", { class: "names answers" }, ...more)];
  }

  function fillGrid() {
    const focused = watched.get(document.activeElement?.closest?.("#gallery li"))?.image;
    shown = g.sorted(data, state, g.pick(data, state));
    const items = shown.map((image) => cardOf(image));
    const wanted = items.map((card) => card.item);
    const same = (item, at) => grid.children[at] === item;
    if (wanted.length !== grid.children.length || !wanted.every(same))
      grid.replaceChildren(...wanted);
    for (const card of items) {
      nameCard(card);
      if (card.near) draw(card);
    }
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
    const moves = g.countTransitions(data, state);
    const moved = Object.entries(moves ?? {}).filter(([name]) => g.passes(name, state.transition))
      .reduce((total, [, found]) => total + found, 0);
    const all = moves && state.transition
      ? state.transition === "changed" ? ` ${count(moved)} of these changed their quadrant.`
        : ` ${count(moved)} of these go ${arrow(state.transition)}.`
      : now && state.quadrant
        ? ` ${count(now[state.quadrant])} of these are ${state.quadrant}.` : "";
    const face = faces()[0];
    const flipped = state.flipped && state.against !== null
      ? ` Maps of ${visible(data.cells[face].label)}.` : "";
    status.textContent = `${count(shown.length)} of ${count(test.images.length)} pictures shown; `
      + `the test has ${count(cell.count)} ${test.units}.${all}${flipped}`;
    nothing.hidden = shown.length > 0;
    nothing.textContent = reason(test);
    fillNotes(test, cell);
  }

  function reason(test) {
    if (test.images.length) return "No picture here passes these filters.";
    if (data.left_out)
      return `Pictures were left out of this page. The counts above are of all ${test.units}.`;
    const how = `Make some with: ${visible(data.command)}`;
    return test.dropped ? "No picture of this test had room in this page."
      : `${data.paired ? "Neither" : "This"} run keeps ${data.paired ? "" : "no "}pictures of this test. ${how}`;
  }

  const notes = make("div", { class: "notes" });

  function fillNotes(test, cell) {
    const told = [test.sampling];
    if (test.dropped)
      told.push(`${count(test.dropped)} more pictures had no room in this page; a folder has room `
        + `for all: ${data.beside ?? "rateval report RUN --html FOLDER/"}.`);
    if (cell.cut.includes("maps")) told.push("The maps of this method had no room in this page.");
    if (cell.cut.includes("tokens"))
      told.push("Maps of single tokens by this method had no room in this page.");
    if (cell.cut.includes("counts"))
      told.push(`Counts of all ${test.units} by threshold had no room in this page.`);
    if (data.cut.includes("transitions"))
      told.push(`Counts of all ${test.units} by transition had room from zero-shot at most.`);
    notes.replaceChildren(...told.filter(Boolean).map((text) => make("p", { text })));
  }

  // ---------------------------------------------------------------- one image in full

  const detail = g.makeDetail({ step: (by) => show(open + by),
    flip: () => update({ flipped: !state.flipped }),
    choose: (cell, token) => {
      detail.tokens.set(cell, token);
      show(open);
    } });
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
    controls.fill(state);
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
    clearTimeout(writing);
    writing = setTimeout(writeLink, 200); // browsers refuse a link that changes all the time
  }
  let writing = 0;

  function writeLink() {
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

  const controls = g.makeControls(data, { filter, update, help: () => help.showModal() });
  if (!section.querySelector("h2")) section.append(make("h2", { text: "Gallery" }));
  section.append(controls.panel, status, nothing, grid, notes, detail.dialog, help);
  section.addEventListener("keydown", onKey);
  window.addEventListener("beforeprint", () => shown.forEach((image) => draw(cardOf(image))));
  document.addEventListener("rateval:filter", (event) => {
    filter(g.fromDetail(data, event.detail ?? {}, state));
    goTo();
  });
  window.addEventListener("hashchange", () => readLink() && goTo());
  if (readLink()) goTo();
  else update({});
})();
