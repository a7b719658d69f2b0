import type { Api, Row } from "./api.ts";
import { CliError } from "./cli-error.ts";
import { shown } from "./output.ts";
import type { Reached } from "./reach.ts";

/** The workspace that a command is about, by id or name; the only one where none is named. */
export async function pickWorkspace(
  baton: Reached,
  given: string | undefined,
): Promise<{ readonly id: string; readonly admin: Api }> {
  const { id } = pick(await baton.asOperator.all("/v1/workspaces"), given, {
    what: "workspace",
    option: "--workspace <id or name>",
    none: "There is no workspace yet: make one with `workspace create <name>`.",
  });
  return { id, admin: baton.asAdmin(id) };
}

/**
 * The row that is meant.
 *
 * @throws CliError naming the choices when there is none, or more than one
 */
export function pick(
  rows: readonly Row[],
  given: string | undefined,
  { what, option, none }: { readonly what: string; readonly option: string; readonly none: string },
): { readonly id: string; readonly name: string } {
  const found = given === undefined ? rows : rows.filter(({ id, name }) => id === given || name === given);
  const [row, ...others] = found;
  if (row !== undefined && others.length === 0) return { id: shown(row["id"]), name: shown(row["name"]) };
  if (rows.length === 0) throw new CliError(none);
  const choices = rows.map(({ id, name }) => `${shown(id)} (${shown(name)})`).join(", ");
  if (given === undefined || found.length > 1) throw new CliError(`Which ${what}? Say ${option}: ${choices}.`);
  throw new CliError(`There is no ${what} ${shown(given)}. There is: ${choices}.`);
}
