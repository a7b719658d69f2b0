/** Elements by id; the page has them all. */
export const byId = (id) => document.getElementById(id);

/**
 * An element with text and children. Whatever came from outside becomes a text node, never markup.
 *
 * @param {string} tag
 * @param {Record<string, string | boolean | null>} [attributes] null and false leave one out
 * @param {...(Node | string | null)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A link to a file or page elsewhere; what is no http address stays text. */
export function link(url, text) {
  const parsed = URL.parse(url, location.href);
  if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) return document.createTextNode(text);
  return make("a", { href: parsed.href, target: "_blank", rel: "noopener noreferrer" }, text);
}
