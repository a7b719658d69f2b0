import { startFreshchat } from "../simulators/freshchat/index.ts";
import type { FreshchatOptions, FreshchatSimulator } from "../simulators/freshchat/index.ts";
import { eventually, startWorld } from "./world.ts";
import type { Answer, World } from "./world.ts";

/** Steps that the FreshChat stories share. */

export interface FreshchatWorld extends World {
  readonly freshchat: FreshchatSimulator;
  readonly connectionId: string;
}

/** Baton beside a FreshChat account that its first bot hands over to; webhooks are pasted as an admin does it. */
export async function startFreshchatWorld(
  options: {
    account?: Partial<FreshchatOptions>;
    config?: Record<string, unknown>;
    settings?: Record<string, unknown>;
    world?: Parameters<typeof startWorld>[0];
  } = {},
): Promise<FreshchatWorld> {
  const world = await startWorld(options.world);
  const freshchat = await startFreshchat({ clock: () => world.clock(), ...options.account });
  const connectionId = await connect(world, freshchat, options.config);
  await world.settings({ destinations: [{ id: connectionId }], ...options.settings });
  // The getters of the world stay getters: the program behind them changes with a restart.
  const both = Object.create(world, {
    freshchat: { value: freshchat },
    connectionId: { value: connectionId },
    stop: {
      async value() {
        await world.stop();
        await freshchat.stop();
      },
    },
  }) as FreshchatWorld;
  return both;
}

export async function connect(
  world: World,
  freshchat: FreshchatSimulator,
  config: Record<string, unknown> = {},
): Promise<string> {
  const made = await world.admin.post("/v1/connections", {
    type: "freshchat",
    name: "FreshChat",
    config: {
      baseUrl: freshchat.url,
      apiToken: freshchat.apiToken,
      webhookPublicKey: freshchat.publicKeyAsShown,
      channelId: freshchat.channelId,
      groupId: freshchat.groupId,
      ...config,
    },
  });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  freshchat.setWebhookUrl(made.body.webhookUrl);
  return made.body.id;
}

type Part = { text?: { content: string }; image?: { url: string }; file?: { name?: string; url?: string } };

const textOf = (parts: readonly unknown[]): string =>
  (parts as Part[]).flatMap((part) => (part.text ? [part.text.content] : [])).join("\n");

/** The conversations that Baton made, oldest first. */
export const ours = (desk: FreshchatSimulator): readonly string[] =>
  desk
    .conversations()
    .filter((one) => one.madeBy === "api")
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    .map((one) => one.id);

/** What the agent's side shows as the visitor's words. */
export const incoming = (desk: FreshchatSimulator, conversationId: string): string[] =>
  desk
    .messages(conversationId)
    .filter((one) => one.actor.type === "user")
    .map((one) => textOf(one.parts));

export const notes = (desk: FreshchatSimulator, conversationId: string): string =>
  desk
    .messages(conversationId)
    .filter((one) => one.messageType === "private")
    .map((one) => textOf(one.parts))
    .join("\n");

/** Image and file parts of the visitor's messages. */
export const filesIn = (desk: FreshchatSimulator, conversationId: string): Part[] =>
  desk
    .messages(conversationId)
    .filter((one) => one.actor.type === "user")
    .flatMap((one) => one.parts as Part[])
    .filter((part) => part.image !== undefined || part.file !== undefined);

export const owed = async (world: World): Promise<Answer["body"][]> => {
  const { body } = await world.admin.get("/v1/deliveries?limit=200");
  return body.items.filter(({ state }: { state: string }) => state !== "done" && state !== "held");
};

export const nothingOwed = (world: World) => eventually(async () => (await owed(world)).length === 0);

/** Every webhook so far has been sent, and worked on. */
export const quiet = async (world: FreshchatWorld): Promise<void> => {
  await world.freshchat.settled();
  const waiting = () => world.baton.store.read.waitingWebhooks(new Date(8.64e15), 1);
  await eventually(async () => (await waiting()).length === 0);
};

/** Looks of Baton's own accord until `is` holds: time passes, and no webhook is needed. */
export const inTime = (world: World, is: () => Promise<boolean> | boolean, step = 5_000) =>
  eventually(() => {
    world.advance(step);
    return is();
  });

export const isCreation = (method: string, path: string): boolean =>
  method === "POST" && path.endsWith("/conversations");
export const isMessage = (method: string, path: string): boolean => method === "POST" && path.endsWith("/messages");
export const isList = (method: string, path: string): boolean => method === "GET" && path.endsWith("/messages");
