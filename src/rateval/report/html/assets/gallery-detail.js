"use strict";
/* One image in full: its picture by one or two methods, and all that is stored of it. */
Object.assign(window.ratevalGallery, (() => {
  const {
    make, makeView, fillView, visible, WORDS, STEPS, quadrantOf, scoreOf, thresholdOf, imageOf,
  } = window.ratevalGallery;
  const LARGE = 384;

  const minus = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−"));
  const share = (value) => (value === null || value === undefined ? "–"
    : `${(value * 100).toFixed(1)} %`);
  const number = (value) => (value === null || value === undefined ? "–" : minus(value.toFixed(3)));

  /* What a picture shows, for who cannot see it. */
  function describe(data, state, cell, image) {
    const quadrant = quadrantOf(data, state, cell, image);
    if (quadrant === null) return "no row by this method";
    const asked = data.cells[cell].columns.input?.[image] ?? null;
    return `${quadrant} (${WORDS[quadrant]}): ${asked === null ? "" : `${visible(asked)} `}label `
      + `${labelOf(data, state, cell, image)}, predicted ${predictedBy(data, state, cell, image)}`;
  }

  /* What is right of an image, and what a method says: a class, or a text. */
  function labelOf(data, state, cell, image) {
    const { references, label } = data.cells[cell].columns;
    return visible(references?.[image] ? listed(references[image])
      : data.tests[state.test].classes[label[image]] ?? "–");
  }

  /* Answers that people gave, each once, and how many gave it. */
  function listed(answers) {
    const counts = new Map();
    for (const one of answers) counts.set(one, (counts.get(one) ?? 0) + 1);
    return [...counts].map(([one, count]) => (counts.size > 1 && count > 1 ? `${one} ×${count}` : one))
      .join(" | ");
  }

  function predictedBy(data, state, cell, image) {
    const { output, prediction } = data.cells[cell].columns;
    return visible(output?.[image] ?? data.tests[state.test].classes[prediction[image]] ?? "–");
  }

  function badge(quadrant) {
    return make("span", { class: "badge", "data-quadrant": quadrant ?? "", text: quadrant ?? "–" });
  }

  function nameOf(data, cell, others) {
    const { method, attribution } = data.cells[cell];
    const several = others.some((other) => data.cells[other].attribution !== attribution);
    return visible(several ? `${method} · ${attribution}` : method);
  }

  /* What a method answered, in pieces of which some have a map: a button each, and one for all. */
  function tokensOf(data, cell, image, chosen, choose) {
    const pieces = data.cells[cell].columns.tokens?.[image];
    if (!pieces) return "";
    const button = (token, text, more = {}) => make("button", { type: "button", class: "token",
      "data-cell": cell, "data-token": token, "aria-pressed": String(chosen === token),
      on: { click: () => choose(cell, chosen === token ? -1 : token) }, ...more },
    make("bdi", { text }));
    return make("div", { class: "tokens", role: "group", "aria-label": "map of" },
      button(-1, data.cells[cell].whole ?? "whole answer", { class: "token whole" }),
      make("span", { class: "said", dir: "auto" }, ...pieces.map(([text, map], at) =>
        (map === undefined ? visible(text) : button(at, visible(text))))));
  }

  /* Rows of the table: a heading, and what one method has to say to it. */
  function facts(data, state) {
    const classes = data.tests[state.test].classes;
    const of = (name) => (cell, image) => data.cells[cell].columns[name]?.[image] ?? null;
    const verdict = (name, cell, image) =>
      data.cells[cell].verdicts[name]?.undefined[image] ?? null;
    const answers = of("answers");
    const rows = [
      ["quadrant", (cell, image) => {
        const quadrant = quadrantOf(data, state, cell, image);
        return make("span", {}, badge(quadrant), ` ${WORDS[quadrant] ?? "no row"}`);
      }],
      ["predicted", (cell, image) => make("bdi", {
        text: predictedBy(data, state, cell, image) })],
    ];
    if (data.cells.some((cell) => cell.columns.top))
      rows.push(["most likely classes", (cell, image) => bars(classes,
        of("top")(cell, image) ?? [], of("label")(cell, image))]);
    for (const { name, threshold } of data.validators) {
      const judged = { ...state, validator: name };
      rows.push([`score, ${visible(name)}`, (cell, image) => {
        const score = scoreOf(data, judged, image, cell);
        const why = verdict(name, cell, image);
        const live = name === state.validator ? thresholdOf(data, state) : null;
        const from = live === null ? threshold : live / STEPS;
        const at = from === null ? "" : `, valid from ${number(from)}`;
        return why ? `undefined: ${visible(why)}` : number(score) + (score === null ? "" : at);
      }]);
    }
    if (data.cells.some((cell) => cell.columns.answers?.some((found) => found)))
      rows.push(
        ["answer stays on other backgrounds", (cell, image) => answered(answers(cell, image), 0)],
        ["answer stays without the object", (cell, image) => answered(answers(cell, image), 1)],
        ["probability lost without it", (cell, image) => answered(answers(cell, image), 2)]);
    return rows;
  }

  function answered(answers, part) {
    if (!answers) return "–";
    if (answers[3]) return `undefined: ${visible(answers[3])}`;
    if (part === 1) return answers[1] ? "yes" : "no";
    return part === 0 ? share(answers[0]) : number(answers[2]);
  }

  function bars(classes, top, label) {
    return make("span", { class: "bars" }, ...top.map(([at, value]) => {
      const bar = make("span", { class: "gauge" });
      bar.style.setProperty("--share", value);
      const mark = at === label ? make("span", { class: "mark", text: " (label)" }) : "";
      return make("span", { class: "chance" },
        make("span", {}, make("bdi", { text: visible(classes[at]) }), mark),
        make("span", { class: "amount", text: share(value) }), bar);
    }));
  }

  /* The dialog; `moves` are what its buttons do: previous, next, flip, and choose a token. */
  function makeDetail(moves) {
    const title = make("h3", { id: "gallery-detail-title" });
    const place = make("span", { class: "place", "aria-live": "polite" });
    const body = make("div", { class: "body" });
    const button = (text, hint, click) =>
      make("button", { type: "button", text, title: hint, "aria-label": hint, on: { click } });
    const flip = button("⇄", "flip the two methods (f)", moves.flip);
    const dialog = make("dialog", { class: "gallery-detail", "aria-labelledby": title.id },
      make("header", {}, make("div", { class: "name" }, title, place),
        button("←", "previous image (arrow left)", () => moves.step(-1)),
        button("→", "next image (arrow right)", () => moves.step(1)),
        flip, button("✕", "close (Esc)", () => dialog.close())),
      body);
    return { dialog, title, place, body, flip, choose: moves.choose, image: null, tokens: new Map() };
  }

  function showDetail(detail, data, state, image, at, of) {
    const cells = [state.cell, state.against].filter((cell) => cell !== null);
    if (cells.length > 1 && state.flipped !== Boolean(data.paired)) cells.reverse();
    const { id, mask, width, height } = imageOf(data, cells[0], image);
    const { columns } = data.cells[cells[0]];
    const label = labelOf(data, state, cells[0], image);
    const asked = columns.input?.[image] ?? null;
    const area = columns.area[image];
    const shown = `${state.test}/${image}`;
    if (detail.image !== shown) detail.tokens.clear();
    detail.image = shown;
    const { cell: held, token: pressed } = detail.body.contains(document.activeElement)
      ? document.activeElement.dataset : {};
    detail.title.replaceChildren(make("bdi", { text: visible(id) }));
    detail.place.textContent = `${at + 1} of ${of}`;
    detail.flip.hidden = state.against === null;
    const pictures = make("div", { class: cells.length > 1 ? "pictures two" : "pictures" }, ...cells.map((cell) => {
      const view = makeView();
      const alt = describe(data, state, cell, image);
      const token = detail.tokens.get(cell) ?? -1;
      const [text, map] = data.cells[cell].columns.tokens?.[image]?.[token] ?? [];
      fillView(view, imageOf(data, cell, image), data.cells[cell], image, LARGE,
        map ? `${alt}; map of ${visible(text)}` : alt, map);
      return make("figure", {}, view, make("figcaption", {},
        badge(quadrantOf(data, state, cell, image)), ` ${nameOf(data, cell, cells)}`,
        data.cells[cell].columns.map ? "" : make("span", { class: "note", text: " (no map)" }),
        tokensOf(data, cell, image, token, detail.choose)));
    }));
    const question = asked === null ? [] : [make("p", { class: "question" },
      make("bdi", { text: visible(asked) }))];
    const common = make("p", { class: "common" }, asked === null ? "label " : "right: ",
      make("bdi", { class: "strong", text: label }),
      mask ? ` · mask ${share(area)} of the view` : " · no mask",
      width ? ` · picture ${width} × ${height}` : "");
    detail.body.replaceChildren(pictures, make("div", { class: "about" }, ...question, common,
      table(data, state, cells, image)));
    // A button that was pressed is there anew, and has the focus still.
    if (pressed !== undefined)
      (detail.body.querySelector(`.token[data-cell="${held}"][data-token="${pressed}"]`)
        ?? detail.dialog.querySelector("button")).focus();
  }

  function table(data, state, cells, image) {
    const heads = cells.map((cell) =>
      make("th", { scope: "col", text: nameOf(data, cell, cells) }));
    return make("table", {},
      make("thead", {}, make("tr", {}, make("td"), ...heads)),
      make("tbody", {}, ...facts(data, state).map(([name, tell]) => make("tr", {},
        make("th", { scope: "row", text: name }),
        ...cells.map((cell) => make("td", {}, tell(cell, image)))))));
  }

  return { describe, labelOf, predictedBy, minus, badge, nameOf, makeDetail, showDetail };
})());
