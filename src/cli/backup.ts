import { existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import { tell } from "./output.ts";
import type { CommandDeps } from "./program.ts";

export function backupCommand(baton: Command, deps: CommandDeps): void {
  baton
    .command("backup <file>")
    .description("copy the whole store into a new file, for its owner alone")
    .action(async (given: string, _options: unknown, command: Command) => {
      const file = resolve(given);
      if (existsSync(file)) throw new CliError(`${file} exists already: name a new file.`);
      await deps.with(async ({ backup }) => {
        if (backup === null)
          throw new CliError(
            "The server runs and has the data directory to itself. Stop it, run this again, and start it.",
          );
        try {
          await backup(file);
        } catch (error) {
          rmSync(file, { force: true });
          const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
          throw new CliError(`${file} cannot be written (${code}).`, { cause: error });
        }
      });
      tell(deps.output(command), { file }, [
        `Kept in ${file}. It opens only with the secret it was made with: keep BATON_SECRET, or the file "secret" of the data ` +
          "directory, in another place.",
      ]);
    });
}
