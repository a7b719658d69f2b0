import { expect } from "vitest";
import type { ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { eventually } from "./world.ts";
import type { Answer, Callback, World } from "./world.ts";

/** Steps that many stories share. */

export const ana = { id: "v-5", name: "Ana", email: "ana@example.com" };

/** A request for a person: the visitor's two lines and one of the bot's. `about` goes into the conversation, `more` beside it. */
export const asking = (id: string, about: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  conversation: {
    id,
    locale: "en",
    visitor: ana,
    messages: [
      { id: "m1", role: "visitor", text: "Where is my order?", at: "2026-11-20T09:00:00Z" },
      { id: "m2", role: "bot", text: "Which number does it have?", at: "2026-11-20T09:00:05Z" },
      { id: "m3", role: "visitor", text: "1042. I want a person.", at: "2026-11-20T09:00:30Z" },
    ],
    ...about,
  },
  trigger: "visitor",
  ...more,
});

export async function ask(world: World, id: string, about: Record<string, unknown> = {}): Promise<Answer> {
  const answer = await world.bot.post("/v1/handoffs", asking(id, about));
  expect([200, 201]).toContain(answer.status);
  return answer;
}

/** Asks for a person, and waits until a destination has the handoff; gives its id. */
export async function askedAndOpened(world: World, id: string, about: Record<string, unknown> = {}): Promise<string> {
  const { body } = await ask(world, id, about);
  await opened(world, body.handoff.id);
  return body.handoff.id;
}

export const opened = (world: World, handoffId: string): Promise<Answer["body"]> =>
  eventually(async () => {
    const { body } = await world.bot.get(`/v1/handoffs/${handoffId}`);
    return body.handoff.opened ? body : null;
  });

export const stateOf = async (world: World, id: string): Promise<Answer["body"]> =>
  (await world.bot.get(`/v1/conversations/${id}`)).body;

/** Waits until the conversation looks like this. */
export const becomes = (world: World, id: string, wanted: { control?: string; status?: string; mode?: string }) =>
  eventually(async () => {
    const { control, handoff } = await stateOf(world, id);
    const found: Record<string, unknown> = { control, status: handoff?.status, mode: handoff?.mode };
    return Object.entries(wanted).every(([key, value]) => found[key] === value);
  });

/** Role and text of everything said, in order. */
export const historyOf = async (world: World, id: string): Promise<[string, string][]> =>
  (await world.bot.get(`/v1/conversations/${id}/messages?limit=500`)).body.items.map(
    (one: { role: string; text: string }) => [one.role, one.text],
  );

export const visitorSays = (world: World, id: string, text: string) =>
  world.bot.post(`/v1/conversations/${id}/messages`, { role: "visitor", text });

export const typesHeard = (world: World): string[] => world.callbacks.heard.map((one) => one.type);

export const heard = (world: World, type: string, count = 1): Promise<Callback> =>
  eventually(() => world.callbacks.heard.filter((one) => one.type === type)[count - 1]);

/** What the agent's side shows as the visitor's words. */
export const incoming = (desk: ChatwootSimulator, conversationId: number): (string | null)[] =>
  desk
    .messages(conversationId)
    .filter((one) => one.messageType === "incoming")
    .map((one) => one.content);

export const notes = (desk: ChatwootSimulator, conversationId: number): string =>
  desk
    .messages(conversationId)
    .filter((one) => one.private)
    .map((one) => one.content)
    .join("\n");

export const reply = (desk: ChatwootSimulator, conversationId: number, content: string) =>
  desk.agentReplies(conversationId, { agentId: desk.agentId, content });
