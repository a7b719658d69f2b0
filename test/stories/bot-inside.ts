import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { stateOf } from "./steps.ts";
import { botInside, startTurnBot } from "./turn-bot.ts";
import type { TurnBot } from "./turn-bot.ts";
import { eventually, startWorld } from "./world.ts";
import type { Answer, World } from "./world.ts";

/** Patient: the machine may be busy with other things. */
const PATIENT_MS = 20_000;

/** A world with a bot inside an inbox of its Chatwoot, and what stories about it ask of it. */
export interface Inside {
  readonly world: World;
  readonly desk: ChatwootSimulator;
  readonly bot: TurnBot;
  readonly inboxId: number;
  readonly connectionId: string;
  /** The bot's name of a conversation. */
  keyOf(conversationId: number): string;
  state(conversationId: number): Promise<Answer["body"]>;
  /** What the visitor sees, `by: text`. */
  seen(conversationId: number): string[];
  sees(conversationId: number, text: string): Promise<unknown>;
  becomes(conversationId: number, wanted: { control?: string; status?: string; mode?: string }): Promise<unknown>;
  status(conversationId: number): string;
  /** Everything that the bot was asked about one conversation, in order. */
  told(conversationId: number): string[];
  /** No webhook is under way, and nothing is owed any more but callbacks. */
  calm(): Promise<void>;
  stop(): Promise<void>;
}

export async function startInside(
  options: Parameters<typeof startWorld>[0] & { inbox?: "website" | "whatsapp" } = {},
): Promise<Inside> {
  const world = await startWorld({ ...options, chatwoot: { botRetryMs: 50, ...options.chatwoot } });
  const desk = world.chatwoot;
  desk.setAvailability(desk.agentId, "online");
  const bot = await startTurnBot(
    () => world.first.botSigningSecret,
    () => world.clock(),
  );
  await world.admin.patch(`/v1/bots/${world.first.botId}`, { messageUrl: bot.url });
  const inboxId = options.inbox === "whatsapp" ? desk.addWhatsAppInbox() : desk.addWebsiteInbox();
  const connectionId = await botInside(world, desk, inboxId);
  const keyOf = (conversationId: number) => `${connectionId}:${conversationId}`;
  const state = (conversationId: number) => stateOf(world, keyOf(conversationId));
  const seen = (conversationId: number) => desk.visitorSees(conversationId).map((line) => `${line.by}: ${line.text}`);
  return {
    world,
    desk,
    bot,
    inboxId,
    connectionId,
    keyOf,
    state,
    seen,
    sees: (id, text) => eventually(() => seen(id).some((line) => line.includes(text)), PATIENT_MS),
    becomes: (id, wanted) =>
      eventually(async () => {
        const { control, handoff } = await state(id);
        const found: Record<string, unknown> = { control, status: handoff?.status, mode: handoff?.mode };
        return Object.entries(wanted).every(([name, value]) => found[name] === value);
      }, PATIENT_MS),
    status: (id) => desk.conversation(id).status,
    told: (id) => bot.turns.filter((turn) => turn.conversationId === keyOf(id)).flatMap((turn) => turn.says),
    async calm() {
      let quiet = 0;
      await eventually(async () => {
        await desk.settled();
        const { lanes, looks, webhooks } = world.baton.jobs.figures();
        const running = [lanes, looks, webhooks].some((one) => one.running + one.waiting > 0);
        quiet = running || (await owes(world)) ? 0 : quiet + 1;
        return quiet >= 3;
      }, PATIENT_MS);
    },
    async stop() {
      await bot.stop();
      await world.stop();
    },
  };
}

/** Whether anything is owed but what waits for a bot to speak by itself. */
async function owes(world: World): Promise<boolean> {
  const { body } = await world.admin.get("/v1/deliveries?limit=100");
  return body.items.some(
    (one: { state: string; kind: string }) => ["waiting", "sending"].includes(one.state) && one.kind !== "bot_wait",
  );
}
