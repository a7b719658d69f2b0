import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { TROUBLES } from "./plan.ts";
import type { Trouble } from "./plan.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";

/*
 * npm run faults -- [--minutes 5] [--messages 100000] [--seed 7] [--processes 1|2] [--database sqlite|postgres] [--redis yes|no]
 *                   [--helpdesk chatwoot|freshchat|both|inbox] [--kill-every 4] [--own-times] [--json]
 *                   [--history file] [--trouble frozen,slow]
 *
 * Ends when its minutes are over or its messages are acknowledged. Exit code 1 when a promise was broken; `--history` then
 * tells who did and saw what.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    messages: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    processes: { type: "string", default: "1" },
    database: { type: "string", default: "sqlite" },
    redis: { type: "string", default: "no" },
    helpdesk: { type: "string", default: "chatwoot" },
    "kill-every": { type: "string", default: "4" },
    "own-times": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    history: { type: "string" },
    trouble: { type: "string" },
  },
});

function oneOf<const Choice extends string>(name: keyof typeof values, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === values[name]);
  if (found === undefined) throw new Error(`--${name} must be one of ${choices.join(", ")}`);
  return found;
}

function number(name: keyof typeof values, least: number): number {
  const found = Number(values[name]);
  if (!(found >= least)) throw new Error(`--${name} must be a number of at least ${least}`);
  return found;
}

function troublesIn(list: string): readonly Trouble[] {
  return list.split(",").map((name) => {
    const found = TROUBLES.find((trouble) => trouble === name);
    if (found === undefined) throw new Error(`--trouble takes of these, comma-separated: ${TROUBLES.join(", ")}`);
    return found;
  });
}

function optionsOf(): RunOptions {
  const killEveryMs = number("kill-every", 0) * 1_000;
  const database = oneOf("database", ["sqlite", "postgres"]);
  const processes = oneOf("processes", ["1", "2"]) === "2" ? 2 : 1;
  if (processes === 2 && database === "sqlite") throw new Error("two processes need --database postgres");
  return {
    seed: number("seed", 0),
    processes,
    database,
    redis: oneOf("redis", ["yes", "no"]) === "yes",
    helpdesk: oneOf("helpdesk", ["chatwoot", "freshchat", "both", "inbox"]),
    messages: number("messages", 1),
    kills: 0,
    withinMs: number("minutes", 0) * 60_000,
    killEveryMs: killEveryMs === 0 ? null : [killEveryMs / 2, killEveryMs * 1.5],
    troubleEveryMs: [500, 2_500],
    ...(values.trouble !== undefined && { only: troublesIn(values.trouble) }),
    hasty: !values["own-times"],
    conversations: 20,
    tellers: 4,
    leads: 10_000,
    isEnough: () => isEnough,
    say: (line) => console.error(`  ${line}`),
  };
}

let isEnough = false;
// Once: everything is judged and cleared away. A second time ends it at once.
process.once("SIGINT", () => (isEnough = true)).once("SIGTERM", () => (isEnough = true));
let options: RunOptions;
try {
  options = optionsOf();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
const { wrong, figures, history, log } = await run(options);
if (values.history !== undefined) writeFileSync(values.history, JSON.stringify({ ...history, log }, null, 1));
if (values.json) console.log(JSON.stringify({ seed: options.seed, ...figures, violations: wrong }, null, 2));
else {
  console.log(`seed ${options.seed}`);
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(16)}${JSON.stringify(value)}`);
  console.log(wrong.length === 0 ? "no promise was broken" : `${wrong.length} broken promises:\n${wrong.join("\n")}`);
}
process.exit(wrong.length === 0 ? 0 : 1);
