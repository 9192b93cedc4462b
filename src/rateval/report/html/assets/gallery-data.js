"use strict";
/* What the gallery knows: the page's data, and what follows from them for a choice of filters. */
window.ratevalGallery = (() => {
  const STATES = ["RR", "RW", "WR", "WW", "RU", "WU"];
  const WORDS = {
    RR: "right, for the right reason",
    RW: "right, for the wrong reason",
    WR: "wrong, though it looked at the evidence",
    WW: "wrong, and looked elsewhere",
    RU: "right, evidence unknown",
    WU: "wrong, evidence unknown",
  };
  const STEPS = 1000;

  const { visible } = window.ratevalPage;

  function cellsOf(data, test) {
    return data.cells.map((_, at) => at).filter((at) => data.cells[at].test === test);
  }

  /* What a cell is compared with where runs are: its partner in the baseline. */
  function partnerOf(data, cell) {
    return data.cells[cell].partner ?? null;
  }

  /* A unit's picture as the model of a cell sees it. */
  function imageOf(data, cell, image) {
    const found = data.tests[data.cells[cell].test].images[image];
    return (data.cells[cell].other && found.other) || found;
  }

  /* Without a test the first one that has a cell, without a cell the first trained one of it. */
  function initial(data, test = data.cells[0].test) {
    const all = cellsOf(data, test);
    const candidates = all.filter((at) => partnerOf(data, at) !== null);
    const cells = candidates.length ? candidates : all;
    const cell = cells.find((at) => data.cells[at].trained) ?? cells[0];
    const judged = data.validators.find(({ name }) => name in data.cells[cell].verdicts);
    return { test, cell, validator: (judged ?? data.validators[0]).name, ...NO_FILTER,
      against: partnerOf(data, cell), sort: "rare" };
  }
  const NO_FILTER = {
    against: null, quadrant: "", transition: "", class: "", text: "", low: null, high: null,
    threshold: null,
  };

  function validatorOf(data, state) {
    return data.validators.find((found) => found.name === state.validator);
  }

  /* The threshold in use as a whole number of thousandths; null as the study judged. */
  function thresholdOf(data, state) {
    return validatorOf(data, state).threshold === null ? null : state.threshold;
  }

  function quadrantOf(data, state, cell, image) {
    const { columns, verdicts } = data.cells[cell];
    const found = verdicts[state.validator];
    if (!found || (columns.correct?.[image] ?? null) === null) return null;
    const first = columns.correct[image] ? "R" : "W";
    if (found.valid[image] === null) return first + "U";
    const threshold = thresholdOf(data, state);
    if (threshold === null) return first + (found.valid[image] ? "R" : "W");
    const score = found.score[image];
    const valid = score !== null && Math.fround(score) >= Math.fround(threshold / STEPS);
    return first + (valid ? "R" : "W");
  }

  /* Counts of all images of the test by quadrant; null where nothing is known of a threshold. */
  function countAll(data, state, cell = state.cell) {
    const judged = data.cells[cell].quadrants[state.validator];
    const threshold = thresholdOf(data, state);
    if (!judged || threshold === null) return judged ?? null;
    const curves = data.cells[cell].curves[state.validator];
    if (!curves) return null;
    const valid = (curve) => curve[0] - sum(curve.slice(1, threshold + 1));
    const [right, wrong] = [valid(curves.correct), valid(curves.wrong)];
    return {
      ...judged,
      RR: right, RW: judged.RR + judged.RW - right,
      WR: wrong, WW: judged.WR + judged.WW - wrong,
    };
  }

  function sum(numbers) {
    return numbers.reduce((total, number) => total + number, 0);
  }

  function transitionOf(data, state, image) {
    if (state.against === null) return null;
    const before = quadrantOf(data, state, state.against, image);
    const after = quadrantOf(data, state, state.cell, image);
    return before && after ? `${before}>${after}` : null;
  }

  /* Whether a transition is the one that is asked for, or, for "changed", any that is a change. */
  function passes(transition, wanted) {
    if (!transition || wanted !== "changed") return transition === wanted;
    const [before, after] = transition.split(">");
    return before !== after;
  }

  /* Counts of all images by transition, as the study judged; null where that is not known. */
  function countTransitions(data, state) {
    if (state.against === null || thresholdOf(data, state) !== null) return null;
    const pair = (cell, against) => data.transitions.find((found) =>
      found.cell === cell && found.against === against && found.validator === state.validator);
    const found = pair(state.cell, state.against);
    if (found) return found.counts;
    const turned = pair(state.against, state.cell);
    if (!turned) return null;
    return Object.fromEntries(Object.entries(turned.counts)
      .map(([name, count]) => [name.split(">").reverse().join(">"), count]));
  }

  function scoreOf(data, state, image, cell = state.cell) {
    return data.cells[cell].verdicts[state.validator]?.score[image] ?? null;
  }

  function matches(data, state, image, but = "") {
    const { classes } = data.tests[state.test];
    const quadrant = quadrantOf(data, state, state.cell, image);
    if (quadrant === null) return false;
    if (but !== "quadrant" && state.quadrant && quadrant !== state.quadrant) return false;
    if (but !== "transition" && state.transition
      && !passes(transitionOf(data, state, image), state.transition)) return false;
    const label = classes[data.cells[state.cell].columns.label[image]];
    if (but !== "class" && state.class && label !== state.class) return false;
    const wanted = state.text.toLowerCase();
    if (wanted && !wordsOf(data, state, image).includes(wanted)) return false;
    if (state.low === null && state.high === null) return true;
    const score = scoreOf(data, state, image);
    return score !== null && score >= (state.low ?? -Infinity) && score <= (state.high ?? Infinity);
  }

  /* All that a text is looked for in: the id, and what was asked and answered. */
  function wordsOf(data, state, image) {
    const cells = [state.cell, state.against].filter((cell) => cell !== null);
    const said = cells.flatMap((cell) => {
      const { input, output, references } = data.cells[cell].columns;
      return [input?.[image], output?.[image], ...(references?.[image] ?? [])];
    });
    return [data.tests[state.test].images[image].id, ...said].filter(Boolean)
      .flatMap((text) => [text, visible(text)]).join("\n").toLowerCase();
  }

  /* Whether questions were asked of a test's images. */
  function asks(data, test) {
    return cellsOf(data, test).some((cell) => data.cells[cell].columns.input);
  }

  /* Images that pass, by number in their test; `but` names one filter that is left out. */
  function pick(data, state, but = "") {
    return data.tests[state.test].images.map((_, at) => at)
      .filter((at) => matches(data, state, at, but));
  }

  function sorted(data, state, images) {
    const transitions = countTransitions(data, state);
    const all = transitions ?? countAll(data, state) ?? {};
    const nameOf = (at) => (transitions
      ? transitionOf(data, state, at) : quadrantOf(data, state, state.cell, at));
    const { images: known } = data.tests[state.test];
    const keys = new Map(images.map((at) => {
      const score = scoreOf(data, state, at);
      return [at, {
        rare: all[nameOf(at)] ?? 0, low: score ?? Infinity, high: -(score ?? -Infinity),
        id: known[at].id,
      }[state.sort]];
    }));
    return [...images].sort((a, b) => {
      const [one, other] = [keys.get(a), keys.get(b)];
      return one < other ? -1 : one > other ? 1 : a - b;
    });
  }

  /* What the event and the link carry: names, no numbers of this page. */
  function toDetail(data, state) {
    const detail = {
      test: data.tests[state.test].name, cell: data.cells[state.cell].label,
      validator: state.validator,
    };
    if (state.against !== null) detail.against = data.cells[state.against].label;
    for (const name of ["quadrant", "transition", "class", "text"])
      if (state[name]) detail[name] = state[name];
    for (const name of ["low", "high"]) if (state[name] !== null) detail[name] = state[name];
    if (thresholdOf(data, state) !== null) detail.threshold = state.threshold / STEPS;
    if (state.sort !== "rare") detail.sort = state.sort;
    return detail;
  }

  /* The state that a detail asks for; what it doesn't name, or names wrongly, is not filtered. */
  function fromDetail(data, detail, state) {
    const named = (label, test) => {
      const fits = (cell) => test === null || cell.test === test;
      const exact = data.cells.findIndex((cell) => cell.label === label && fits(cell));
      return exact >= 0 ? exact
        : data.cells.findIndex((cell) => cell.seedless === label && fits(cell));
    };
    const known = data.tests.findIndex((found, at) => cellsOf(data, at).length
      && [found.name, found.view].includes(detail.test));
    let cell = named(detail.cell, known < 0 ? null : known);
    if (cell < 0) cell = named(detail.cell, null);
    const test = cell >= 0 ? data.cells[cell].test : known >= 0 ? known : state.test;
    const base = { ...(test === state.test ? state : initial(data, test)), ...NO_FILTER };
    const next = { ...base, cell: cell >= 0 ? cell : base.cell, validator: state.validator };
    const against = named(detail.against, test);
    if (against >= 0 && against !== next.cell) next.against = against;
    if (data.validators.some((found) => found.name === detail.validator))
      next.validator = detail.validator;
    if (STATES.includes(detail.quadrant)) next.quadrant = detail.quadrant;
    const pair = String(detail.transition ?? "").split(">");
    const named_pair = pair.length === 2 && pair.every((name) => STATES.includes(name));
    if (next.against !== null && (named_pair || detail.transition === "changed"))
      next.transition = detail.transition;
    for (const name of ["class", "text"])
      if (typeof detail[name] === "string") next[name] = detail[name];
    for (const name of ["low", "high"])
      if (Number.isFinite(detail[name])) next[name] = detail[name];
    if (Number.isFinite(detail.threshold))
      next.threshold = Math.min(Math.max(Math.round(detail.threshold * STEPS), 0), STEPS);
    if (["rare", "low", "high", "id"].includes(detail.sort)) next.sort = detail.sort;
    return next;
  }

  return {
    STATES, STEPS, WORDS, NO_FILTER, visible, cellsOf, initial, validatorOf, thresholdOf,
    quadrantOf, countAll, transitionOf, passes, partnerOf, imageOf, countTransitions, scoreOf, pick,
    sorted, toDetail, fromDetail, sum, asks,
  };
})();
