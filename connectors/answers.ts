import type { z } from "zod";
import type { OutgoingResponse } from "../src/ports.ts";
import { notTheHelpdesk } from "./failures.ts";
import type { Doing } from "./failures.ts";

/** An answer's JSON; undefined when it is something else, such as a proxy's page. */
export function jsonOf(response: OutgoingResponse): unknown {
  try {
    return response.json();
  } catch {
    return undefined;
  }
}

/**
 * The record that proves a helpdesk's success. An empty answer fits no record; where none is asked for (`answer` is null), a page of
 * HTML is still not the helpdesk's. Throws DeliveryError.
 *
 * @param body the answer's JSON, where it was read already
 */
export function recordIn<T>(
  helpdesk: string,
  response: OutgoingResponse,
  { answer, about, body = jsonOf(response) }: { answer: z.ZodType<T> | null; about: Doing; body?: unknown },
): T {
  if (answer === null) {
    if (/^\s*</.test(response.text().slice(0, 200))) throw notTheHelpdesk(helpdesk, about);
    return undefined as T;
  }
  const parsed = answer.safeParse(body);
  if (!parsed.success) throw notTheHelpdesk(helpdesk, about);
  return parsed.data;
}
