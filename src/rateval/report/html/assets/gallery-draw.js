"use strict";
/* Pictures, heat maps and outlines of masks, drawn from the page's data. */
Object.assign(window.ratevalGallery, (() => {
  /* Dark violet to light yellow by way of red and orange: lightness alone tells the order. */
  const STOPS = [
    [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51],
    [249, 140, 10], [249, 201, 50], [252, 255, 164],
  ];
  const COLOURS = Array.from({ length: 256 }, (_, at) => {
    const place = (at / 255) * (STOPS.length - 1);
    const low = Math.min(Math.floor(place), STOPS.length - 2);
    return STOPS[low].map((from, part) => from + (STOPS[low + 1][part] - from) * (place - low));
  });
  const { visible } = window.ratevalGallery;
  const SVG = "http://www.w3.org/2000/svg";

  /* Make an element; text is text and never markup. */
  function make(name, properties = {}, ...children) {
    const { class: names, text, on, ...attributes } = properties;
    const element = document.createElement(name);
    if (names) element.className = names;
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    for (const [event, listener] of Object.entries(on ?? {}))
      element.addEventListener(event, listener);
    element.append(...children);
    return element;
  }

  /* Where each pixel of a line lies between two patches, as torch upsamples bilinearly. */
  function weights(patches, pixels) {
    const low = new Uint16Array(pixels);
    const share = new Float32Array(pixels);
    for (let at = 0; at < pixels; at += 1) {
      const place = Math.max(((at + 0.5) * patches) / pixels - 0.5, 0);
      low[at] = Math.min(Math.floor(place), patches - 1);
      share[at] = low[at] < patches - 1 ? place - low[at] : 0;
    }
    return { low, share };
  }

  /* Upsample a map of bytes, and stretch it to [0, 1] as the validators do. */
  function upsample(map, [rows, columns], height, width) {
    const heat = new Float32Array(height * width);
    const [down, across] = [weights(rows, height), weights(columns, width)];
    const line = new Float32Array(columns + 1);
    let [least, most] = [Infinity, -Infinity];
    for (let y = 0; y < height; y += 1) {
      const above = down.low[y] * columns;
      const below = down.share[y] ? above + columns : above;
      for (let at = 0; at < columns; at += 1)
        line[at] = map[above + at] + (map[below + at] - map[above + at]) * down.share[y];
      line[columns] = line[columns - 1];
      for (let x = 0; x < width; x += 1) {
        const left = across.low[x];
        const value = line[left] + (line[left + 1] - line[left]) * across.share[x];
        heat[y * width + x] = value;
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    const spread = most - least;
    return heat.map((value) => (spread > 0 ? (value - least) / spread : 0));
  }

  function paintHeat(canvas, map, grid, height, width) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true }); // hundreds of small ones
    if (!map) return;
    const bytes = Uint8Array.from(atob(map), (sign) => sign.charCodeAt(0));
    const pixels = context.createImageData(width, height);
    upsample(bytes, grid, height, width).forEach((value, at) => {
      const [red, green, blue] = COLOURS[Math.round(value * 255)];
      pixels.data[at * 4] = red;
      pixels.data[at * 4 + 1] = green;
      pixels.data[at * 4 + 2] = blue;
      pixels.data[at * 4 + 3] = 70 + 185 * Math.min(value * 1.6, 1);
    });
    context.putImageData(pixels, 0, 0);
  }

  /* A path along the edges of a mask that is given as runs, the first of them outside. */
  function outline(runs, width, height) {
    const stride = width + 2; // one pixel around it is outside
    const inside = new Uint8Array(stride * (height + 2));
    let [at, value] = [0, 0];
    for (const run of runs) {
      for (let end = at + run; at < end; at += 1)
        inside[(Math.floor(at / width) + 1) * stride + (at % width) + 1] = value;
      value = 1 - value;
    }
    const first = stride + 1;
    return lines(inside, first, [width, 1], [height, stride], (x, y, to) => `M${x} ${y}H${to}`)
      + lines(inside, first, [height, stride], [width, 1], (y, x, to) => `M${x} ${y}V${to}`);
  }

  /* Edges between neighbours across a line, those that follow one another as one. */
  function lines(inside, first, [length, along], [count, across], draw) {
    let path = "";
    for (let line = 0; line <= count; line += 1) {
      const start = first + line * across;
      const edge = (at) => inside[start + at * along] !== inside[start + at * along - across];
      for (let at = 0; at < length; at += 1)
        if (edge(at)) {
          const from = at;
          while (at < length && edge(at)) at += 1;
          path += draw(from, line, at);
        }
    }
    return path;
  }

  /* One picture with heat and outline over it, to be filled once it comes into view. */
  function makeView() {
    const view = make("span", { class: "view" },
      make("img", { class: "picture", alt: "", decoding: "async" }),
      make("canvas", { class: "heat", "aria-hidden": "true" }));
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("class", "outline");
    drawing.setAttribute("aria-hidden", "true");
    for (const name of ["halo", "line"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      drawing.append(path);
    }
    view.append(drawing, make("span", { class: "missing" }));
    return view;
  }

  const outlines = new WeakMap();

  /* `map` stands in the place of the cell's own, where there is one. */
  function fillView(view, image, cell, at, size, alt, map = cell.columns.map?.[at]) {
    const [picture, canvas, drawing, missing] = view.children;
    const source = image.file ?? (image.data ? `data:image/webp;base64,${image.data}` : "");
    view.style.setProperty("--shape", `${image.width ?? 1} / ${image.height ?? 1}`);
    picture.alt = alt;
    picture.hidden = !source;
    if (source && picture.getAttribute("src") !== source) picture.src = source;
    missing.textContent = source ? "" : `no picture: ${visible(image.undefined ?? "")}`;
    const [height, width] = [image.height ?? 1, image.width ?? 1].map((side, _, sides) =>
      Math.max(Math.round((side * size) / Math.max(...sides)), 1));
    paintHeat(canvas, map, cell.grid, height, width);
    drawing.setAttribute("viewBox", `0 0 ${image.width ?? 1} ${image.height ?? 1}`);
    if (image.mask && !outlines.has(image))
      outlines.set(image, outline(image.mask, image.width, image.height));
    for (const path of drawing.children) path.setAttribute("d", outlines.get(image) ?? "");
  }

  return { make, makeView, fillView, upsample, outline, COLOURS };
})());
