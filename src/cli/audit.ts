import type { Command } from "commander";
import { z } from "zod";
import { shown, table, tell } from "./output.ts";
import { pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { queryOf } from "./query.ts";
import { wholeNumber } from "./tenants.ts";

const Named = z.looseObject({ id: z.string().nullable(), name: z.string().nullable() });
const Page = z.looseObject({
  items: z.array(
    z.looseObject({
      at: z.string(),
      actor: Named,
      action: z.string(),
      object: Named,
      changes: z.array(z.looseObject({ path: z.string(), secret: z.literal(true).optional() })),
    }),
  ),
});

interface AuditOptions {
  readonly actor?: string;
  readonly object?: string;
  readonly action?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly workspace?: string;
}

export function auditCommands(baton: Command, deps: CommandDeps): void {
  baton
    .command("audit")
    .description("who changed what when")
    .command("list")
    .description("list changes, newest first")
    .option("--actor <id>", "only this member's or token's")
    .option("--object <id>", "only those of this bot, connection, member or token")
    .option("--action <name>", "only these, such as bot.changed")
    .option("--from <instant>", "from then on, such as 2026-11-01T00:00:00Z")
    .option("--to <instant>", "before then")
    .option("--limit <number>", "how many", wholeNumber(1, 200), 50)
    .option("--workspace <id or name>", "which workspace; needed where there are several")
    .action(async (options: AuditOptions, command: Command) => {
      const { actor, object, action, from, to, limit } = options;
      const query = queryOf({ actorId: actor, objectId: object, action, from, to, limit: String(limit) });
      const { items } = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return Page.parse(await admin.get(`/v1/audit?${query}`));
      });
      const rows = items.map((one) => ({
        at: one.at,
        who: one.actor.name ?? one.actor.id,
        action: one.action,
        what: one.object.name ?? one.object.id,
        changes: one.changes.map(changeInWords).join("; "),
      }));
      tell(deps.output(command), items, table(rows, ["at", "who", "action", "what", "changes"], "There is none."));
    });
}

const LONGEST = 60;
const clipped = (value: unknown): string => {
  const text = shown(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
};

function changeInWords({
  path,
  secret,
  before,
  after,
}: { path: string; secret?: true | undefined } & Record<string, unknown>): string {
  return secret === true ? `${path}: changed` : `${path}: ${clipped(before)} -> ${clipped(after)}`;
}
