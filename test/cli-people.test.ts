import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { runCommand } from "../src/cli/program.ts";
import { botSecretContext } from "../src/secrets/contexts.ts";
import { deriveKeys } from "../src/secrets/keys.ts";
import { createSealer } from "../src/secrets/sealing.ts";
import { openSqliteStore } from "../src/storage/sqlite-store.ts";
import { bot, consent, conversation, handoff, lead, message } from "./contracts/store-samples.ts";
import { readCsv } from "./http/csv-reader.ts";

const SECRET = "Zk3vQ9xT1mB7cN5pR8wL2yH6jD4sF0aGuE";
const botId = "bot_a";

/** The commands run in this process, on a data directory of their own: no server runs. */
interface House {
  readonly directory: string;
  readonly workspaceId: string;
  /** What the command printed, as JSON. */
  json(...args: string[]): Promise<ReturnType<typeof JSON.parse>>;
  run(...args: string[]): Promise<{ code: number; out: string; err: string }>;
  file(name: string): string;
}

async function house(): Promise<House> {
  const directory = mkdtempSync(join(tmpdir(), "baton-cli-people-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const env = { DATA_DIR: join(directory, "data"), LOG_LEVEL: "silent", BATON_SECRET: SECRET };
  const run = async (...args: string[]) => {
    const told: string[] = [];
    const faults: string[] = [];
    const code = await runCommand(args, {
      env,
      input: Readable.from([]),
      out: (text) => told.push(text),
      fault: (text) => faults.push(text),
    });
    return { code, out: told.join("\n"), err: faults.join("\n") };
  };
  const json = async (...args: string[]) => {
    const { code, out, err } = await run(...args, "--json");
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  };
  const made = await json("workspace", "create", "Lamp Shop");
  return {
    directory,
    workspaceId: made.workspace.id,

    json,
    run,
    file: (name) => join(directory, name),
  };
}

/** Ana left her details, and her handoff has ended. */
async function leave({ directory, workspaceId }: House): Promise<void> {
  const store = await openSqliteStore(join(directory, "data", "baton.db"));
  const sealedSecret = createSealer(deriveKeys([SECRET]).sealing).seal("whsec_a", botSecretContext(workspaceId, botId));
  await store.write(async (tx) => {
    await tx.createBot(bot(workspaceId, botId, { sealedSecret }));
    await tx.createConversation(conversation(workspaceId, "cnv_a", { botId, lastMessageSeq: 1 }));
    await tx.addMessages(workspaceId, [message("cnv_a", 1, { text: "Where is my canary?" })]);
    const ended = { botId, status: "resolved", endedAt: new Date() } as const;
    await tx.createHandoff(handoff(workspaceId, "cnv_a", "hnd_a", ended));
    await tx.createLead(lead(workspaceId, { conversationId: "cnv_a", handoffId: "hnd_a" }, "led_a", { botId }));
    await tx.addConsent(workspaceId, "led_a", consent());
  });
  await store.close();
}

describe("on the command line", () => {
  test("leads are exported into a new file, for its owner alone", async () => {
    const shop = await house();
    await leave(shop);
    const file = shop.file("leads.csv");
    expect(await shop.run("leads", "export", file, "--search", "ana")).toMatchObject({ code: 0, err: "" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [head, row] = readCsv(readFileSync(file, "utf8").slice(1));
    expect([head?.[0], row?.[0], row?.[7]]).toEqual(["id", "led_a", "ana@example.com"]);
    expect(await shop.run("leads", "export", file)).toMatchObject({
      code: 1,
      err: `baton: ${file} exists already: name a new file.`,
    });
    const wrong = await shop.run("leads", "export", shop.file("b.csv"), "--from", "yesterday");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("from")]);
    expect(existsSync(shop.file("b.csv"))).toBe(false);
  });

  test("a person is exported and erased, and the audit log says by whom", async () => {
    const shop = await house();
    await leave(shop);
    expect(await shop.run("people", "erase")).toMatchObject({
      code: 1,
      err: "baton: Say who: --email, --phone or --visitor-id.",
    });
    const file = shop.file("ana.json");
    await shop.json("people", "export", file, "--email", "ANA@example.com");
    expect(JSON.parse(readFileSync(file, "utf8")).conversations[0].messages[0].text).toBe("Where is my canary?");
    const erased = await shop.run("people", "erase", "--visitor-id", "v-5", "--bot", botId);
    expect(erased.code).toBe(0);
    expect(erased.out).toMatch(
      /^Erased, on record as era_\w+: 1 conversations, 1 messages, 1 handoffs, 1 leads, 1 consents\.$/m,
    );
    expect(erased.out).toContain("Backups from before hold the person.");
    expect(readFileSync(join(shop.directory, "data", "baton.db")).includes("canary")).toBe(false);
    const audit = await shop.json("audit", "list", "--action", "person.erased");
    expect(audit).toMatchObject([{ actor: { kind: "token", name: "Command line" } }]);
    expect((await shop.run("audit", "list")).out).toMatch(/AT +WHO +ACTION/);
  });

  test("a restore brings nobody back who was erased since the backup", async () => {
    const shop = await house();
    await leave(shop);
    const backup = shop.file("kept.db");
    await shop.json("backup", backup);
    await shop.json("people", "erase", "--email", "ana@example.com");
    const records = await shop.json("people", "erasures");
    expect(records).toHaveLength(1);

    const restored = await shop.json("restore", backup);
    expect(restored.erased).toBe(1);
    expect(readFileSync(join(shop.directory, "data", "baton.db")).includes("canary")).toBe(false);
    expect(await shop.json("people", "erasures")).toEqual(records);
    expect(existsSync(join(shop.directory, "data", "erasures-to-reapply.json"))).toBe(false);
  });

  test("records that were kept elsewhere are applied by a command", async () => {
    const shop = await house();
    await leave(shop);
    const backup = shop.file("kept.db");
    await shop.json("backup", backup);
    await shop.json("people", "erase", "--email", "ana@example.com");
    const records = shop.file("erasures.json");
    writeFileSync(records, JSON.stringify(await shop.json("people", "erasures")));
    // The store is lost, and with it the records in it.
    for (const name of ["baton.db", "baton.db-wal", "baton.db-shm"])
      rmSync(join(shop.directory, "data", name), { force: true });
    expect((await shop.json("restore", backup)).erased).toBe(0);
    expect(await shop.json("people", "reapply-erasures", "--from", records)).toEqual({ conversations: 1 });
    expect(await shop.json("people", "reapply-erasures")).toEqual({ conversations: 0 });
    expect(await shop.run("people", "reapply-erasures", "--from", backup)).toMatchObject({ code: 1 });
  });
});
