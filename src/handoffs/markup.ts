import { cleanText } from "../domain/clean-text.ts";

/** HTML that is safe to show: made by {@link markup} only. */
export interface Markup {
  readonly html: string;
}

type Piece = string | Markup | readonly Markup[] | null;

/** A template whose every inserted text is escaped, in elements and quoted attributes alike. Lists are joined; null leaves nothing. */
export function markup(literals: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return { html: String.raw({ raw: literals }, ...pieces.map(htmlOf)) };
}

function htmlOf(piece: Piece): string {
  if (piece === null) return "";
  if (typeof piece === "string") return escapeHtml(piece);
  return "html" in piece ? piece.html : piece.map(({ html }) => html).join("");
}

function escapeHtml(text: string): string {
  return cleanText(text)
    .replace(/(?![\n\t])\p{Cc}/gu, "")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
