import { z } from "zod";
import type { CloseRequest, Effect } from "../../../src/ports.ts";
import { stepsOf } from "../../steps.ts";
import type { Client } from "../client.ts";
import { HANDOFF_ATTRIBUTE, readConversationIfThere, setStatus } from "../conversation.ts";
import { botOf } from "../desk.ts";
import type { Desk } from "../desk.ts";
import { assigneeOf } from "../mapping.ts";
import { readVersion } from "../read-version.ts";
import type { Conversation } from "../shapes.ts";
import { postBotNotes } from "./open-here.ts";

/**
 * The bot has a conversation again in which it spoke before a person did. `give_back`: whatever its status, it waits for the bot, and
 * nobody is assigned. `let_go`: a person has ended it there, so only the assignment goes, which would keep the bot silent when the
 * visitor comes back; one that a person has opened or snoozed since stays as it is. Repeating it does nothing. Throws DeliveryError.
 */
export async function closeHere(
  desk: Desk,
  request: CloseRequest,
  how: "give_back" | "let_go",
  effect: Effect,
): Promise<void> {
  const { client } = desk;
  const bot = botOf(desk);
  const known = request.ref?.conversationId ?? request.progress["conversationId"];
  // Nothing was begun: the bot still has it.
  if (known === undefined) return;
  const conversation = await readConversationIfThere(client, known);
  if (!conversation) return;
  const holder = conversation.custom_attributes?.[HANDOFF_ATTRIBUTE];
  // A newer handoff has it: ids begin with their time. An older one's mark stays where a person took the conversation by themselves.
  if (typeof holder === "string" && holder > request.handoffId) return;
  if (how === "let_go") {
    if (conversation.status === "resolved") await unassign(bot, conversation);
    else if (conversation.status === "pending") await giveToBot(desk, bot, conversation);
    return;
  }
  if (request.note.trim() !== "") await postBotNotes(desk, known, [request.note], stepsOf(effect));
  // Before nobody is assigned: an open conversation without a person is given to one by automatic assignment.
  if (conversation.status !== "pending") await setStatus(bot, known, "pending");
  await giveToBot(desk, bot, conversation);
}

/** Our bot holds it, which takes it from the person; where that cannot be said, nobody has it. */
async function giveToBot({ client, config }: Desk, bot: Client, conversation: Conversation): Promise<void> {
  if (assigneeOf(conversation.meta) === null && isHeldByBot(conversation)) return;
  const botId = config.agentBotId;
  if (botId === null || !(await readVersion(client)).assignsBots) return unassign(bot, conversation);
  await assign(bot, conversation, { assignee_id: botId, assignee_type: "AgentBot" });
}

const isHeldByBot = ({ meta }: Conversation): boolean =>
  meta?.assignee_type === "AgentBot" && Boolean(meta.assignee?.id);

async function unassign(bot: Client, conversation: Conversation): Promise<void> {
  if (assigneeOf(conversation.meta)) await assign(bot, conversation, { assignee_id: null });
}

async function assign(bot: Client, { id }: Conversation, json: Readonly<Record<string, unknown>>): Promise<void> {
  await bot.call({
    method: "POST",
    path: `/conversations/${id}/assignments`,
    doing: "give the conversation back to the bot",
    json,
    answer: z.unknown(),
  });
}
