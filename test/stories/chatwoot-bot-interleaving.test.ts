import { array, assert, asyncProperty, constantFrom, integer } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Message } from "../simulators/chatwoot/index.ts";
import { startInside } from "./bot-inside.ts";
import type { Inside } from "./bot-inside.ts";
import { historyOf, reply } from "./steps.ts";

/** Visitor, bot and team in one conversation of Chatwoot, in any order, with webhooks doubled, shuffled and lost, and Baton killed. */
let inside: Inside;
let runs = 0;
beforeAll(async () => {
  inside = await startInside();
  // Else what comes while Baton is away is opened by Chatwoot itself.
  inside.desk.setKeepPendingOnBotFailure(true);
  // Who says "person" gets one; anybody else an answer with their words.
  inside.bot.answers(({ says }) =>
    says.some((text) => text.includes("person"))
      ? { messages: [{ text: "bot: one moment" }], handoff: true }
      : { messages: [{ text: `bot: ${says.join(" | ")}` }] },
  );
});
afterAll(() => inside.stop());

const steps = [
  "writes",
  "writes",
  "asks",
  "reply",
  "assign",
  "unassign",
  "open",
  "resolve",
  "pending",
  "snooze",
  "bot_resolves",
  "calm",
] as const;
type Step = (typeof steps)[number];

interface Run {
  readonly id: number;
  readonly written: string[];
  readonly trouble: string;
}

async function perform(step: Step, { id, written }: Run): Promise<void> {
  const { desk, world } = inside;
  const write = (words: string) => {
    const text = `${words} ${written.length}`;
    written.push(text);
    desk.visitorAnswers(id, text);
  };
  if (step === "writes") write("words");
  else if (step === "asks") write("person");
  else if (step === "reply") reply(desk, id, `agent ${desk.messages(id).length}`);
  else if (step === "assign") desk.assign(id, desk.agentId);
  else if (step === "unassign") desk.assign(id, null);
  else if (step === "open") desk.reopen(id, desk.agentId);
  else if (step === "resolve") desk.resolve(id, desk.agentId);
  else if (step === "pending") desk.setStatus(id, "pending");
  else if (step === "snooze") desk.snooze(id, null, desk.agentId);
  else if (step === "calm") await inside.calm();
  else {
    const handoffId = (await inside.state(id)).handoff?.id;
    if (handoffId) await world.bot.post(`/v1/handoffs/${handoffId}/resolve`);
  }
}

const isByBot = ({ sender, private: isNote }: Message): boolean => sender?.type === "AgentBot" && !isNote;
const isByAgent = ({ sender, private: isNote }: Message): boolean => sender?.type === "User" && !isNote;

/** Everything that must not stand in Chatwoot, read in its own order. */
function faultsIn(messages: readonly Message[]): string[] {
  const faults: string[] = [];
  let hasSpoken = false;
  const said = messages.filter(isByBot).map((one) => one.content ?? "");
  for (const message of messages) {
    if (isByAgent(message)) hasSpoken = true;
    // Resolved or set back: the bot has the word again.
    if (message.messageType === "activity" && /resolved|set to pending/.test(message.content ?? "")) hasSpoken = false;
    if (isByBot(message) && hasSpoken) faults.push(`after a person's words: ${message.content}`);
  }
  const answers = said.filter((text) => text.startsWith("bot: words"));
  if (new Set(answers).size !== answers.length) faults.push(`said twice: ${answers.join(", ")}`);
  return faults;
}

/** A person was in it after the visitor's words: opened, assigned, answered, resolved or put off. */
function stoodWithPerson(messages: readonly Message[], text: string): boolean {
  const at = messages.findIndex((one) => one.content === text);
  const hadIt = messages.slice(0, at).findLast(({ content }) => /reopened|resolved|set to/.test(content ?? ""));
  if (/reopened|snoozed/.test(hadIt?.content ?? "")) return true;
  return messages
    .slice(at + 1)
    .some((one) => isByAgent(one) || /reopened|resolved|snoozed|set to|Assigned/.test(activityOf(one)));
}
const activityOf = ({ messageType, content }: Message): string => (messageType === "activity" ? (content ?? "") : "");

/** Everything that is not as it should be once all is calm and the visitor's words were the last. */
async function judge({ id, written, trouble }: Run): Promise<string[]> {
  const { desk, world } = inside;
  const messages = desk.messages(id);
  const { status, assigneeId } = desk.conversation(id);
  const { control } = await inside.state(id);
  // The team had it before Baton looked for the first time, and has it still.
  if (control === undefined) return status === "open" && !messages.some(isByBot) ? [] : ["nobody's"];
  const faults = faultsIn(messages);
  const asked = inside.bot.turns.filter((turn) => turn.conversationId === inside.keyOf(id));
  // Who was killed while asking asks again, by the same id.
  const told = [...new Map(asked.map((turn) => [turn.id, turn])).values()].flatMap((turn) => turn.says);
  if (trouble !== "killed" && told.length !== inside.told(id).length) faults.push("a question was asked again");
  for (const text of written) {
    const count = told.filter((one) => one === text).length;
    if (count > 1) faults.push(`${text}: told ${count} times`);
    if (count === 0 && !stoodWithPerson(messages, text)) faults.push(`${text}: told to nobody`);
  }
  const history = (await historyOf(world, inside.keyOf(id))).filter(([role]) => role === "visitor");
  if (history.map(([, text]) => text).join() !== written.join()) faults.push(`kept: ${history.join(" ")}`);
  const stands = `${status} ${control} ${status === "pending" ? (assigneeId ?? "nobody") : ""}`.trim();
  if (!["open human", "pending bot nobody"].includes(stands)) faults.push(`stands as ${stands}`);
  return faults;
}

const pictureOf = async ({ id }: Run) => ({
  state: await inside.state(id),
  told: inside.told(id),
  messages: inside.desk
    .messages(id)
    .map((one) => `${one.sender?.type ?? one.messageType}${one.private ? " note" : ""}: ${one.content}`),
});

test("whatever happens, each word reaches bot or team, the bot keeps silent after a person, and both sides agree", async () => {
  const { desk, world } = inside;
  const groups = array(array(constantFrom(...steps), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 });
  const troubles = constantFrom("none", "doubled", "shuffled", "lost", "killed");
  await assert(
    asyncProperty(groups, troubles, integer(), async (given, trouble, seed) => {
      runs += 1;
      const { conversationId: id } = desk.visitorWrites(inside.inboxId, { text: "words 0", visitor: `v${runs}` });
      const run = { id, written: ["words 0"], trouble };
      if (trouble === "doubled") desk.trouble.duplicateWebhooks(true);
      if (trouble === "shuffled") desk.trouble.reorderWebhooks(seed);
      if (trouble === "lost") desk.trouble.dropWebhooks(4);
      for (const group of given) {
        await Promise.all(group.map((step) => perform(step, run)));
        if (trouble === "killed") await world.restart(0);
        await desk.settled();
      }
      desk.trouble.reset();
      // Leases of what was cut off run out, and Chatwoot may still be at it until then.
      if (trouble === "killed") world.advance(20_000);
      await inside.calm();
      // What was lost is found within a minute, or told with the visitor's next words.
      await perform("writes", run);
      for (let passed = 0; passed < 2; passed += 1) {
        world.advance(56_000);
        await inside.calm();
      }
      const faults = await judge(run);
      expect({ faults, of: faults.length > 0 && (await pictureOf(run)) }).toEqual({ faults: [], of: false });
    }),
    { numRuns: Number(process.env["RUNS"] ?? 8) },
  );
  desk.assertNoViolations();
}, 120_000);
