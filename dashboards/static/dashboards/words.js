// Writes figures as people read them, by the viewer's locale and the shop's time zone and currency.
import { page } from "./page.js";

const SPACE = "\u00a0";
export const UNKNOWN = "–";
const made = new Map();
function numbers(options) {
  const key = JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Intl.NumberFormat(page.locale, options));
  return made.get(key);
}

export const whole = (n) => numbers({ maximumFractionDigits: 0 }).format(n);
/** With so many digits behind the point. */
export const decimal = (n, most) => numbers({ minimumFractionDigits: most, maximumFractionDigits: most }).format(n);

/** Micros of a currency: no cents from 1,000 up. */
export function money(micros, currency = page.currency) {
  const value = micros / 1e6, cents = Math.abs(value) < 1000 && value !== 0 ? 2 : 0;
  const style = { style: "currency", currencyDisplay: "narrowSymbol", minimumFractionDigits: cents, maximumFractionDigits: cents };
  try {
    return numbers({ ...style, currency }).format(value);
  } catch {
    return `${decimal(value, cents)}${SPACE}${currency}`; // a foreign order may name a currency that is none
  }
}

export const percent = (share, most = 1) => `${decimal(share * 100, most)}${SPACE}%`;
export const seconds = (ms) => (ms < 10_000 ? `${decimal(ms / 1000, 2)}${SPACE}s` : span(ms));

/** A span in two units at most: 40 s, 8 min, 1 h 03, 2 d 4 h. */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (s < 60) return `${s}${SPACE}s`;
  if (m < 60) return `${m}${SPACE}min`;
  if (h < 24) return `${h}${SPACE}h${SPACE}${String(m % 60).padStart(2, "0")}`;
  return `${d}${SPACE}d${SPACE}${h % 24}${SPACE}h`;
}

/** How two figures differ: {text: "24 %" | "7 ×", way: "up" | "down" | ""}; null where nothing can be said. */
export function change(now, was) {
  if (!was || now === undefined) return null;
  if (now > 3 * was) return { text: `${whole(now / was)}${SPACE}×`, way: "up" };
  const share = Math.abs(now / was - 1), way = now > was ? "up" : now < was ? "down" : "";
  return { text: percent(share, share < 0.1 ? 1 : 0), way };
}

/** Formats of time by the shop's clock; each takes milliseconds to make, so it is made when it is first used. */
function clock(options, locale = page.locale) {
  let format;
  return () => (format ??= new Intl.DateTimeFormat(locale, { timeZone: page.zone, ...options }));
}
const times = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = clock({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const days = clock({ weekday: "short", day: "numeric", month: "short" });
const zones = clock({ timeZoneName: "short" });
export const time = (ms) => times().format(ms);
export const minute = (ms) => minutes().format(ms);
export const day = (ms) => days().format(ms);
export const zone = (ms) => zones().formatToParts(ms).find((part) => part.type === "timeZoneName").value;

const parts = clock({ dateStyle: "short", timeStyle: "medium" }, "sv-SE");
/** The shop's wall clock as Plotly reads dates: "2026-11-23 14:32:00". */
export const wall = (ms) => parts().format(ms);

const weekday = clock({ weekday: "short" });
/** "last Mon": the day of a week ago has the name of today. */
export const lastWeek = (ms) => `last ${weekday().format(ms)}`;

const daysOfMonth = clock({ weekday: "short", day: "numeric" });
/** "Mon 23" */
export const shortDay = (ms) => daysOfMonth().format(ms);

const DATE = { weekday: "short", day: "numeric", month: "short", year: "numeric" }, CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const STAMPS = { stamp: clock({ ...DATE, ...CLOCK }), date: clock(DATE), brief: clock({ day: "numeric", month: "short", ...CLOCK }), month: clock({ month: "long", year: "numeric" }), time: times, day: days };
/** A moment in one of the forms above. */
export const stamp = (form, ms) => STAMPS[form]().format(ms);

/** The viewer's locale as Plotly takes one: names of days and months, and how numbers are grouped. */
export function plotlyLocale() {
  const names = (options, moments) => {
    const format = new Intl.DateTimeFormat(page.locale, { timeZone: "UTC", ...options });
    return moments.map((at) => format.format(at));
  };
  const week = Array.from({ length: 7 }, (_, i) => Date.UTC(2023, 0, 1 + i)), year = Array.from({ length: 12 }, (_, i) => Date.UTC(2023, i, 1));
  const parts = new Intl.NumberFormat(page.locale).formatToParts(1234567.5), part = (type, usual) => parts.find((one) => one.type === type)?.value ?? usual;
  const numbers = { decimal: part("decimal", "."), thousands: part("group", ",") };
  if (/^en\b/.test(page.locale?.[0] ?? "en")) return { format: numbers }; // Plotly has these names
  return { format: {
    days: names({ weekday: "long" }, week), shortDays: names({ weekday: "short" }, week),
    months: names({ month: "long" }, year), shortMonths: names({ month: "short" }, year),
    ...numbers,
  } };
}
