"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const data = JSON.parse(get("data").textContent);
  const root = document.documentElement;

  const theme = get("theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  systemDark.addEventListener("change", showTheme);
  showTheme();

  // The landmark map of the networks, drawn over pictures.
  const lines = (pen, points, side, colour) => {
    pen.strokeStyle = colour;
    pen.lineWidth = Math.max(1, side / 128);
    pen.beginPath();
    for (const [a, b] of data.edges) {
      pen.moveTo(points[2 * a] * side, points[2 * a + 1] * side);
      pen.lineTo(points[2 * b] * side, points[2 * b + 1] * side);
    }
    pen.stroke();
  };

  // Black, red, yellow, white: brightness rises all the way, so it reads without colour too.
  const heat = (share) => [3 * share, 3 * share - 1, 3 * share - 2].map((x) => 255 * Math.min(1, Math.max(0, x)));

  const images = new Map();
  const load = (number) => {
    if (!images.has(number)) {
      images.set(number, new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = reject;
        image.src = data.images[number];
      }));
    }
    return images.get(number);
  };

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  const canvas = (label, draw) => {
    const made = element("canvas", { role: "img", ariaLabel: label });
    draw(made);
    return element("figure", {}, made, element("figcaption", { textContent: label }));
  };

  const picture = (label, number, ...marks) => canvas(label, async (made) => {
    const image = await load(number);
    made.width = made.height = 2 * image.naturalWidth;
    const pen = made.getContext("2d");
    pen.drawImage(image, 0, 0, made.width, made.height);
    if (get("lines").checked) for (const [points, colour] of marks) lines(pen, points, made.width, colour);
  });

  const errorMap = (result, target) => canvas("error map", async (made) => {
    const [first, second] = await Promise.all([load(result), load(target)]);
    const side = (made.width = made.height = first.naturalWidth);
    const pen = made.getContext("2d", { willReadFrequently: true });
    const pixels = [first, second].map((image) => {
      pen.drawImage(image, 0, 0, side, side);
      return pen.getImageData(0, 0, side, side);
    });
    const [a, b] = pixels.map((image) => image.data);
    for (let k = 0; k < a.length; k += 4) {
      const error = (Math.abs(a[k] - b[k]) + Math.abs(a[k + 1] - b[k + 1]) + Math.abs(a[k + 2] - b[k + 2])) / 3 / 255;
      const [red, green, blue] = heat(Math.min(1, 2 * error));
      a[k] = red;
      a[k + 1] = green;
      a[k + 2] = blue;
    }
    pen.putImageData(pixels[0], 0, 0);
  });

  const options = (select, entries) => {
    const before = select.value;
    select.replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text })));
    if (entries.some(([value]) => value === before)) select.value = before;
  };

  let shown = [];
  let place = 0;
  const test = () => data.tests[Number(get("test").value)];
  const scoreOf = (pair, metric) => pair.methods[get("method").value].scores[metric];
  const rounded = (metric, value) => (value === null ? "–" : value.toFixed(data.metrics[metric].digits));
  const written = (metric, value) =>
    [data.metrics[metric].title, rounded(metric, value), data.metrics[metric].unit].filter(Boolean).join(" ");

  const sorted = () => {
    const metric = get("metric").value;
    const order = get("order").value;
    const pairs = [...test().pairs];
    if (order === "yaw") return pairs.sort((a, b) => a.yaw - b.yaw);
    const sign = data.metrics[metric].sign * (order === "worst" ? 1 : -1);
    return pairs.sort((a, b) => {
      const [first, second] = [a, b].map((pair) => scoreOf(pair, metric));
      // Pairs without this score are neither the worst nor the best.
      if (first === null || second === null) return (first === null) - (second === null);
      return sign * (first - second);
    });
  };

  const showPair = () => {
    const pair = shown[place];
    const method = get("method").value;
    const { image, points, scores } = pair.methods[method];
    const result = picture(`result, ${test().methods[method]}`, image, [pair.points, "#b5b5b5"], [points, "#2f7bff"]);
    const none = (label) =>
      element("figure", {}, element("div", { className: "none", textContent: "none exists" }), element("figcaption", { textContent: label }));
    get("pair").replaceChildren(
      picture("source", pair.source),
      picture(`reference, |yaw| ${pair.yaw}°`, pair.reference, [pair.points, "#b5b5b5"]),
      pair.target === null ? none("ground truth") : picture("ground truth", pair.target),
      result,
      pair.target === null ? none("error map") : errorMap(image, pair.target),
    );
    const known = Object.entries(scores).filter(([, value]) => value !== null);
    get("scores").textContent =
      `Pair ${place + 1} of ${shown.length}, ${pair.name}: ` + known.map(([name, value]) => written(name, value)).join(", ");
    get("why").textContent = `python -m dg why results/evaluate/dg/${test().key}/${method}.arrow ${pair.number}`;
    [...get("strip").children].forEach((button, number) => button.setAttribute("aria-current", String(number === place)));
  };

  const showStrip = (kept) => {
    const metric = get("metric").value;
    shown = sorted();
    place = Math.max(0, shown.indexOf(kept));
    get("strip").replaceChildren(...shown.map((pair, number) => {
      const value = scoreOf(pair, metric);
      const image = element("img", { src: data.images[pair.methods[get("method").value].image], alt: "" });
      const button = element("button", { type: "button", ariaLabel: `Pair ${number + 1}, ${pair.name}` }, image, rounded(metric, value));
      button.addEventListener("click", () => { place = number; showPair(); });
      return button;
    }));
    const { total, ends, ranked_by } = test();
    get("count").textContent = shown.length === total
      ? `All ${total} pairs.`
      : `${shown.length} of ${total} pairs: DG's ${ends} worst and ${ends} best by ${ranked_by}, and pairs at equal ` +
        "distances between. Other methods and orders show and sort these pairs alone.";
    showPair();
  };

  const showTest = (kept) => {
    options(get("method"), Object.entries(test().methods));
    // What is neither better nor worse, or was not measured, gives no order.
    const ordering = Object.entries(data.metrics).filter(
      ([name, { sign }]) => sign && test().pairs.some((pair) => scoreOf(pair, name) !== null),
    );
    options(get("metric"), ordering.map(([name, { heading }]) => [name, heading]));
    showStrip(kept);
  };

  const step = (by) => {
    place = (place + by + shown.length) % shown.length;
    showPair();
  };
  get("previous").addEventListener("click", () => step(-1));
  get("next").addEventListener("click", () => step(1));
  get("pair").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
  });
  get("lines").addEventListener("change", showPair);
  for (const name of ["metric", "order"]) get(name).addEventListener("change", () => showStrip());
  get("method").addEventListener("change", () => showTest(shown[place]));
  get("test").addEventListener("change", () => showTest());
  options(get("test"), data.tests.map(({ title }, number) => [String(number), title]));
  showTest();
})();
