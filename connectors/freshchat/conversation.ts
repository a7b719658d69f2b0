import { z } from "zod";
import type { Call } from "./client.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { Conversation, Id } from "./shapes.ts";

/** A conversation by both of its ids. Paths take the text; one account was seen that wants the number (sheet 1.8). */
export interface Spot {
  readonly id: string;
  readonly otherId: string | null;
}

export const isResolved = ({ status }: Conversation): boolean => status?.toLowerCase() === "resolved";

/** Where agents find it; only what is a web address. */
export const urlOf = ({ url }: Conversation): string | null =>
  url && /^https?:\/\//i.test(url) && URL.canParse(url) ? url : null;

/** A call about one conversation, by its id, and by its number when FreshChat does not know the id. Throws DeliveryError. */
export async function callAt<T>(
  { client }: Pick<Desk, "client">,
  { id, otherId }: Spot,
  { path, ...call }: Omit<Call<T>, "path"> & { readonly path: string },
): Promise<T> {
  const at = (one: string): Promise<T> =>
    client.call({ ...call, path: `/conversations/${encodeURIComponent(one)}${path}` });
  try {
    return await at(id);
  } catch (error) {
    const isUnknown = error instanceof Refusal && error.status === 404;
    if (!isUnknown || otherId === null || otherId === id) throw error;
    return await at(otherId);
  }
}

export const readConversation = (desk: Pick<Desk, "client">, spot: Spot): Promise<Conversation> =>
  callAt(desk, spot, { method: "GET", path: "", doing: "read the conversation", answer: Conversation });

/** As `readConversation`, but null when there is none. */
export async function readConversationIfThere(desk: Pick<Desk, "client">, spot: Spot): Promise<Conversation | null> {
  try {
    return await readConversation(desk, spot);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** What can be changed of a conversation. `assigned` needs an agent (sheet 1.8). */
export type Change =
  | { readonly status: "new"; readonly assigned_group_id?: string }
  | { readonly status: "assigned"; readonly assigned_agent_id: string }
  | { readonly status: "resolved" };

export const changeConversation = (
  desk: Pick<Desk, "client">,
  spot: Spot,
  doing: string,
  change: Change,
): Promise<unknown> => callAt(desk, spot, { method: "PUT", path: "", doing, json: change, answer: null });

const Listed = z.looseObject({
  conversations: z.array(
    z.looseObject({ id: Id.nullish().catch(null), conversation_id: Id.nullish().catch(null) }).catch({}),
  ),
});

/** How many ids are kept of each end of a user's list. */
const IDS_OF_AN_END = 100;

/**
 * The ids of the user's conversations: both ends of the list where it is long, since nothing says which end is the newest. Null when
 * the user is gone. Throws DeliveryError.
 */
export async function conversationsOf({ client }: Pick<Desk, "client">, userId: string): Promise<string[] | null> {
  const answer = await client.tryCall(
    {
      method: "GET",
      path: `/users/${encodeURIComponent(userId)}/conversations`,
      doing: "list the visitor's conversations",
      answer: Listed,
    },
    [404],
  );
  if (answer === null) return null;
  return endsOf(
    answer.conversations.flatMap(({ id, conversation_id }) => id ?? conversation_id ?? []),
    IDS_OF_AN_END,
  );
}

export const endsOf = (ids: readonly string[], each: number): string[] =>
  ids.length <= 2 * each ? [...ids] : [...ids.slice(0, each), ...ids.slice(-each)];
