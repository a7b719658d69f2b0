import { Option } from "commander";
import type { Command } from "commander";
import { FOLLOW_UP_STATES } from "../ports-leads.ts";
import { tell } from "./output.ts";
import { pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { queryOf } from "./query.ts";

interface ExportOptions {
  readonly bot?: string;
  readonly search?: string;
  readonly state?: string;
  readonly from?: string;
  readonly to?: string;
  readonly workspace?: string;
}

export function leadCommands(baton: Command, deps: CommandDeps): void {
  baton
    .command("leads")
    .description("contact details that visitors left")
    .command("export <file>")
    .description("write leads into a new file for spreadsheets (CSV)")
    .option("--bot <id>", "only this bot's")
    .option("--search <words>", "only those with these words in name, email, phone or issue")
    .addOption(new Option("--state <state>", "only those in this state").choices(FOLLOW_UP_STATES))
    .option("--from <instant>", "left from then on, such as 2026-11-01T00:00:00Z")
    .option("--to <instant>", "left before then")
    .option("--workspace <id or name>", "which workspace; needed where there are several")
    .action(async (file: string, options: ExportOptions, command: Command) => {
      const { bot, search, state, from, to } = options;
      const query = queryOf({ botId: bot, search, state, from, to });
      await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        await admin.save("GET", `/v1/leads.csv?${query}`, file);
      });
      tell(deps.output(command), { file }, [`Written to ${file}.`]);
    });
}
