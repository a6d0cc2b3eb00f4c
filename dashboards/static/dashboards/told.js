// Writes what the server tells, on pages that it writes, by the viewer's locale: numbers, money and moments.
import { say } from "./dom.js";
import { change, decimal, money, percent, stamp, whole } from "./words.js";

const KINDS = {
  count: (value) => whole(value),
  money: (value, currency) => money(value, currency),
  price: (value, currency) => money(value * 1e6, currency),
  share: (value) => percent(value),
  change: (value) => `${value > 0 ? "+" : ""}${whole(value)}`,
  points: (value) => `${decimal(value, 1)}\u00a0pt`,
  times: (value) => change(value, 1).text,
  decimal: (value) => decimal(value, 1),
};

/** Everything on the page that says `kind value [more]`; `–` and the like stay as the server wrote them. */
export function tellAll() {
  for (const node of document.querySelectorAll("[data-told]")) {
    const [kind, value, more] = node.dataset.told.split(" ");
    if (kind) say(node, KINDS[kind](Number(value), more));
  }
  for (const node of document.querySelectorAll("time[data-form]")) say(node, stamp(node.dataset.form, Date.parse(node.dateTime)));
}

const GRAINS = { minute: "stamp", hour: "stamp", day: "date", week: "date", month: "month" };

/** A row of a chart's table, of what its file says: [{kind}] and values beside each other. */
export function cells({ kinds, grain }, values) {
  return values.map((value, i) => {
    if (value === null) return "–";
    if (kinds[i] === "when") return `${grain === "week" ? "week of " : ""}${stamp(GRAINS[grain], Date.parse(value))}`;
    return kinds[i] === "amount" ? decimal(value, 2) : whole(value);
  });
}
