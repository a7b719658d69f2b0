import { z } from "zod";
import type { Choices } from "../../src/ports.ts";
import type { Desk } from "./desk.ts";
import { Inbox, wrapped } from "./shapes.ts";

/** The account's API inboxes, and those of other kinds as ones that cannot serve. Throws DeliveryError. */
export async function listChoices({ client }: Desk): Promise<Choices> {
  const { payload } = await client.call({
    method: "GET",
    path: "/inboxes",
    doing: "list the inboxes",
    answer: wrapped(z.array(Inbox)),
  });
  const inboxId = payload.map(({ id, name, channel_type: kind }) => ({
    value: String(id),
    label: name ?? `Inbox ${id}`,
    usable: kind === "Channel::Api",
  }));
  return { inboxId };
}
