import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const demo = fileURLToPath(new URL("demo.ts", import.meta.url));

async function run(
  temporary: string,
  ...options: string[]
): Promise<{ code: number | null; out: string; faults: string }> {
  const child = spawn(process.execPath, [demo, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  let out = "";
  let faults = "";
  child.stdout.on("data", (part: Buffer) => (out += part.toString()));
  child.stderr.on("data", (part: Buffer) => (faults += part.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, faults };
}

const helpdesks = [
  { options: [], mark: "chatwoot", title: "Chatwoot", agent: "Alex" },
  { options: ["--helpdesk", "freshchat"], mark: "freshchat", title: "FreshChat", agent: "Alex Agent" },
];

test.each(helpdesks)("the demo plays the whole story with $title, says so, and leaves nothing behind", async (desk) => {
  const temporary = mkdtempSync(join(tmpdir(), "baton-demo-test-"));
  const { code, out, faults } = await run(temporary, ...desk.options);
  const left = readdirSync(temporary).filter((name) => name.startsWith("baton-"));
  rmSync(temporary, { recursive: true, force: true });
  expect(faults).toBe("");
  expect(code).toBe(0);
  const lines = out.split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, " "));
  const story = [
    `✓ ${desk.title} is reached, and everything it needs is set`,
    "baton decision live, because open; control: human, epoch 2",
    "shop bot I am connecting you with a person.",
    `${desk.mark} visitor It went to Cluj-Napoca, by the way.`,
    "✓ the agent sees a note with the whole story, and each of Ana's messages once and in order",
    `shop bot ${desk.agent} has joined the chat.`,
    "baton to the bot 409 human_in_control: A person has the conversation",
    "✓ the bot has control again",
    "✓ the private note stayed inside",
    "✓ nothing is owed to anybody",
    "shop bot Our team is away right now and will be back Friday 9:00 AM.",
    "shop fields.email Please enter a valid email address.",
    "shop terms.accepted Please accept the terms and conditions.",
    `✓ the lead stands in ${desk.title}, with its contact`,
    "mail to team@lamps.example",
    "✓ every callback to the bot was signed",
  ];
  // All of them, in this order.
  expect([...new Set(lines.filter((line) => story.includes(line)))]).toEqual(story);
  expect(out).not.toContain("\u001b[");
  expect(left).toEqual([]);
});

test("a helpdesk that nobody knows is named with those that are", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "baton-demo-test-"));
  const { code, faults } = await run(temporary, "--helpdesk", "mailbox");
  rmSync(temporary, { recursive: true, force: true });
  expect(code).toBe(1);
  expect(faults).toContain("chatwoot, freshchat");
});
