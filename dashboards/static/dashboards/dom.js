// Makes and mends nodes. Text from events is only ever set as text: it was written by strangers.

export const $ = (id) => document.getElementById(id);

/** A new element: h("a", { class: "item", href }, icon("up"), "text"). Falsy children are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return node;
}

const FADING = 3; // new rows at a time

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const icon = (name) => svg("svg", { class: "i", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** Touches the page only where the text is another: a write costs a layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replaces what is in `node` only when `sign`, a text that stands for it, is another than last time. */
export function replace(node, sign, make) {
  if (node.dataset.sign === sign) return;
  node.dataset.sign = sign;
  node.replaceChildren(...[make()].flat());
}

/** What a tile says when it has nothing to show. */
export const nothing = (title, text, ...actions) =>
  h("div", { class: "nothing" }, h("p", {}, h("b", {}, title)), h("p", {}, text), ...actions);

export const bones = (kind, n) => h("div", { class: "bones" }, ...Array.from({ length: n }, () => h("i", { class: `bone ${kind}` })));

const CALM_MS = 260; // --calm of tokens.css: to ask the page for it would lay that out before its first figures stand
const still = matchMedia("(prefers-reduced-motion: reduce)");
/** How long a change takes to be seen, ms; 0 for those who want no motion. */
export const calm = () => (still.matches ? 0 : CALM_MS);

const EASE = "cubic-bezier(.2, .7, .2, 1)";

/** Puts `parent`'s children in the order of `nodes`; new ones fade in, and with `slide` old ones glide. */
export function arrange(parent, nodes, { slide = false } = {}) {
  const same = nodes.length === parent.children.length && nodes.every((node, i) => parent.children[i] === node);
  if (same) return;
  const moves = slide && calm();
  const before = new Map([...parent.children].map((node) => [node, moves ? node.getBoundingClientRect().top : 0]));
  parent.replaceChildren(...nodes);
  if (!before.size || !calm()) return;
  // a list that changes as a whole would blink: only few new rows fade in
  const fades = nodes.filter((node) => !before.has(node)).length <= FADING;
  for (const node of nodes) {
    if (!before.has(node)) fades && node.animate([{ opacity: 0.3 }, { opacity: 1 }], { duration: calm() });
    else if (moves) glide(node, before.get(node) - node.getBoundingClientRect().top);
  }
}

function glide(node, from) {
  if (from) node.animate([{ transform: `translateY(${from}px)` }, { transform: "none" }], { duration: calm(), easing: EASE });
}

const AT_ONCE = 32; // ms into its way at which a figure starts: the first change needs no frame to wait for

/** Counts a figure from what it shows to `to`, written by `write`. */
export function count(node, to, write) {
  if (node.count?.to === to) return;
  const from = node.count ? node.count.now : to;
  const run = (node.count = { to, now: from });
  const start = performance.now() - AT_ONCE, span = from === to ? 0 : calm();
  const step = (at) => {
    if (node.count !== run) return;
    const t = span ? Math.min(1, Math.max(0, (at - start) / span)) : 1;
    run.now = from + (to - from) * (1 - (1 - t) ** 3);
    say(node, write(t === 1 ? to : run.now));
    if (t < 1) requestAnimationFrame(step);
  };
  step(start + AT_ONCE);
}
