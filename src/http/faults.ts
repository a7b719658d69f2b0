import type { z } from "zod";
import { HandoffError } from "../domain/errors.ts";
import type { Fault } from "../domain/errors.ts";

/** More than these would be a second body; the last one says how many are left out. */
const MOST_FAULTS = 500;
const LONGEST_KEY = 60;

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Parses what a caller gave, and reports everything that is wrong with it at once.
 *
 * @param options.root put before each fault's path, such as `settings`
 * @throws HandoffError `validation_failed` (or `code`)
 */
export function parseGiven<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  options: { readonly root?: string; readonly code?: "validation_failed" | "malformed_request" } = {},
): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new HandoffError(options.code ?? "validation_failed", undefined, {
    faults: faultsOf(parsed.error, given, options.root),
  });
}

/** A schema's complaints in our words: where, what, and a stable word for the kind. */
export function faultsOf(error: z.core.$ZodError, given: unknown, root?: string): Fault[] {
  const prefix: Path = root === undefined ? [] : [root];
  const faults = error.issues.flatMap((issue) => faultsOfIssue(issue, given, prefix));
  if (faults.length <= MOST_FAULTS) return faults;
  const left = faults.length - MOST_FAULTS;
  return [...faults.slice(0, MOST_FAULTS), { path: "", message: `and ${left} more`, code: "more" }];
}

/** @param inside the value that the issue's path starts from, @param outer the path to that value */
function faultsOfIssue(issue: Issue, inside: unknown, outer: Path): Fault[] {
  const value = valueAt(inside, issue.path);
  const path = [...outer, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => fault([...path, key], "is no field of this", "unknown_field"));
  }
  if (value === undefined && (isWrongType(issue) || issue.code === "invalid_union"))
    return [missing(path, issue.message)];
  if (issue.code === "invalid_union") return faultsOfUnion(issue, value, path);
  if (issue.code === "invalid_key")
    return issue.issues.map(({ message }) => fault(path, `as a name ${message}`, issue.code));
  return [fault(path, issue.message, issue.code)];
}

const fault = (path: Path, message: string, code: string): Fault => ({ path: faultPath(path), message, code });

/** Of several shapes that a value may have, the one that it is nearest to: of the right type, with the fewest faults. */
function faultsOfUnion(issue: Extract<Issue, { code: "invalid_union" }>, value: unknown, path: Path): Fault[] {
  const fitting = issue.errors.filter(
    (branch) => !branch.some((inner) => inner.path.length === 0 && isWrongType(inner)),
  );
  const [nearest] = fitting.toSorted((one, other) => one.length - other.length);
  if (nearest !== undefined) return nearest.flatMap((inner) => faultsOfIssue(inner, value, path));
  const expected = new Set(issue.errors.flat().flatMap((inner) => ("expected" in inner ? [inner.expected] : [])));
  const message = expected.size === 0 ? issue.message : `Invalid input: expected ${[...expected].join(" or ")}`;
  return [fault(path, message, "invalid_type")];
}

const isWrongType = (issue: Issue) => issue.code === "invalid_type" || issue.code === "invalid_value";

/** A schema's own words are kept: they say what to give. */
const missing = (path: Path, message: string): Fault =>
  fault(path, message.startsWith("Invalid ") ? "is required" : message, "required");

function valueAt(given: unknown, path: Path): unknown {
  let value = given;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

/** `conversation.messages[3].text` */
export function faultPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += `${text === "" ? "" : "."}${String(step).slice(0, LONGEST_KEY)}`;
  }
  return text;
}
