import { Option } from "commander";
import type { Command } from "commander";
import { z } from "zod";
import { DELIVERY_STATES } from "../domain/delivery.ts";
import { shown, table, tell } from "./output.ts";
import { pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { wholeNumber } from "./tenants.ts";

const Page = z.looseObject({ items: z.array(z.record(z.string(), z.unknown())) });

export function deliveryCommands(baton: Command, deps: CommandDeps): void {
  const deliveries = baton.command("deliveries").description("what is owed to helpdesks, bots and mailboxes");
  const workspace = ["--workspace <id or name>", "which workspace; needed where there are several"] as const;

  deliveries
    .command("list")
    .description("list deliveries, newest first")
    .addOption(new Option("--state <state>", "only those in this state").choices(DELIVERY_STATES))
    .option("--limit <number>", "how many", wholeNumber(1, 200), 50)
    .option(...workspace)
    .action(async (options: { state?: string; limit: number; workspace?: string }, command: Command) => {
      const query = new URLSearchParams({
        limit: String(options.limit),
        ...(options.state === undefined ? {} : { state: options.state }),
      });
      const { items } = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return Page.parse(await admin.get(`/v1/deliveries?${query.toString()}`));
      });
      const columns = ["id", "kind", "state", "attempts", "createdAt", "nextAt", "lastError"];
      tell(deps.output(command), items, table(items, columns, "There is none."));
    });

  deliveries
    .command("retry <id>")
    .description("send one again that was given up or held")
    .option(...workspace)
    .action(async (id: string, options: { workspace?: string }, command: Command) => {
      const again = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return {
          ...(await admin.post(`/v1/deliveries/${encodeURIComponent(id)}/retry`)),
          runs: reached.isServer,
        };
      });
      const { runs, ...delivery } = again;
      tell(deps.output(command), delivery, [
        `${shown(id)} is owed again${runs ? "." : ": it is sent once the server runs."}`,
      ]);
    });
}
