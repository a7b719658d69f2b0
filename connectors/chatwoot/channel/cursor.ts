/** What a reading hands to the next one, as text: `620`, or `620:590,580` where forms wait for an answer. */
export interface Place {
  /** The id of the newest message that is surely followed by no late one. */
  readonly after: number;
  /** Forms of ours up to there that nobody has sent yet: they are answered in place, as no message of their own (sheet 4). */
  readonly forms: readonly number[];
}

/** An answer to a form that is older than the last few is not looked for any more. */
const MOST_FORMS = 3;

const START: Place = { after: 0, forms: [] };

export function placeIn(cursor: string | null): Place {
  const parts = /^(\d{1,15})(?::(\d{1,15}(?:,\d{1,15}){0,9}))?$/.exec(cursor ?? "");
  if (!parts) return START;
  return { after: Number(parts[1]), forms: (parts[2] ?? "").split(",").filter(Boolean).map(Number) };
}

export function cursorAt({ after, forms }: Place): string | null {
  if (after === 0) return null;
  const kept = [...new Set(forms)].toSorted((a, b) => b - a).slice(0, MOST_FORMS);
  return kept.length === 0 ? String(after) : `${after}:${kept.join(",")}`;
}
