import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { CliError } from "./cli-error.ts";
import { shown, table, tell } from "./output.ts";
import { pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { reapplyErasures } from "./reapply.ts";

const WORKSPACE = ["--workspace <id or name>", "which workspace; needed where there are several"] as const;
const TIMEOUT_MS = 3_600_000;

interface PersonOptions {
  readonly email?: string;
  readonly phone?: string;
  readonly visitorId?: string;
  readonly bot?: string;
  readonly workspace?: string;
}

function ofPerson(command: Command): Command {
  return command
    .option("--email <address>", "who has this address")
    .option("--phone <number>", "who has this number, with its country code")
    .option("--visitor-id <id>", "whom a bot calls so")
    .option("--bot <id>", "the bot whose --visitor-id it is")
    .option(...WORKSPACE);
}

function personIn({ email, phone, visitorId, bot }: PersonOptions): Record<string, string> {
  if (email === undefined && phone === undefined && visitorId === undefined)
    throw new CliError("Say who: --email, --phone or --visitor-id.");
  return {
    ...(email !== undefined && { email }),
    ...(phone !== undefined && { phone }),
    ...(visitorId !== undefined && { visitorId }),
    ...(bot !== undefined && { botId: bot }),
  };
}

const Copy = z.looseObject({
  connectionId: z.string(),
  name: z.string().nullable(),
  conversationId: z.string().nullable(),
  url: z.string().nullable(),
});
const Receipt = z.looseObject({
  erasure: z.looseObject({ id: z.string(), counts: z.record(z.string(), z.int()) }).nullable(),
  copies: z.array(Copy),
  mails: z.array(z.looseObject({ to: z.string(), sentAt: z.string() })),
  stays: z.array(z.string()),
});

/** What is erased where, and what is left for the reader to do. */
function linesOf({ erasure, copies, mails, stays }: z.infer<typeof Receipt>): string[] {
  if (erasure === null) return ["Nobody of that name is known, nor ever was erased."];
  const counts = Object.entries(erasure.counts).filter(([, count]) => count > 0);
  return [
    `Erased, on record as ${shown(erasure.id)}: ${counts.map(([name, count]) => `${count} ${name}`).join(", ")}.`,
    ...copies.map(
      ({ name, connectionId, conversationId, url }) =>
        `To be erased in ${shown(name ?? connectionId)}: ${shown(url ?? conversationId ?? "what it was told about the person")}`,
    ),
    ...mails.map(({ to, sentAt }) => `To be deleted: the mail to ${shown(to)} of ${shown(sentAt)}`),
    ...stays.map(shown),
  ];
}

const Kept = z.array(z.looseObject({ workspaceId: z.string(), erasure: z.record(z.string(), z.unknown()) }));

/** Records as `people erasures --json` told them, or as a restore left them. */
function keptIn(file: string): z.infer<typeof Kept> {
  try {
    return Kept.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw new CliError(`${file} holds no records of erasures, as \`people erasures --json\` tells them.`);
  }
}

export function peopleCommands(baton: Command, deps: CommandDeps): void {
  const people = baton.command("people").description("a person's own data: find, export, erase");

  ofPerson(people.command("export <file>"))
    .description("write all that is held about a person into a new file, as JSON")
    .action(async (file: string, options: PersonOptions, command: Command) => {
      const person = personIn(options);
      await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        await admin.save("POST", "/v1/people/export", file, person);
      });
      tell(deps.output(command), { file }, [`Written to ${file}. It is theirs alone: hand it over on a safe way.`]);
    });

  ofPerson(people.command("erase"))
    .description("erase a person everywhere and for good, and say where copies are")
    .option("--force", "also while the team has them: what is open is ended first")
    .action(async (options: PersonOptions & { force?: boolean }, command: Command) => {
      const body = { ...personIn(options), force: options.force === true };
      const told = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return await admin.post("/v1/people/erase", body, TIMEOUT_MS);
      });
      tell(deps.output(command), told, linesOf(Receipt.parse(told)));
    });

  people
    .command("erasures")
    .description("list who was erased when, without a word about them; --json is what reapply-erasures takes")
    .option(...WORKSPACE)
    .action(async (options: { workspace?: string }, command: Command) => {
      const kept = await deps.with(async (reached) => {
        const { id: workspaceId, admin } = await pickWorkspace(reached, options.workspace);
        return (await admin.all("/v1/erasures")).map((erasure) => ({ workspaceId, erasure }));
      });
      const rows = kept.map(({ erasure }) => erasure);
      tell(deps.output(command), kept, table(rows, ["id", "startedAt", "finishedAt", "counts"], "There is none."));
    });

  people
    .command("reapply-erasures")
    .description("erase again whoever a restored backup brought back; `restore` does it by itself on SQLite")
    .option("--from <file>", "records that the backup does not have, from `people erasures --json`")
    .action(async (options: { from?: string }, command: Command) => {
      const kept = options.from === undefined ? [] : keptIn(options.from);
      const conversations = await deps.with((reached) => reapplyErasures(reached, kept));
      tell(deps.output(command), { conversations }, [
        `Erased again: ${conversations === 1 ? "1 conversation" : `${conversations} conversations`}.`,
      ]);
    });
}
