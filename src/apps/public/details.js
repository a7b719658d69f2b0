import { byId, link, listOf, make, objectOf, textOf, webAddress, write } from "./dom.js";
import { exact, timeOf } from "./times.js";
import { contactRows, CONTROL, leadRows, namedProducts, PRIORITY, statusOf, stepWords } from "./words.js";

/** What each part shows now: a part that stays the same is left alone, with whatever focus or selection is in it. */
const shown = new Map();

/** Shows a handoff. All of it came from a visitor at some point, or from their bot. */
export function showDetails(view) {
  const handoff = objectOf(view.handoff);
  const visitor = objectOf(view.visitor);
  write("visitor", textOf(visitor.name) || "Unnamed visitor");
  write("control", CONTROL[view.control] ?? "");
  byId("control").classList.toggle("bot", view.control === "bot");
  const priority = Object.hasOwn(PRIORITY, textOf(handoff.priority)) ? PRIORITY[handoff.priority] : "";
  write("priority", priority);
  byId("priority").hidden = priority === "";
  write("status", statusOf(view));
  write("reason", `Reason: ${textOf(handoff.reason)}`);
  byId("reason").hidden = textOf(handoff.reason) === "";
  byId("accept").hidden = view.canAccept !== true;
  byId("give-back").hidden = view.canReturn !== true;
  byId("give-back").classList.toggle("primary", view.canAccept !== true);
  byId("doing").hidden = view.canAccept !== true && view.canReturn !== true;
  part("summary", textOf(view.summary), (text) => [text]);
  part("contact", contactRows(visitor), rows);
  part("lead", view.lead ?? null, (lead) => rows(leadRows(lead)));
  part("consent", objectOf(view.lead).consent ?? null, consentWords);
  part("products", namedProducts(view), (products) => products.map(productItem));
  part("page", textOf(view.pageUrl), (address) => [link(address, address)]);
  part("timeline", listOf(view.timeline).map(objectOf), (steps) => steps.map(stepItem));
}

/** Nothing of one conversation may stay when the next one is shown. */
export function forgetDetails() {
  shown.clear();
}

/** Fills a part anew when its data is news; one with nothing in it is not shown, and nor is the section it is all of. */
function part(id, data, fill) {
  const key = JSON.stringify(data);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const isNothing = data === null || data === "" || (Array.isArray(data) && data.length === 0);
  const element = byId(id);
  element.replaceChildren(...(isNothing ? [] : fill(data)));
  element.hidden = element.childNodes.length === 0;
  const block = byId(`${id}-block`);
  if (block !== null) block.hidden = element.hidden;
}

/** Rows without a value are left out. */
function rows(named) {
  return named
    .filter(([, value]) => textOf(value) !== "")
    .flatMap(([name, value]) => [make("dt", { dir: "auto" }, name), make("dd", { dir: "auto" }, textOf(value))]);
}

function consentWords(consent) {
  const { agreedAt, text, url } = objectOf(consent);
  const at = new Date(textOf(agreedAt));
  const when = Number.isNaN(at.getTime()) ? "" : ` on ${exact(at)}`;
  const terms = webAddress(url) === null ? [] : [" ", link(url, "Terms")];
  return [`Agreed${when}: ${textOf(text)}`, ...terms];
}

function productItem({ name, url, price }) {
  const label = textOf(name) || textOf(url);
  return make("li", {}, link(url, label), make("span", { class: "price", dir: "auto" }, textOf(price)));
}

function stepItem(step) {
  const time = timeOf(step.at);
  return make("li", {}, make("span", { dir: "auto" }, stepWords(step)), ...(time === null ? [] : [time]));
}
