import { link, make } from "./dom.js";
import { Refused } from "./api.js";
import { word } from "./words.js";

/**
 * Draws the contact form as Baton describes it, and puts each fault beside its field.
 *
 * @param {HTMLFormElement} element
 * @param {object} shown the `form` of an answer or event, with the locale that it is in
 * @param {(submission: object) => Promise<void>} submit throws Refused
 */
export function drawLeadForm(element, { form, locale }, submit) {
  element.replaceChildren();
  element.lang = locale;
  element.dir = locale === "ar" ? "rtl" : "ltr";
  const inputs = new Map();

  const withFault = (input, name) => {
    const fault = make("p", { class: "fault", id: `fault-${name}` });
    input.setAttribute("aria-describedby", fault.id);
    inputs.set(name, { input, fault });
    return fault;
  };

  for (const field of form.fields) {
    const isLong = field.type === "textarea";
    const input = make(isLong ? "textarea" : "input", {
      id: `lead-${field.name}`,
      name: field.name,
      type: isLong ? null : field.type,
      rows: isLong ? "3" : null,
      maxlength: String(field.maxLength),
      autocomplete: field.autocomplete,
      "aria-required": String(field.required),
      dir: "auto",
    });
    const label = make(
      "label",
      { for: input.id },
      make("span", {}, field.label, field.required ? null : make("small", {}, ` (${form.optionalLabel})`)),
    );
    element.append(make("div", {}, label, input, withFault(input, `fields.${field.name}`)));
  }

  if (form.terms !== null) {
    const box = make("input", { type: "checkbox", id: "lead-terms", "aria-required": String(form.terms.required) });
    const label = make("label", { for: box.id }, ...termsWords(form.terms));
    element.append(make("div", {}, make("div", { class: "terms" }, box, label), withFault(box, "terms.accepted")));
  }
  const general = make("p", { class: "fault", role: "alert" });
  const button = make("button", { type: "submit" }, form.submitLabel);
  element.append(general, button);

  element.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    general.textContent = "";
    for (const one of inputs.values()) mark(one, "");
    try {
      const fields = Object.fromEntries(
        form.fields.map(({ name }) => [name, inputs.get(`fields.${name}`).input.value]),
      );
      const accepted = inputs.get("terms.accepted")?.input.checked;
      await submit({ fields, locale, ...(accepted === undefined ? {} : { terms: { accepted } }) });
    } catch (error) {
      const faults = error instanceof Refused ? error.faults : [];
      const placed = faults.filter(({ path }) => inputs.has(path));
      for (const { path, message } of placed) mark(inputs.get(path), message);
      if (placed.length === 0) general.textContent = word("trouble");
      else inputs.get(placed[0].path).input.focus();
    } finally {
      button.disabled = false;
    }
  };
  element.hidden = false;
}

function mark({ input, fault }, message) {
  fault.textContent = message;
  if (message === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

/** The words beside the box, with the part that leads to the terms as a link. */
function termsWords({ label, linkText, url }) {
  const at = label.indexOf(linkText);
  if (at === -1) return [label, " ", link(url, linkText)];
  return [label.slice(0, at), link(url, linkText), label.slice(at + linkText.length)];
}
