/** One field that is not as it was. `before` or `after` is missing where there was nothing. */
export interface FieldChange {
  /** As in the API: `schedule.weekly.monday.slots[0].start`. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** True: its value is nobody's to see; only that it changed is told. */
  readonly secret?: true;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * What differs between two structures of plain JSON, field by field. Lists of the same length are compared entry by entry; one that
 * grew or shrank is told whole, since what moved up would look as if it had changed. Nothing and null are the same.
 */
export function fieldChanges(before: unknown, after: unknown, path = ""): FieldChange[] {
  const [one, other] = [before ?? undefined, after ?? undefined];
  if (one === undefined && other === undefined) return [];
  if (isFields(one) || isFields(other)) {
    if ((one === undefined || isFields(one)) && (other === undefined || isFields(other)))
      return changesOfFields(one ?? {}, other ?? {}, path);
  }
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length)
    return one.flatMap((item, at) => fieldChanges(item, other[at], `${path}[${at}]`));
  if (isEqual(one, other)) return [];
  return [{ path, ...(one !== undefined && { before: one }), ...(other !== undefined && { after: other }) }];
}

function changesOfFields(one: Fields, other: Fields, path: string): FieldChange[] {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.flatMap((name) => fieldChanges(one[name], other[name], path === "" ? name : `${path}.${name}`));
}

/** Of values of which one at least is no structure of fields. */
function isEqual(one: unknown, other: unknown): boolean {
  return one === other || (Array.isArray(one) && Array.isArray(other) && JSON.stringify(one) === JSON.stringify(other));
}
