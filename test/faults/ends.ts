import type { Desk } from "./desk.ts";
import type { Ends, Heard, Json } from "./record.ts";
import { ask, insist } from "./sides.ts";
import type { Listener } from "./sides.ts";

export interface Sources {
  readonly url: string;
  readonly adminToken: string;
  readonly bots: readonly { readonly token: string; readonly keys: readonly string[]; readonly listener: Listener }[];
  readonly desks: readonly Desk[];
}

const OPEN = new Set(["pending", "acknowledged"]);

/** What every side has now: Baton as it tells the outside, the helpdesks as their people see them, the bots as they heard it. */
export async function gather({ url, adminToken, bots, desks }: Sources): Promise<Ends> {
  const get = async (path: string, token: string): Promise<Json> =>
    (await insist(url + path, { method: "GET", token })).body;
  const pages = async (path: string, token: string, cursor: string | null = null): Promise<Json[]> => {
    const all: Json[] = [];
    for (let next = cursor; ;) {
      const page = await get(`${path}${next === null ? "" : `&cursor=${next}`}`, token);
      all.push(...page["items"]);
      next = page["nextCursor"];
      if (next === null || next === undefined) return all;
    }
  };

  const conversations: Ends["conversations"][number][] = [];
  for (const { token, keys } of bots) {
    for (const key of keys) {
      const found = await ask(`${url}/v1/conversations/${key}`, { method: "GET", token });
      if (found?.status !== 200) continue;
      const messages = await pages(`/v1/conversations/${key}/messages?limit=500`, token);
      conversations.push({
        key,
        control: found.body["control"],
        epoch: found.body["epoch"],
        messages: messages.map((one) => ({ role: one["role"], text: one["text"] })),
      });
    }
  }
  const handoffs: Ends["handoffs"][number][] = [];
  for (const { id } of (await pages("/v1/handoffs?limit=200", adminToken)) as { id: string }[]) {
    const { handoff, events } = await get(`/v1/handoffs/${id}`, adminToken);
    const { status, mode, conversationId: key } = handoff;
    handoffs.push({ id, key, status, mode, events: events as Heard[] });
  }
  const owed: Ends["owed"][number][] = [];
  for (const state of ["waiting", "sending", "dead", "held"])
    for (const one of await pages(`/v1/deliveries?state=${state}&limit=200`, adminToken))
      owed.push({ kind: one["kind"], state, reason: one["lastError"] });
  const leads = await pages("/v1/leads?limit=200", adminToken);
  const inbox = handoffs
    .filter(({ events }) => events.at(-1)?.data["handoff"]?.destination === "inbox")
    .map(({ id, status }) => ({
      desk: "inbox",
      there: id,
      handoffId: id,
      isResolved: !OPEN.has(status),
      lines: [],
    }));
  return {
    standing: [...desks.flatMap((desk) => desk.standing()), ...inbox],
    heard: bots.flatMap(({ listener }) => listener.heard),
    conversations,
    handoffs,
    owed,
    leads: leads.map((lead) => ({
      handoffId: lead["handoffId"],
      email: lead["contact"]?.email,
      hasConsent: Boolean(lead["consent"]?.text && lead["consent"]?.agreedAt),
    })),
    violations: desks.flatMap((desk) => desk.violations()),
    forged: bots.reduce((sum, { listener }) => sum + listener.forged(), 0),
  };
}
