// One quiet line: which rules are broken, since when, and whether somebody looks after it.
import { $, h, icon, replace } from "../dom.js";
import { paced } from "../pace.js";
import { reads, section } from "../store.js";
import { time } from "../words.js";

const one = ([rule, since, seen, address]) =>
  h("a", { href: address, class: seen ? "seen" : "" }, h("b", {}, rule), ` since ${time(since)}${seen ? ", looked after" : ""}`);

function draw() {
  const open = [...section("alerts").values()];
  $("alerts").hidden = !open.length;
  replace($("alerts"), JSON.stringify(open), () => [icon("alert"), h("p", {}, ...open.map(one))]);
}

export function alerts() {
  reads(["alerts"], paced(null, 900, draw));
}
