/** Elements by id; the page has them all. */
export const byId = (id) => document.getElementById(id);

/** What may be shown of a value: text without its outer spaces, or nothing. */
export const textOf = (value) =>
  typeof value === "string" ? value.trim() : typeof value === "number" || typeof value === "boolean" ? `${value}` : "";

/** A list of what is one, and an object of what is one: an answer of another shape shows less and breaks nothing. */
export const listOf = (value) => (Array.isArray(value) ? value : []);
export const objectOf = (value) => (typeof value === "object" && value !== null ? value : {});

/**
 * An element with text and children. Whatever came from outside becomes a text node, never markup.
 *
 * @param {string} tag
 * @param {Record<string, string | null>} [attributes] null leaves one out
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A link to a page of the web; what is none stays text. It tells the other side nothing, and keeps this page. */
export function link(address, label) {
  const href = webAddress(address);
  if (href === null) return make("span", { dir: "auto" }, label);
  return make("a", { href, target: "_blank", rel: "noopener noreferrer", dir: "auto" }, label);
}

/** The address of a page of the web, in full; null for every other kind. */
export function webAddress(address) {
  try {
    const { protocol, href } = new URL(address);
    return protocol === "http:" || protocol === "https:" ? href : null;
  } catch {
    return null;
  }
}

export function write(id, words) {
  const element = byId(id);
  // Written only when it is news: some elements are read aloud whenever they change.
  if (element.textContent !== words) element.textContent = words;
}
