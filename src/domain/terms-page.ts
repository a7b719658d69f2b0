import { oneLine } from "./clean-text.ts";
import { LOCALES, directionOf, resolveLocale, textsFor } from "./texts.ts";

/** Grows when any wording of the page or of the consent changes: a consent record names the words it was given to. */
export const TERMS_VERSION = "2026-11";

export interface TermsPage {
  /** The language of the page, nearest to the one asked for. */
  readonly locale: string;
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly version: string;
  /** A whole document without scripts or styles. */
  readonly html: string;
}

/**
 * The terms page for businesses that link none of their own: what is collected, what for, who receives it, how long, and how to
 * withdraw.
 *
 * @param request.business the name visitors know it by, as plain text; null: "the business you are chatting with"
 */
export function renderTermsPage(request: { locale: string | null | undefined; business: string | null }): TermsPage {
  const locale = resolveLocale(request.locale, LOCALES);
  const { title, business, paragraphs } = textsFor(locale).termsPage;
  const name = oneLine(request.business ?? "") || business;
  const text = paragraphs.map((paragraph) => paragraph.replace("{{business}}", () => name));
  return { locale, title, paragraphs: text, version: TERMS_VERSION, html: page(locale, title, text) };
}

/** The exact words beside the checkbox, as kept in the consent record together with `TERMS_VERSION`. */
export function termsConsentText(locale: string | null | undefined): string {
  return textsFor(locale).form.terms;
}

function page(locale: string, title: string, paragraphs: readonly string[]): string {
  return `<!doctype html>
<html lang="${locale}" dir="${directionOf(locale)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join("\n")}
<p><small>${TERMS_VERSION}</small></p>
</main>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
