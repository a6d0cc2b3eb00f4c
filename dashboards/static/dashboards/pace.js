// Draws what changed, each tile at its own pace, one at a time, and after the first time only what is seen.
// A Plotly call costs 10 to 18 ms (benchmarks): two of them in one task would be a long one.

const jobs = new Set();
let timer = 0;

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) for (const job of jobs) if (job.node === entry.target) job.seen = entry.isIntersecting;
  plan();
}, { rootMargin: "100px" });

/**
 * A tile's drawing, at most once in `every` ms; it gives false while something is still on its way to it,
 * and is then drawn as soon as that is here.
 * Returns the function that says: something changed.
 */
export function paced(node, every, draw) {
  const job = { node, every, draw, last: -Infinity, dirty: false, seen: true, drawn: false };
  jobs.add(job);
  if (node) seen.observe(node);
  return () => { job.dirty = true; plan(); };
}

/** Everything is drawn anew: another theme, a tab that returns. */
export function redraw() {
  for (const job of jobs) job.dirty = true;
  plan();
}

/** Everything is drawn anew at once: figures of something else must not stand there for a moment longer. */
export function hurry() {
  for (const job of jobs) job.last = -Infinity;
  redraw();
}

const waiting = () => [...jobs].filter((job) => job.dirty && (job.seen || !job.drawn));
const task = new MessageChannel();
let posted = false;
task.port1.onmessage = () => { posted = false; run(); };

function plan() {
  clearTimeout(timer);
  if (document.hidden || posted) return;
  const due = Math.min(...waiting().map((job) => job.last + job.every)) - performance.now();
  if (due === Infinity) return;
  if (due > 0) timer = setTimeout(run, due);
  else { posted = true; task.port2.postMessage(0); }
}

function run() {
  const now = performance.now();
  // those that were never drawn are as late as each other: the numbers, which wait for nothing, come first
  const job = waiting().filter((one) => one.last + one.every <= now).sort((a, b) => a.last + a.every - b.last - b.every || a.every - b.every)[0];
  if (job) {
    job.dirty = false;
    const drawn = job.draw() !== false;
    job.last = drawn || job.drawn ? now : -Infinity;
    job.drawn ||= drawn;
  }
  plan();
}

document.addEventListener("visibilitychange", plan);
