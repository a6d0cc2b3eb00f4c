// Moves the end of the pulse's running minute by itself: Plotly needs some 15 ms for what is one end of two paths.

const LINE = 2, POINT = 3; // the traces, in the order of figures.py

/** Puts the running minute at `pace`, of so many `clicks`. False where the chart is not drawn as it was expected to be. */
export function moveRun(node, pace, clicks) {
  const traces = node.querySelectorAll(".scatterlayer > .trace"), point = traces[POINT]?.querySelector(".point");
  const paths = traces[LINE]?.querySelectorAll(".js-fill, .js-line") ?? [], { data, calcdata } = node;
  if (paths.length !== 2 || !point || data[LINE].y.length !== 2) return false;
  const y = node._fullLayout.yaxis.c2p(pace).toFixed(2);
  for (const path of paths) path.setAttribute("d", path.getAttribute("d").replace(/,[^,]*$/, `,${y}`)); // both end there
  point.setAttribute("transform", point.getAttribute("transform").replace(/,[^,]*$/, `,${y})`));
  data[LINE].customdata[1] = clicks; // what is told on pointing at it
  data[LINE].y[1] = data[POINT].y[0] = calcdata[LINE][1].y = calcdata[POINT][0].y = pace;
  return true;
}
