"use strict";
(() => {
const $ = (id) => document.getElementById(id);
const setup = JSON.parse($("setup").textContent);
const code = [], size = [], path = [], why = [], target = [], src = [], reasons = [""];
for (const block of document.querySelectorAll("script.rows")) {
  const { s, r } = JSON.parse(block.textContent);
  let last = "";
  for (const [c, n, keep, tail, reason, to] of r) {
    last = last.slice(0, keep) + tail;
    code.push(c); size.push(n); path.push(last); src.push(s);
    if (typeof reason === "string") { reasons.push(reason); why.push(reasons.length - 1); } else why.push(reason);
    target.push(to || "");
  }
  block.remove();
}
const all = path.length;
const action = (i) => setup.actions[code[i] & 7];
const change = (i) => setup.changes[code[i] >> 3 & 7];
const quiet = (i) => code[i] >> 6 & 1;
const reason = (i) => (quiet(i) ? "size and time unchanged! " : "") + reasons[why[i]];
const to = (i) => target[i] || (action(i) === "link" && setup.parents[src[i]] && change(i) === "unchanged" ? setup.parents[src[i]] + "/" + path[i] : "");
const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const bytes = (n) => { let u = 0; while (n >= 1024 && u < 5) { n /= 1024; u++; } return (u && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[u]; };
const sized = (i) => size[i] < 0 ? "" : bytes(size[i]);
const number = (n) => n.toLocaleString("en-US");

// What is shown: indexes into the columns, filtered and sorted.
let shown = [], selected = -1, sortBy = "path", down = false, folded = null;
const ROW = 28, view = $("view"), pad = $("pad"), grid = $("grid");

const checked = (name) => new Set([...document.querySelectorAll(`#filters input[name=${name}]:checked`)].map((e) => +e.value));
function select() {
  const actions = checked("action"), changes = checked("change"), q = $("q").value.toLowerCase();
  const source = $("source") ? +$("source").value : -1;
  if (q && !folded) folded = path.map((p) => p.toLowerCase());
  const keep = selected >= 0 ? shown[selected] : -1;
  shown = [];
  for (let i = 0; i < all; i++) {
    const c = code[i];
    if (actions.size && !actions.has(c & 7)) continue;
    if (changes.size && !changes.has(c >> 6 & 1 ? 7 : c >> 3 & 7) && !changes.has(c >> 3 & 7)) continue;
    if (source >= 0 && src[i] !== source) continue;
    if (q && !folded[i].includes(q) && !reasons[why[i]].toLowerCase().includes(q)) continue;
    shown.push(i);
  }
  order();
  selected = keep >= 0 ? shown.indexOf(keep) : -1;
  $("count").textContent = `${number(shown.length)} of ${number(all)} listed`;
  grid.setAttribute("aria-rowcount", shown.length + 1);
  view.scrollTop = 0;
  draw(true);
}
function order() {
  const text = (f) => (a, b) => { const x = f(a), y = f(b); return x < y ? -1 : x > y ? 1 : a - b; };
  const place = sortBy === "path" ? rank() : null;
  const by = { path: (a, b) => place[a] - place[b], size: (a, b) => size[a] - size[b] || a - b, action: text(action), change: text(change), why: text(reason) }[sortBy];
  shown.sort(down ? (a, b) => by(b, a) : by);
}
// rank puts deleted paths, which come last, among the others.
let ranks = null;
function rank() {
  if (ranks) return ranks;
  const key = path.map((p) => p.replaceAll("/", "\0")), order = path.map((_, i) => i);
  order.sort((a, b) => src[a] - src[b] || (path[a] === "." ? -1 : path[b] === "." ? 1 : key[a] < key[b] ? -1 : key[a] > key[b] ? 1 : a - b));
  ranks = new Uint32Array(all);
  order.forEach((i, k) => { ranks[i] = k; });
  return ranks;
}
const pool = [];
function draw(fresh) {
  pad.style.height = shown.length * ROW + "px";
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - 5);
  const n = Math.max(0, Math.min(shown.length - first, Math.ceil(view.clientHeight / ROW) + 10));
  while (pool.length < n) {
    const row = document.createElement("div");
    row.className = "gr"; row.setAttribute("role", "row");
    for (let k = 0; k < 5; k++) { const cell = document.createElement("span"); cell.setAttribute("role", "gridcell"); row.append(cell); }
    row.children[2].className = "n"; row.children[3].className = "path";
    row.children[3].append(document.createElement("bdi")); // where there is little room, a path loses its start
    row.addEventListener("click", () => choose(row.at));
    pool.push(row); pad.append(row);
  }
  pool.forEach((row, k) => {
    const at = first + k;
    row.hidden = k >= n;
    row.style.display = k >= n ? "none" : "";
    if (k >= n) { row.removeAttribute("id"); row.removeAttribute("aria-selected"); return; }
    const i = shown[at];
    if (fresh || row.at !== at) {
      row.at = at; row.id = "row" + at;
      row.setAttribute("aria-rowindex", at + 2);
      row.style.transform = `translateY(${at * ROW}px)`;
      const cells = row.children;
      cells[0].textContent = action(i); cells[0].className = "a-" + action(i);
      cells[1].textContent = change(i); cells[2].textContent = sized(i);
      cells[3].firstChild.textContent = path[i]; cells[3].title = path[i]; cells[4].textContent = reason(i);
    }
    row.setAttribute("aria-selected", at === selected);
  });
  if (selected >= first && selected < first + n) grid.setAttribute("aria-activedescendant", "row" + selected);
  else grid.removeAttribute("aria-activedescendant");
}
function choose(at) {
  if (!shown.length) return;
  selected = Math.max(0, Math.min(shown.length - 1, at));
  const top = selected * ROW;
  if (top < view.scrollTop) view.scrollTop = top;
  else if (top + ROW > view.scrollTop + view.clientHeight) view.scrollTop = top + ROW - view.clientHeight;
  draw(false);
  const i = shown[selected], list = document.createElement("dl");
  list.className = "facts";
  const add = (name, value) => {
    if (!value) return;
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name; dd.textContent = value; dd.className = "path"; list.append(dt, dd);
  };
  add("path", path[i]); if (setup.sources.length > 1) add("source", setup.sources[src[i]]);
  add("action", action(i)); add("change", change(i)); add("size", size[i] < 0 ? "" : `${sized(i)} (${number(size[i])} bytes)`);
  add("why", reason(i)); add(action(i) === "symlink" ? "points to" : "links to", to(i));
  $("detail").replaceChildren(list);
}
grid.addEventListener("keydown", (e) => {
  if (e.target.tagName === "BUTTON") return;
  const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
  const to = { ArrowDown: selected + 1, ArrowUp: selected - 1, PageDown: selected + page, PageUp: selected - page, Home: 0, End: shown.length - 1 }[e.key];
  if (to === undefined || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault(); choose(to);
});
for (const head of document.querySelectorAll("#grid [data-sort]")) {
  head.querySelector("button").addEventListener("click", () => {
    const by = head.dataset.sort;
    down = by === sortBy ? !down : by === "size";
    sortBy = by;
    for (const other of document.querySelectorAll("#grid [data-sort]")) {
      const mine = other === head;
      other.setAttribute("aria-sort", mine ? (down ? "descending" : "ascending") : "none");
      other.querySelector("i").textContent = mine ? (down ? " ▾" : " ▴") : "";
    }
    select();
  });
}
let timer = 0;
$("filters").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(select, 120); });
$("filters").addEventListener("submit", (e) => { e.preventDefault(); select(); });
$("filters").addEventListener("reset", () => setTimeout(select));
let ticking = false;
view.addEventListener("scroll", () => { if (!ticking) { ticking = true; requestAnimationFrame(() => { ticking = false; draw(false); }); } });
addEventListener("resize", () => draw(false));
for (const cell of document.querySelectorAll("svg.map .cell")) {
  cell.addEventListener("click", () => {
    $("filters").reset();
    if ($("source")) $("source").value = cell.closest("svg.map").dataset.source;
    $("q").value = cell.dataset.path;
    select();
    $("entries").scrollIntoView();
  });
}
for (const id of all ? ["filters", "grid", "detail"] : ["none"]) $(id).hidden = false;
if (all) select();
})();
