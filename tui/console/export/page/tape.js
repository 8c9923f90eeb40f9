// The tape: which moment is shown, playback, keys. A moment is a set of named parts; the data holds, for each event,
// the parts that changed. Nothing here knows what a part means.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const last = data.steps.length;

// As in the console.
const SPEEDS = [1, 5, 20, 50, 100, 200, 400, 800, 1600];
const PAUSE_MAX = 1500;
// Events between two kept copies of all parts.
const FRAME = 256;

let parts = new Map();
let step = 0;
let speed = 100;
let due = null;
let timer = null;
const frames = new Map([[0, new Map()]]);

function apply(index) {
  for (const [name, value] of Object.entries(data.steps[index][1])) {
    if (value === null) parts.delete(name);
    else parts.set(name, value);
  }
}

function moveTo(wanted) {
  if (wanted < step) {
    const frame = Math.max(...[...frames.keys()].filter((kept) => kept <= wanted));
    parts = new Map(frames.get(frame));
    step = frame;
  }
  while (step < wanted) {
    apply(step);
    step += 1;
    if (step % FRAME === 0 && !frames.has(step)) frames.set(step, new Map(parts));
  }
}

function show(wanted) {
  moveTo(Math.min(Math.max(wanted, 1), last));
  draw();
  drawTape();
}

// How long the moment is shown before the next one, in milliseconds.
function pauseAfter(shown) {
  if (shown >= last) return 0;
  const gap = data.steps[shown][0] - data.steps[shown - 1][0];
  return Math.min((gap * 100) / speed, PAUSE_MAX);
}

function stop() {
  if (timer !== null) clearTimeout(timer);
  timer = due = null;
}

function play() {
  if (step >= last) moveTo(1);
  due = performance.now() + pauseAfter(step);
  playOn();
}

function playOn() {
  const now = performance.now();
  // Playback does not catch up after a delay.
  due = Math.max(due, now - PAUSE_MAX);
  while (step < last && due <= now) {
    moveTo(step + 1);
    due += pauseAfter(step);
  }
  if (step >= last) stop();
  else timer = setTimeout(playOn, Math.max(due - now, 15));
  show(step);
}

function toggle() {
  if (timer === null) return play();
  stop();
  drawTape();
}

function go(wanted) {
  stop();
  show(wanted);
}

function toMark(forward) {
  const steps = data.marks.map((mark) => mark[0]);
  const found = forward ? steps.find((place) => place > step) : steps.findLast((place) => place < step);
  go(found ?? (forward ? last : 1));
}

function changeSpeed(by) {
  const index = SPEEDS.indexOf(speed) + by;
  speed = SPEEDS[Math.min(Math.max(index, 0), SPEEDS.length - 1)];
  drawTape();
}

function drawTape() {
  const isPlaying = timer !== null;
  at("play").textContent = isPlaying ? "‖" : "▶";
  at("play").title = isPlaying ? data.words.pause : data.words.play;
  at("play").setAttribute("aria-label", at("play").title);
  at("speed").textContent = `${speed / 100}×`;
  const seconds = data.steps[step - 1][0] / 1000;
  at("place").textContent = `${data.words.event} ${step}/${last} · ${seconds.toFixed(1)} s`;
  at("slider").max = last;
  at("slider").value = step;
  const marks = data.marks.filter((mark) => mark[0] <= step);
  const here = marks.length > 0 ? marks[marks.length - 1] : null;
  for (const [index, button] of [...at("marks").children].entries()) {
    button.classList.toggle("passed", index < marks.length);
    button.classList.toggle("here", index === marks.length - 1);
  }
  at("mark").textContent = here && here[3] && step - here[0] < 12 ? here[3] : "";
  const shown = at("marks").children[Math.max(marks.length - 1, 0)];
  if (shown) at("marks").scrollLeft = shown.offsetLeft - at("marks").clientWidth / 2;
}

function drawMarks() {
  for (const [place, label, role, text] of data.marks) {
    const button = element("button", `mark ${role}`, label);
    if (text) button.title = text;
    button.addEventListener("click", () => go(place));
    at("marks").append(button);
  }
}

const KEYS = {
  " ": toggle,
  ArrowLeft: () => go(step - 1),
  ArrowRight: () => go(step + 1),
  "[": () => go(step - 1),
  "]": () => go(step + 1),
  "{": () => toMark(false),
  "}": () => toMark(true),
  "-": () => changeSpeed(-1),
  "+": () => changeSpeed(1),
  "=": () => changeSpeed(1),
  Home: () => go(1),
  End: () => go(last),
  Escape: () => explain(null),
};

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const act = KEYS[event.key];
  // Enter and space press the button that has the focus.
  const pressed = event.target instanceof HTMLButtonElement && event.key === " ";
  if (!act || pressed) return;
  event.preventDefault();
  act();
}

// `#event=120` shows that event, `#play` begins to play.
function fromAddress() {
  const event = /event=(\d+)/.exec(location.hash);
  show(event ? Number(event[1]) : data.first);
  if (location.hash.includes("play")) play();
}

function begin() {
  drawMarks();
  const clicks = {
    play: toggle,
    back: () => go(step - 1),
    forward: () => go(step + 1),
    "back-mark": () => toMark(false),
    "next-mark": () => toMark(true),
    slower: () => changeSpeed(-1),
    faster: () => changeSpeed(1),
  };
  for (const [id, act] of Object.entries(clicks)) at(id).addEventListener("click", act);
  at("slider").addEventListener("input", () => go(Number(at("slider").value)));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", () => draw());
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
}

document.addEventListener("DOMContentLoaded", begin);
