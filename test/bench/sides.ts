/** What the relay needs to know of a helpdesk's simulator, a process of its own driven over HTTP. */
export interface Side {
  readonly name: string;
  /** Relative to this folder. */
  readonly program: string;
  /** How Baton is connected to it. */
  connection(about: Readonly<Record<string, unknown>>): { type: string; config: Record<string, unknown> };
  /** Conversations there by the handoff that they stand for. */
  byHandoff(control: Control, handoffIds: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>;
  reply(
    control: Control,
    about: Readonly<Record<string, unknown>>,
    conversationId: string,
    text: string,
  ): Promise<void>;
  /** When a visitor's message with these words came in, in milliseconds; null when it has not. */
  arrivedAt(control: Control, conversationId: string, text: string): Promise<number | null>;
}

export type Control = <Result>(name: string, ...given: readonly unknown[]) => Promise<Result>;

export function controlOf(url: string): Control {
  return async <Result>(name: string, ...given: readonly unknown[]): Promise<Result> => {
    const answer = await fetch(`${url}/__control/${name}`, { method: "POST", body: JSON.stringify({ args: given }) });
    const { result, error } = (await answer.json()) as { result: Result; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  };
}

export const chatwoot: Side = {
  name: "Chatwoot",
  program: "../simulators/chatwoot/serve.ts",
  connection: ({ url: baseUrl, accountId, inboxId, apiAccessToken, webhookSecret }) => ({
    type: "chatwoot",
    config: { baseUrl, accountId, inboxId, apiAccessToken, webhookSecret },
  }),
  async byHandoff(control, handoffIds) {
    const all = await control<{ id: number; customAttributes: Record<string, unknown> }[]>("conversations");
    return new Map(
      all.flatMap(({ id, customAttributes }) => {
        const handoffId = Object.values(customAttributes)
          .filter((value) => typeof value === "string")
          .find((value) => handoffIds.has(value));
        return handoffId === undefined ? [] : [[handoffId, String(id)] as const];
      }),
    );
  },
  async reply(control, { agentId }, conversationId, content) {
    await control("agentReplies", Number(conversationId), { agentId, content });
  },
  async arrivedAt(control, conversationId, text) {
    const messages = await control<{ content: string; createdAt: string }[]>("messages", Number(conversationId));
    const found = messages.find((message) => message.content === text);
    return found === undefined ? null : Date.parse(found.createdAt);
  },
};

interface FreshchatMessage {
  readonly messageType: string | null;
  readonly createdAt: string;
  readonly parts: readonly { text?: { content: string } }[];
}

const textOf = ({ parts }: FreshchatMessage): string => parts.map((part) => part.text?.content ?? "").join("\n");

export const freshchat: Side = {
  name: "FreshChat",
  program: "../simulators/freshchat/serve.ts",
  connection: ({ url: baseUrl, apiToken, channelId, groupId, publicKeyAsShown: webhookPublicKey }) => ({
    type: "freshchat",
    config: { baseUrl, apiToken, channelId, groupId, webhookPublicKey },
  }),
  async byHandoff(control, handoffIds) {
    const all = await control<{ id: string; madeBy: string }[]>("conversations");
    const found = new Map<string, string>();
    for (const { id } of all.filter(({ madeBy }) => madeBy === "api")) {
      const notes = (await control<FreshchatMessage[]>("messages", id)).filter((one) => one.messageType === "private");
      const words = notes.map(textOf).join("\n");
      for (const handoffId of handoffIds) if (words.includes(handoffId)) found.set(handoffId, id);
    }
    return found;
  },
  async reply(control, { agentId }, conversationId, content) {
    await control("agentReplies", conversationId, { agentId, content });
  },
  async arrivedAt(control, conversationId, text) {
    const found = (await control<FreshchatMessage[]>("messages", conversationId)).find((one) => textOf(one) === text);
    return found === undefined ? null : Date.parse(found.createdAt);
  },
};
