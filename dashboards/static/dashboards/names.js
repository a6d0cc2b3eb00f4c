// What a counted value is called: countries and shelves by their names, devices with a capital.
import { page } from "./page.js";
import { section } from "./store.js";

export const OTHER = "(other)";
const WORDS = { "": "unknown", [OTHER]: "Other" };
let places; // made when a country is named: it takes some 30 ms
const country = (code) => (places ??= new Intl.DisplayNames(["en"], { type: "region" })).of(code) ?? code;
const shelves = new Map(page.categories ?? []);
const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/** A value of a dimension (product, category, source, country, device) as people call it. */
export function nameOf(dimension, value) {
  if (value in WORDS) return WORDS[value];
  if (dimension === "country" && /^[A-Z]{2}$/.test(value)) return country(value);
  if (dimension === "device") return capital(value);
  if (dimension === "category") return shelves.get(value) ?? value;
  if (dimension === "product") return section("names").get(value)?.[0] ?? value;
  return value;
}

/** A page of the shop by what it is; another site's path as it stands. The same in Python: places.py. */
export function place(path) {
  const [, kind, id] = /^\/([pc])\/([^/]+)\/$/.exec(path) ?? [];
  if (kind) return nameOf(kind === "p" ? "product" : "category", id);
  if (path.startsWith("/orders/")) return "Order";
  return page.places[path] ?? (path || "outside");
}

/** A host without what all have in common: "google" of "www.google.com", "t.co" as it stands. */
export function short(host) {
  const [, name] = /^(?:(?:www|l|m)\.)?([^.]{3,})\.[^.]+$/.exec(host) ?? [];
  return name ?? host;
}
