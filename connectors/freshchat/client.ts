import type { z } from "zod";
import type { ConnectorDeps, OutgoingFormPart } from "../../src/ports.ts";
import { jsonOf, recordIn } from "../answers.ts";
import { unanswered } from "../failures.ts";
import type { FreshchatConfig } from "./config.ts";
import { heldBack, isRefusedInside, Refusal, refusal } from "./failures.ts";
import { createPace } from "./pace.ts";

/** A page of fifty messages, none of them limited in length as far as is known, is the longest answer there is. */
const LONGEST_ANSWER_BYTES = 32 * 1024 * 1024;

export interface Call<T> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** Below `/v2`, with the query, such as `/channels?page=2`. */
  readonly path: string;
  /** What is done, for an error's message: "read the conversation". */
  readonly doing: string;
  readonly json?: unknown;
  readonly form?: readonly OutgoingFormPart[];
  /** The answer that proves success; null where FreshChat answers nothing of use. */
  readonly answer: z.ZodType<T> | null;
  readonly timeoutMs?: number;
}

/**
 * Calls to one account. Every method throws DeliveryError: a Refusal when FreshChat answered. Writes may be answered with 200, 201
 * or 202 alike (sheet 1.3). After a 429, and where an answer says that nothing is left of the limit, calls fail as
 * `rate_limited` without being sent, until the time named.
 */
export interface Client {
  call<T>(call: Call<T>): Promise<T>;
  /** As `call`, but null when FreshChat answers with one of `statuses`. */
  tryCall<T>(call: Call<T>, statuses: readonly number[]): Promise<T | null>;
}

export function createClient(
  config: FreshchatConfig,
  { outgoing, clock, quiet }: Pick<ConnectorDeps, "outgoing" | "clock" | "quiet">,
): Client {
  const pace = createPace(clock, quiet);

  async function call<T>(request: Call<T>): Promise<T> {
    const about = { doing: request.doing, isWrite: request.method !== "GET" };
    const seconds = pace.secondsLeft();
    if (seconds > 0) throw heldBack(request.doing, seconds);
    const response = await outgoing
      .request({
        method: request.method,
        url: `${config.baseUrl}/v2${request.path}`,
        headers: { Authorization: `Bearer ${config.apiToken}`, Accept: "application/json" },
        maxBytes: LONGEST_ANSWER_BYTES,
        ...(request.json === undefined ? {} : { json: request.json }),
        ...(request.form === undefined ? {} : { form: request.form }),
        ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
      })
      .catch((error: unknown) => {
        throw unanswered("FreshChat", error, about);
      });
    pace.heed(response);
    if (response.status < 200 || response.status > 299) throw refusal(response, about, clock());
    const body = jsonOf(response);
    if (isRefusedInside(body)) throw refusal(response, about, clock());
    return recordIn("FreshChat", response, { answer: request.answer, about, body });
  }

  return {
    call,
    async tryCall(request, statuses) {
      try {
        return await call(request);
      } catch (error) {
        if (error instanceof Refusal && statuses.includes(error.status)) return null;
        throw error;
      }
    },
  };
}
