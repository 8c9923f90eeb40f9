// Draws the parts of the shown moment. Texts are only ever set as text.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 24;
const HEAD = 24;
const LETTER = 7.3;
let chosen = null;

function element(name, role, text) {
  const made = document.createElement(name);
  if (role) made.className = role;
  if (text !== undefined) made.textContent = text;
  return made;
}

function figure(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function spans(list) {
  return (list ?? []).map(([role, text]) => element("span", role, text));
}

// The parts whose names begin with `kind/`, as [rest of the name, value].
function all(kind) {
  const prefix = `${kind}/`;
  const found = [...parts].filter(([name]) => name.startsWith(prefix));
  return found.map(([name, value]) => [name.slice(prefix.length), value]);
}

const ranked = (kind) => all(kind).sort((one, other) => one[1].z - other[1].z);
const numbered = (kind) => all(kind).sort((one, other) => Number(one[0]) - Number(other[0]));

function draw() {
  at("cluster").replaceChildren(...(parts.get("t") ?? []).map((group) => {
    const box = element("span", "group");
    box.append(...spans(group));
    return box;
  }));
  keepEnd(at("logs"), "Left", "Width", () => at("logs").replaceChildren(logs()));
  keepEnd(at("space"), "Top", "Height", () => at("space").replaceChildren(...diagram()));
  keepEnd(at("narration"), "Top", "Height", () => at("narration").replaceChildren(...narration()));
  const steps = at("scenario");
  if (steps) steps.replaceChildren(...numbered("p").map(([, line]) => lineOf(line)));
  at("checks").replaceChildren(...numbered("k").map(([, line]) => lineOf(line)));
  keepEnd(at("operations"), "Top", "Height", () => at("operations").replaceChildren(...operations()));
}

function lineOf(list) {
  const line = element("div", "line");
  line.append(...spans(list));
  return line;
}

function operations() {
  const lines = numbered("o").map(([, line]) => lineOf(line));
  return lines.length > 0 ? lines : [element("div", "line muted", data.words.nothing)];
}

// The newest content stays in sight.
function keepEnd(box, edge, size, change) {
  change();
  box[`scroll${edge}`] = box[`scroll${size}`];
}

// The log table: a column for each entry id, as wide as its longest text; a note below each node.
function logs() {
  const order = ([one], [other]) => {
    const [e1, o1] = one.split(".").map(Number);
    const [e2, o2] = other.split(".").map(Number);
    return e1 - e2 || o1 - o2;
  };
  const columns = all("h").sort(order);
  const widths = columns.map(([id, head]) => {
    const texts = data.nodes.map((node) => [...(parts.get(`c/${node}/${id}`)?.[1] ?? "")].length);
    return Math.min(Math.max(...texts, head.length, 4), 14) + 3;
  });
  const template = `var(--label) ${widths.map((letters) => `${letters}ch`).join(" ")}`;
  const table = element("div", "logs");
  const heads = rowOf(template, "heads", [["muted", parts.has("old") ? data.words.older : ""]]);
  heads.append(...columns.map(([, head]) => element("span", "muted", head)));
  table.append(heads);
  for (const node of data.nodes) {
    const row = parts.get(`r/${node}`);
    if (row) table.append(...logRows(node, row, columns, template));
  }
  return table;
}

function rowOf(template, role, label) {
  const row = element("div", `row-of-cells ${role}`);
  row.style.gridTemplateColumns = template;
  const name = element("span", "label");
  name.append(...spans(label));
  row.append(name);
  return row;
}

function logRows(node, row, columns, template) {
  const cells = rowOf(template, row.v ? "" : "away", row.l);
  for (const [id] of columns) {
    const cell = shape(parts.get(`c/${node}/${id}`));
    cell.classList.toggle("commit", row.c === id);
    cells.append(cell);
  }
  const below = element("div", "note");
  const address = element("span", "address");
  address.append(...spans(row.b));
  const text = element("span");
  text.append(...spans(row.n));
  below.append(address, text);
  return [cells, below];
}

// The same shapes as in the console.
const SHAPES = {
  f: ["[", "]", "final"],
  i: ["┆", "┆", "intermediate"],
  d: ["≠", "≠", "different"],
  t: ["~", "~", "truncated"],
  u: ["", "", "border"],
};

function shape(cell) {
  if (!cell) return element("span", "cell muted", "·");
  const [open, close, role] = SHAPES[cell[0]];
  const box = element("span", `cell ${role}`);
  box.append(element("i", "", open), element("b", "", cell[1]), element("i", "", close));
  return box;
}

function narration() {
  const lines = ranked("n");
  if (lines.length === 0) return [element("div", "line muted", data.words.nothing)];
  return lines.map(([serial, line]) => {
    const button = element("button", "told");
    const text = element("span", "words");
    text.append(element("span", "strong", line.w), ` ${line.x}`);
    for (const why of line.y ?? []) text.append(element("small", "muted", why));
    button.append(element("span", `rule ${line.r[0]}`, line.r[1]), text);
    button.setAttribute("aria-pressed", serial === chosen);
    button.addEventListener("click", () => explain(serial));
    return button;
  });
}

function explain(serial) {
  chosen = serial;
  const line = serial === null ? null : parts.get(`n/${serial}`);
  const explained = line ? data.explained[line.e] : null;
  const box = at("explanation");
  box.hidden = !explained;
  if (explained) {
    const close = element("button", "close", "×");
    close.title = data.words.close;
    close.addEventListener("click", () => explain(null));
    const body = explained.b.map((text) => element("p", "", text));
    const said = element("p", "accent", `${line.w} ${line.x}`);
    box.replaceChildren(close, element("h3", "", explained.t), said, ...body, element("p", "muted", explained.s));
  }
  for (const [index, [other]] of ranked("n").entries()) {
    at("narration").children[index]?.setAttribute("aria-pressed", other === serial);
  }
}

// The diagram: a line for the client (0) and for each node, a row for each message.
function diagram() {
  const rows = ranked("s");
  const width = Math.max(at("space").clientWidth, 300);
  const lines = [0, ...data.nodes];
  const gap = Math.min((width - 80) / Math.max(lines.length - 1, 1), 190);
  const x = new Map(lines.map((node, index) => [node, 32 + index * gap]));
  const height = rows.length * ROW + 12;
  const svg = figure("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const heads = figure("svg", { width, height: HEAD, class: "heads" });
  const view = { x, width };
  for (const [node, place] of x) {
    const name = node === 0 ? data.words.client : `n${node}`;
    heads.append(figure("text", { x: place, y: 16, class: "head", "text-anchor": "middle" }, name));
  }
  rows.forEach(([, row], index) => {
    const y = index * ROW + ROW / 2;
    for (const [node, place] of x) {
      const isDown = (row.d ?? []).includes(node);
      svg.append(figure("path", { d: `M${place} ${y - ROW / 2}v${ROW}`, class: isDown ? "life down" : "life" }));
    }
    const box = figure("g", { class: "row", tabindex: "0" });
    box.append(figure("rect", { x: 0, y: y - ROW / 2, width, height: ROW, class: "hit" }));
    if (row.l) arrow(view, box, row, y);
    else if (row.q) quiet(view, box, row, y);
    else beside(view, box, row, y);
    const details = () => { at("detail").textContent = row.i.filter((text) => text).join(" · "); };
    box.addEventListener("click", details);
    box.addEventListener("focus", details);
    svg.append(box);
  });
  return [heads, svg];
}

function arrow({ x }, box, row, y) {
  const [from, to] = [x.get(row.f), x.get(row.t)];
  if (from === undefined || to === undefined) return;
  const side = Math.sign(to - from);
  const tip = to - side * 2;
  const style = `arrow ${row.c}${row.h ? " dashed" : ""}`;
  const room = Math.abs(to - from) - 12;
  const label = row.l.find((text) => text.length * LETTER <= room) ?? row.l[row.l.length - 1];
  const anchor = side > 0 ? "start" : "end";
  // The ground around a text hides the lines below it, but not its own arrow.
  box.append(figure("text", { x: from + side * 8, y, class: row.c, "text-anchor": anchor }, label));
  box.append(figure("path", { d: `M${from + side * 3} ${y + 4}H${tip}`, class: style }));
  box.append(end(row, tip, side, y + 4));
}

function end(row, tip, side, y) {
  if (row.e === "held") return figure("path", { d: `M${tip - side * 3} ${y - 5}v10`, class: "held" });
  if (row.e === "lost") {
    return figure("path", { d: `M${tip - 8} ${y - 4}l8 8m0 -8l-8 8`, class: "lost" });
  }
  if (row.e === "open") return figure("circle", { cx: tip - side * 3, cy: y, r: 2.5, class: `open ${row.c}` });
  return figure("path", { d: `M${tip} ${y}l${-side * 7} -3.5v7z`, class: `tip ${row.c}` });
}

function beside({ x, width }, box, row, y) {
  const place = x.get(row.n);
  if (place === undefined) return;
  const long = row.x.length * LETTER;
  const isRight = place + 8 + long <= width || width - place >= place;
  const letters = Math.max(Math.floor(((isRight ? width - place : place) - 10) / LETTER), 1);
  const text = row.x.length > letters ? `${row.x.slice(0, letters - 1)}…` : row.x;
  box.append(figure("circle", { cx: place, cy: y, r: 3.5, class: `dot ${row.c}` }));
  const words = { x: isRight ? place + 8 : place - 8, y: y + 4, class: row.c };
  box.append(figure("text", { ...words, "text-anchor": isRight ? "start" : "end" }, text));
}

function quiet({ x }, box, row, y) {
  const places = data.nodes.map((node) => x.get(node));
  const [first, final] = [Math.min(...places), Math.max(...places)];
  box.append(figure("text", { x: first + 8, y, class: "muted" }, row.q));
  box.append(figure("path", { d: `M${first + 3} ${y + 4}H${final - 3}`, class: "arrow border dashed" }));
  for (const [node, isHeld] of row.m) {
    box.append(end({ e: isHeld ? "held" : "lost", c: "base" }, x.get(node) - 2, 1, y + 4));
  }
}
