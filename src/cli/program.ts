import type { Readable } from "node:stream";
import { Command, CommanderError } from "commander";
import { readConfig } from "../config.ts";
import type { Config } from "../config.ts";
import { BatonError } from "../domain/errors.ts";
import { auditCommands } from "./audit.ts";
import { backupCommand } from "./backup.ts";
import { connectCommands } from "./connect.ts";
import { connectionCommands } from "./connections.ts";
import { deliveryCommands } from "./deliveries.ts";
import { doctorCommand } from "./doctor.ts";
import { migrateStoreCommand } from "./migrate-store.ts";
import { leadCommands } from "./leads.ts";
import { peopleCommands } from "./people.ts";
import { reach } from "./reach.ts";
import type { Reached } from "./reach.ts";
import { restoreCommands } from "./restore.ts";
import { botCommands, memberCommands, tokenCommands, workspaceCommands } from "./tenants.ts";
import type { Output } from "./output.ts";

/** What the command line gets from the process. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: Readable;
  readonly out: (text: string) => void;
  readonly fault: (text: string) => void;
}

/** What every command is made from. */
export interface CommandDeps {
  readonly input: Readable;
  /** Runs `work` with the program that has the data directory, and lets go of it whatever happens. */
  with<Result>(work: (baton: Reached) => Promise<Result>, options?: { readonly mayBegin?: boolean }): Promise<Result>;
  /** The server's settings, for a command that works on its files. @throws ConfigError */
  config(): Config;
  output(command: Command): Output;
  /** For a person who waits: never part of the result. */
  progress(text: string): void;
  /** The command did its work, and what it found is bad. */
  failed(): void;
}

const USAGE = 2;

/**
 * Runs one command.
 *
 * @param args without the names of node and the file
 * @returns the exit code: 0; 1 when it failed, with one line that says why; 2 when it was called wrongly
 */
export async function runCommand(args: readonly string[], { env, input, out, fault }: Surroundings): Promise<number> {
  let code = 0;
  const deps: CommandDeps = {
    input,
    async with(work, { mayBegin = false } = {}) {
      const config = readConfig(env);
      const baton = await reach(config, { mayBegin });
      try {
        return await work(baton);
      } finally {
        await baton.close();
      }
    },
    config: () => readConfig(env),
    progress: (text) => fault(text),
    output: (command) => ({ json: command.optsWithGlobals()["json"] === true, out }),
    failed: () => {
      code = 1;
    },
  };
  try {
    await program(deps, { out, fault }).parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    fault(error instanceof BatonError ? `baton: ${error.message}` : `baton: ${describe(error)}`);
    return 1;
  }
}

function program(deps: CommandDeps, { out, fault }: Pick<Surroundings, "out" | "fault">): Command {
  const baton = new Command("baton")
    .description("Looks after Baton: workspaces, tokens, connections, deliveries, backups.")
    .option("--json", "print the result as JSON, for scripts")
    .helpCommand(false)
    .showHelpAfterError("Try --help.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => out(text.trimEnd()), writeErr: (text) => fault(text.trimEnd()) })
    .addHelpText(
      "after",
      "\nReads the same environment as the server (DATA_DIR, BATON_SECRET, HOST). While the server runs, it is asked; else the " +
        "data directory is opened for this one command. A backup reads the data directory itself, whether a server runs or not.",
    );
  workspaceCommands(baton, deps);
  botCommands(baton, deps);
  memberCommands(baton, deps);
  tokenCommands(baton, deps);
  connectCommands(baton, deps);
  connectionCommands(baton, deps);
  deliveryCommands(baton, deps);
  leadCommands(baton, deps);
  peopleCommands(baton, deps);
  auditCommands(baton, deps);
  doctorCommand(baton, deps);
  backupCommand(baton, deps);
  restoreCommands(baton, deps);
  migrateStoreCommand(baton, deps);
  return baton;
}

/** What nobody foresaw: the operator is the reader, and the stack tells more than a bare line. */
const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
