import { z } from "zod";
import { couldNotCreate } from "./errors.ts";
import type { Json, State } from "./state.ts";

const Condition = z.strictObject({
  attribute_key: z.string(),
  filter_operator: z.string(),
  values: z.array(z.union([z.string(), z.number()])).optional(),
  query_operator: z.string().nullable().optional(),
  attribute_model: z.string().optional(),
  custom_attribute_type: z.string().optional(),
});
export const FilterBody = z.strictObject({ payload: z.array(Condition).min(1) });
export type FilterBody = z.infer<typeof FilterBody>;

const operators = ["equal_to", "not_equal_to", "contains", "does_not_contain", "is_present", "is_not_present"];

/**
 * Keeps the rows that fit a filter's conditions. A condition's `query_operator` joins it to the next one; AND binds
 * tighter than OR, as in SQL.
 *
 * @param columns how to read each attribute that can be filtered by; custom attributes count only with a definition (5.6).
 * @throws Refusal 422 `{error}` for an unknown attribute, operator or query operator.
 */
export function filterRows<T extends { customAttributes: Json }>(
  state: State,
  rows: T[],
  body: FilterBody,
  model: "conversation_attribute" | "contact_attribute",
  columns: Record<string, (row: T) => unknown>,
): T[] {
  const definitions = [...state.attributeDefinitions.values()].filter((item) => item.model === model);
  const groups: ((row: T) => boolean)[][] = [[]];
  for (const condition of body.payload) {
    const key = condition.attribute_key;
    const isCustom = definitions.some((item) => item.key === key);
    const read = columns[key] ?? (isCustom ? (row: T) => row.customAttributes[key] : undefined);
    if (!read) throw couldNotCreate(invalidAttribute(key, Object.keys(columns)));
    if (!operators.includes(condition.filter_operator)) {
      throw couldNotCreate(`Invalid operator. The allowed operators for ${key} are [${operators.join(",")}].`);
    }
    const joint = condition.query_operator?.toUpperCase() ?? "AND";
    if (joint !== "AND" && joint !== "OR") throw couldNotCreate('Query operator must be either "AND" or "OR".');
    groups.at(-1)!.push((row) => fits(read(row), condition));
    if (joint === "OR") groups.push([]);
  }
  const alternatives = groups.filter((group) => group.length > 0);
  return rows.filter((row) => alternatives.some((group) => group.every((test) => test(row))));
}

function fits(value: unknown, condition: FilterBody["payload"][number]): boolean {
  const wanted = (condition.values ?? []).map((item) => String(item).trim().toLowerCase());
  const have = (Array.isArray(value) ? value : [value]).flatMap((item) =>
    item === null || item === undefined ? [] : [String(item).toLowerCase()],
  );
  switch (condition.filter_operator) {
    case "equal_to":
      return have.some((item) => wanted.includes(item));
    case "not_equal_to":
      return !have.some((item) => wanted.includes(item));
    case "contains":
      return have.some((item) => wanted.some((part) => item.includes(part)));
    case "does_not_contain":
      return !have.some((item) => wanted.some((part) => item.includes(part)));
    case "is_present":
      return have.length > 0;
    default:
      return have.length === 0;
  }
}

const invalidAttribute = (key: string, known: string[]) =>
  `Invalid attribute key - [${key}]. The key should be one of [${known.join(",")}] or a custom attribute defined in the account.`;
