import { make } from "./dom.js";

const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const exactFormat = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
const JUST_NOW_SECONDS = 45;
const UNITS = [
  ["minute", 60, 3_600],
  ["hour", 3_600, 86_400],
  ["day", 86_400, 30 * 86_400],
  ["month", 30 * 86_400, 365 * 86_400],
  ["year", 365 * 86_400, Infinity],
];

/** How long ago, in words. What seems to lie ahead, by clocks that differ, is just now. */
export function relative(at, now = new Date()) {
  const seconds = (now.getTime() - at.getTime()) / 1000;
  if (seconds < JUST_NOW_SECONDS) return "just now";
  const [unit, length] = UNITS.find(([, , end]) => seconds < end);
  return relativeFormat.format(-Math.max(1, Math.floor(seconds / length)), unit);
}

export const exact = (at) => exactFormat.format(at);

/** A time, relative and exact; null for what is none. */
export function timeOf(value) {
  const at = new Date(typeof value === "string" ? value : Number.NaN);
  if (Number.isNaN(at.getTime())) return null;
  const ago = make("span", { "data-at": at.toISOString() }, relative(at));
  return make("time", { datetime: at.toISOString(), class: "muted" }, ago, ` · ${exact(at)}`);
}

/** Relative times grow old while the page stands. */
export function refreshTimes(now = new Date()) {
  for (const element of document.querySelectorAll("[data-at]")) {
    const words = relative(new Date(element.dataset.at), now);
    if (element.textContent !== words) element.textContent = words;
  }
}
