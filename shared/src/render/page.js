"use strict";
// Adds the pictures to the page. Text from outside is only ever set as text or as an attribute, never as
// markup. Bars are placed in percent, so that nothing has to be drawn again when the window changes.
// Viewers may be some years old: no API newer than 2021.

const lessons = JSON.parse(document.getElementById("pictures").textContent);

/** With more lanes than this, they are drawn as one block for each process, or one for all. */
const MAX_NAMES = 32;
/** The height of a row in pixels, and of all rows of a run where there are too many for that. */
const ROW = 15, MOST = 330;

function add(parent, node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  if (parent) parent.append(node);
  return node;
}

/** Adds an HTML element; children are elements or text. */
const put = (parent, tag, attributes = {}, ...children) =>
  add(parent, document.createElement(tag), attributes, children);

/** Adds an SVG element. */
const draw = (parent, tag, attributes = {}, ...children) =>
  add(parent, document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const count = (number, noun, plural = noun + "s") =>
  `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
const percent = (share) => `${+(share * 100).toFixed(4)}%`;

function time(ms) {
  if (ms === 0) return "0";
  if (ms < 0.1) return `${+(ms * 1000).toPrecision(3)} µs`;
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 2 : 1)} ms` : `${(ms / 1000).toFixed(3)} s`;
}

/** A time on an axis. */
const round = (ms) => (ms < 1000 ? `${+ms.toPrecision(3)} ms` : `${+(ms / 1000).toPrecision(3)} s`);

/** A number with no more digits than can be meant. */
function quantity(value) {
  if (value === null) return "–";
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value !== 0 && Math.abs(value) < 0.1 ? String(+value.toPrecision(2))
    : value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Round numbers from 0 to `most`, four to nine of them. */
function ticks(most) {
  if (!(most > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((one) => one * power).find((step) => most / step < 8);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, place) => place * step);
}

/** The lines and numbers of a horizontal axis; `at` gives the share of the width. */
function axis(svg, marks, at, write, height) {
  for (const [place, mark] of marks.entries()) {
    const x = percent(at(mark));
    const anchor = at(mark) > 0.93 ? "end" : at(mark) < 0.04 ? "start" : "middle";
    draw(svg, "line", { class: "axis", x1: x, x2: x, y1: height, y2: height + 4 });
    draw(svg, "text", { class: place % 2 ? "odd" : "even", x, y: height + 17, "text-anchor": anchor }, write(mark));
  }
}

/** A table of tasks; its rows are made when it is opened for the first time. */
function table(parent, title, head, rows) {
  const details = put(parent, "details", {}, put(null, "summary", {}, title));
  details.addEventListener("toggle", () => {
    const body = put(put(details, "div", { class: "table", tabindex: 0, role: "group", "aria-label": title }), "table");
    const all = rows();
    const cell = (tag, value, like) =>
      put(null, tag, typeof like === "number" ? { class: "number" } : {}, String(value ?? "–"));
    put(body, "thead", {}, put(null, "tr", {}, ...head.map((title, place) => cell("th", title, all[0]?.[place]))));
    put(body, "tbody", {}, ...all.map((row) => put(null, "tr", {}, ...row.map((value) => cell("td", value, value)))));
  }, { once: true });
}

/** The parts of a run's picture from top to bottom: a label, what is said with it, and the lanes. */
function blocks(run) {
  const groups = new Map(run.lanes.map((lane) => [lane.pid, []]));
  for (const lane of run.lanes) groups.get(lane.pid).push(lane);
  const processes = [...groups];
  if (processes.length > MAX_NAMES) {
    return [{ label: count(processes.length, "process", "processes"), lanes: run.lanes }];
  }
  return processes.flatMap(([pid, lanes]) => {
    const [{ thread }] = lanes;
    if (lanes.length === 1) return [{ label: thread, note: thread.includes(pid) ? "" : ` ${pid}`, lanes }];
    const title = { note: `pid ${pid}`, lanes: [] };
    return run.lanes.length > MAX_NAMES ? [title, { label: count(lanes.length, "thread"), lanes }]
      : [title, ...lanes.map((lane) => ({ label: lane.thread, lanes: [lane] }))];
  });
}

/** What is said of a task when it is pointed at or has the focus. */
function figures(run, lane, [id, , start, end, kind, status, error]) {
  const parts = [`task ${id}`, `process ${lane.pid}, ${lane.thread}`,
    `${time(start)} to ${time(end)}: ${time(end - start)} ${kind}`];
  if (status !== null) parts.push(`status ${status}`);
  if (error !== null) parts.push(run.errors[error]);
  return parts.join(" · ");
}

function timeline(box, run, scale, hint) {
  const picture = box.querySelector(".picture"), model = box.dataset.run;
  const parts = blocks(run);
  const rows = run.lanes.reduce((sum, lane) => sum + lane.rows, 0);
  const row = Math.min(ROW, MOST / rows);
  const chart = put(picture, "div", { class: "chart" });
  const names = put(chart, "div", { class: "names", "aria-hidden": "true" });
  const tasks = run.lanes.reduce((sum, lane) => sum + lane.tasks.length, 0);
  const dense = tasks > 100;
  const label = `Timeline of ${model}: ${count(tasks, "task")}, at most ${run.most_at_once} at once, in ${time(run.wall_ms)}. Arrow keys go from task to task.`;
  const svg = draw(chart, "svg", { role: "group", "aria-label": label, class: dense ? "dense" : "sparse" });

  // Where everything is, from top to bottom.
  let y = 0;
  const places = [];
  for (const { label, note, lanes } of parts) {
    const top = y;
    for (const lane of lanes) {
      places.push([lane, y]);
      y += lane.rows * row + (rows > MAX_NAMES ? 0 : 2);
    }
    y = Math.max(y, top + ROW + 2);
    const name = put(names, "div", {}, put(null, "span", {}, label ?? "", put(null, "span", { class: "soft" }, note ?? "")));
    name.style.height = `${y - top}px`;
  }
  svg.style.height = `${y + 22}px`;

  const at = (ms) => (scale > 0 ? ms / scale : 0);
  draw(svg, "rect", { class: "extent", x: 0, y: 0, width: percent(at(run.wall_ms)), height: y });
  for (const mark of ticks(scale)) {
    draw(svg, "line", { class: "grid", x1: percent(at(mark)), x2: percent(at(mark)), y1: 0, y2: y });
  }
  const inset = row > 5 ? 1.5 : 0;
  const bars = new Map();
  for (const [lane, top] of places) {
    // Filled before it becomes part of the page, which is a good deal faster.
    const group = draw(null, "g", {});
    for (const task of lane.tasks) {
      const [id, place, start, end, kind] = task;
      const bar = draw(group, "rect", {
        "data-task": id, class: kind,
        x: percent(at(start)), width: percent(Math.max(at(end - start), 1e-5)), // However short, it is drawn.
        y: +(top + place * row + inset).toFixed(2), height: Math.max(row - 2 * inset, 1),
      });
      bars.set(bar, [lane, task]);
    }
    svg.append(group);
  }
  draw(svg, "line", { class: "axis", x1: 0, x2: "100%", y1: y, y2: y });
  axis(svg, ticks(scale), at, round, y);
  if (run.predicted_ms !== null) {
    const x = percent(at(run.predicted_ms));
    draw(svg, "line", { class: "predicted", x1: x, x2: x, y1: -4, y2: y + 4 });
  }

  // The figures of a bar, by mouse, finger or keyboard; Tab stops once, the arrows go on from there.
  const told = put(picture, "output", { class: "told", "aria-live": "off" }, hint);
  const tell = (bar) => {
    const [lane, task] = bars.get(bar);
    told.textContent = figures(run, lane, task);
    told.classList.add("chosen");
    return told.textContent;
  };
  const order = [...bars].sort(([, [, a]], [, [, b]]) => a[0] - b[0]).map(([bar]) => bar);
  order[0]?.setAttribute("tabindex", 0);
  svg.addEventListener("pointerover", ({ target }) => bars.has(target) && tell(target));
  svg.addEventListener("focusin", ({ target }) => {
    if (!bars.has(target)) return;
    target.setAttribute("role", "img");
    target.setAttribute("aria-label", tell(target));
  });
  svg.addEventListener("keydown", (event) => {
    const here = order.indexOf(event.target);
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: order.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    order[here].removeAttribute("tabindex");
    const next = order[Math.min(Math.max(to, 0), order.length - 1)];
    next.setAttribute("tabindex", 0);
    next.focus();
  });
}

const KINDS = {
  waiting: "waiting: a server's answer was waited for, or next to no CPU time used",
  computing: "computing: nothing to wait for, or CPU time was used",
  failed: "failed", "timed out": "timed out", cancelled: "cancelled",
};

function legend(runs) {
  const list = put(null, "ul", { class: "legend" });
  const item = (text, tag, attributes) => {
    const svg = draw(null, "svg", { "aria-hidden": "true" });
    draw(svg, tag, attributes);
    put(list, "li", {}, svg, text);
  };
  const there = new Set(runs.flatMap((run) => run.lanes.flatMap((lane) => lane.tasks.map((task) => task[4]))));
  for (const [kind, text] of Object.entries(KINDS)) {
    if (there.has(kind)) item(text, "rect", { class: kind, x: 1, y: 1, width: "90%", height: "80%" });
  }
  if (runs.some((run) => run.predicted_ms !== null)) {
    item("the end that was predicted", "line", { class: "predicted", x1: "50%", x2: "50%", y1: 0, y2: "100%" });
  }
  return list;
}

/** A curve over numbers, with its prediction; every label is a number, or begins with one. */
function curve(parent, name, points, limit) {
  const plot = put(parent, "div", { class: "plot" });
  const height = 240;
  const svg = draw(plot, "svg", { role: "img", "aria-label": `Curve: ${name}. The numbers are in the table below.` });
  svg.style.height = `${height}px`;
  const xs = points.map((point) => point.x);
  // Numbers that are far apart stand at their logarithms, so that the small ones have room.
  const far = Math.min(...xs) > 0 && Math.max(...xs) >= 16 * Math.min(...xs);
  const along = far ? Math.log2 : (value) => value;
  const least = along(Math.min(...xs)), most = along(Math.max(...xs));
  const top = Math.max(...points.flatMap((point) => [point.measured, point.predicted]), limit) * 1.05;
  const x = (value) => percent((along(value) - least) / (most - least || 1));
  const y = (value) => +(height * (1 - value / (top || 1))).toFixed(2);
  for (const mark of ticks(top)) {
    draw(svg, "line", { class: "grid", x1: 0, x2: "100%", y1: y(mark), y2: y(mark) });
    draw(svg, "text", { x: -8, y: y(mark) + 4, "text-anchor": "end" }, quantity(mark));
  }
  if (limit !== null) draw(svg, "line", { class: "limit", x1: 0, x2: "100%", y1: y(limit), y2: y(limit) });
  const line = (kind, from) => {
    const known = points.filter((point) => point[from] !== null);
    known.slice(1).forEach((point, before) => draw(svg, "line", {
      class: kind, x1: x(known[before].x), y1: y(known[before][from]), x2: x(point.x), y2: y(point[from]),
    }));
    return known;
  };
  line("predicted", "predicted");
  for (const point of line("curve", "measured")) {
    draw(svg, "circle", { class: "dot", cx: x(point.x), cy: y(point.measured), r: 4.5, "data-point": point.label },
      draw(null, "title", {}, `${point.label}: measured ${quantity(point.measured)}, predicted ${quantity(point.predicted)}`));
  }
  for (const point of points) {
    draw(svg, "text", { x: x(point.x), y: height + 18, "text-anchor": "middle" }, point.label);
  }
  draw(svg, "line", { class: "axis", x1: 0, x2: "100%", y1: height, y2: height });
}

/** Where values stand, from 0 to 1: from 0 or, on a logarithmic scale, from the power of ten below the least. */
function scaleOf(figure) {
  const values = figure.points.flatMap((point) => [point.measured, point.predicted]).filter((value) => value > 0);
  const logarithmic = figure.scale === "logarithmic" && values.length > 0;
  const low = Math.ceil(Math.log10(Math.min(...values))) - 1, high = Math.ceil(Math.log10(Math.max(...values)));
  const most = Math.max(...values, 0);
  const at = (value) => (!(value > 0) ? 0 : logarithmic ? (Math.log10(value) - low) / (high - low || 1) : value / most);
  const every = Math.ceil((high - low) / 8);
  const marks = !logarithmic ? ticks(most)
    : Array.from({ length: high - low + 1 }, (_, power) => 10 ** (low + power)).filter((_, place) => place % every === 0);
  return [at, marks];
}

/** A bar for each point. */
function bars(parent, name, figure) {
  const [at, marks] = scaleOf(figure);
  const chart = put(parent, "div", { class: "chart values", role: "img", "aria-label": `Bars: ${name}. The numbers are in the table below.` });
  const row = Math.max(6, Math.min(22, 700 / figure.points.length));
  for (const point of figure.points) {
    put(chart, "div", {}, point.label);
    put(chart, "div", { class: "value" }, quantity(point.measured) + (point.predicted === null ? "" : ` (predicted ${quantity(point.predicted)})`));
    const svg = draw(chart, "svg", {});
    svg.style.height = `${row}px`;
    for (const mark of marks) draw(svg, "line", { class: "grid", x1: percent(at(mark)), x2: percent(at(mark)), y1: -3, y2: row + 3 });
    draw(svg, "rect", { class: "measured", "data-point": point.label, x: 0, y: row * 0.15, width: percent(at(point.measured)), height: row * 0.7 });
    if (point.predicted !== null) {
      draw(svg, "line", { class: "predicted", x1: percent(at(point.predicted)), x2: percent(at(point.predicted)), y1: 0, y2: row });
    }
  }
  put(chart, "div");
  put(chart, "div");
  const scale = draw(chart, "svg", {});
  scale.style.height = "20px";
  draw(scale, "line", { class: "axis", x1: 0, x2: "100%", y1: 0, y2: 0 });
  axis(scale, marks, at, quantity, 0);
}

function quantities(box, figure) {
  const picture = box.querySelector(".picture"), name = box.dataset.figure;
  const points = figure.points.map((point) => ({ ...point, x: parseFloat(point.label) }));
  const predicted = figure.points.some((point) => point.predicted !== null);
  const numbered = points.length > 1 && points.every((point, place) => place === 0 ? point.x === point.x : point.x > points[place - 1].x);
  const curved = figure.scale === "linear" && predicted && numbered;
  if (curved) curve(picture, name, points, figure.limit);
  else bars(picture, name, figure);
  if (predicted) {
    const list = put(picture, "ul", { class: "legend" });
    const kinds = [["curve", "measured"], ["predicted", "predicted"]];
    if (curved && figure.limit !== null) kinds.push(["limit", `the limit, ${quantity(figure.limit)}`]);
    for (const [kind, text] of kinds) {
      const svg = draw(null, "svg", { "aria-hidden": "true" });
      draw(svg, "line", { class: kind, x1: 2, x2: "95%", y1: "50%", y2: "50%" });
      put(list, "li", {}, svg, text);
    }
  }
}

function lesson({ runs, figures }, section) {
  const boxes = [...section.querySelectorAll(".run")];
  if (runs.length > 0) boxes[0].before(legend(runs));
  const scale = Math.max(0, ...runs.map((run) => Math.max(run.wall_ms, run.predicted_ms ?? 0)));
  const hint = "Point at a bar, or go there with Tab and the arrow keys.";
  runs.forEach((run, place) => timeline(boxes[place], run, scale, place === 0 ? hint : ""));
  section.querySelectorAll(".figure").forEach((box, place) => quantities(box, figures[place]));
  runs.forEach((run, place) => {
    const head = ["task", "process", "thread", "start ms", "end ms", "state", "status", "error"];
    table(section, `Table: the tasks of ${boxes[place].dataset.run}`, head, () => run.lanes
      .flatMap((lane) => lane.tasks.map(([id, , start, end, kind, status, error]) =>
        [id, lane.pid, lane.thread, start, end, kind, status, error === null ? "" : run.errors[error]]))
      .sort((a, b) => a[0] - b[0]));
  });
}

/** Beside a claim: its lesson's first figure, or else its runs, with tasks that are few enough to be seen. */
function mini(box, { runs, figures: [figure] }) {
  const height = 30, total = runs.reduce((sum, run) => sum + run.lanes.reduce((sum, lane) => sum + lane.tasks.length, 0), 0);
  const bars = []; // Each: kind, left, width, top, height.
  if (figure) {
    const [at] = scaleOf(figure), row = height / figure.points.length;
    figure.points.forEach(({ measured, predicted }, place) =>
      bars.push([measured === null ? "computed" : "measured", 0, at(measured ?? predicted), place * row, row]));
  } else {
    const most = Math.max(...runs.map((run) => run.wall_ms)) || 1, part = height / runs.length;
    runs.forEach((run, place) => {
      const rows = run.lanes.reduce((sum, lane) => sum + lane.rows, 0), row = (part - 2) / rows;
      let top = place * part;
      for (const lane of total > 100 ? [] : run.lanes) {
        for (const [, at, start, end, kind] of lane.tasks) bars.push([kind, start / most, (end - start) / most, top + at * row, row]);
        top += lane.rows * row;
      }
      if (total > 100 && run.lanes.length > 0) bars.push([run.lanes[0].tasks[0][4], 0, run.wall_ms / most, top, part - 2]);
    });
  }
  if (bars.length === 0) return;
  const svg = draw(null, "svg", { "aria-hidden": "true" });
  for (const [kind, left, width, y, row] of bars) {
    draw(svg, "rect", { class: kind, x: percent(left), width: percent(Math.max(width, 0.004)), y: +y.toFixed(2), height: +(row * 0.85).toFixed(2) });
  }
  box.append(svg);
}

lessons.forEach((one, place) => lesson(one, document.getElementById(`lesson-${place}`)));
document.querySelectorAll("[data-mini]").forEach((box) => mini(box, lessons[box.dataset.mini]));
document.getElementById("no-pictures").remove();
