/** A line that was acknowledged to its sender. In a history, lines of one stream stand in the order in which they were sent. */
export interface Sent {
  /** What order is promised in: one conversation, one direction. */
  readonly stream: string;
  /** Unique in the whole history. */
  readonly text: string;
}

/** A line as the other side got it, in the order in which it got them. */
export interface Got extends Sent {
  /** The delivery's own id, where it has one. */
  readonly id?: string;
}

/**
 * What a history breaks of the promises P2, P3 and P11 (reliability.md), in words; empty when nothing.
 *
 * @param how.mayRepeat a line may come again at once and under the same id (a callback whose answer was lost); false: the far
 * side can be looked at, so each line is there once
 * @param how.maySkip lines whose sender got no answer: they may be missing
 */
export function faultsOf(
  sent: readonly Sent[],
  got: readonly Got[],
  how: { readonly mayRepeat: boolean; readonly maySkip?: ReadonlySet<string> },
): string[] {
  const faults: string[] = [];
  const positions = new Map(sent.map((line, index) => [keyOf(line), index]));
  const seen = new Map<string, Got>();
  const latest = new Map<string, Got>();
  const ids = new Map<string, string>();
  for (const line of got) {
    const key = keyOf(line);
    const before = seen.get(key);
    const last = latest.get(line.stream);
    const position = positions.get(key);
    if (position === undefined) faults.push(`invented: ${key}`);
    else if (before !== undefined) faults.push(...faultsOfRepeat(line, before, last, how.mayRepeat));
    else if (last !== undefined && position < (positions.get(keyOf(last)) ?? -1))
      faults.push(`out of order: ${key} came after "${last.text}"`);
    if (line.id !== undefined && (ids.get(line.id) ?? key) !== key) faults.push(`one id for two lines: ${key}`);
    if (line.id !== undefined) ids.set(line.id, key);
    seen.set(key, before ?? line);
    if (position !== undefined && before === undefined) latest.set(line.stream, line);
  }
  for (const line of sent)
    if (!seen.has(keyOf(line)) && how.maySkip?.has(line.text) !== true) faults.push(`lost: ${keyOf(line)}`);
  return faults;
}

const keyOf = ({ stream, text }: Sent): string => `${stream} "${text}"`;

function faultsOfRepeat(line: Got, before: Got, last: Got | undefined, mayRepeat: boolean): string[] {
  const key = keyOf(line);
  if (!mayRepeat) return [`doubled: ${key}`];
  if (line.id !== before.id) return [`repeated under another id: ${key}`];
  return last?.text === line.text ? [] : [`repeated late: ${key} came after "${last?.text}"`];
}
