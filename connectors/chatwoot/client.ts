import type { z } from "zod";
import type { ConnectorDeps, OutgoingFormPart, OutgoingResponse } from "../../src/ports.ts";
import { recordIn } from "../answers.ts";
import { unanswered } from "../failures.ts";
import type { ChatwootConfig } from "./config.ts";
import { Refusal, refusal } from "./failures.ts";
import { accountOf } from "./place.ts";

/** A page of messages, each of them up to 150,000 characters, is the longest answer there is. */
const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Call<T> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the account, such as `/conversations/17`. */
  readonly path: string;
  /** What is done, for an error's message: "read the conversation". */
  readonly doing: string;
  readonly json?: unknown;
  readonly form?: readonly OutgoingFormPart[];
  /** The answer that proves success; null where Chatwoot answers nothing of use. */
  readonly answer: z.ZodType<T> | null;
  /** A POST that changes nothing. */
  readonly isRead?: boolean;
  readonly timeoutMs?: number;
  /** Sees the answer as it came, whatever it is: its headers tell of clocks and proxies. */
  readonly seen?: (response: OutgoingResponse) => void;
}

/**
 * Calls to one account. Every method throws DeliveryError: a Refusal when Chatwoot answered, `credentials` while no account is known.
 *
 * The header is `Api-Access-Token`: with underscores, nginx drops it. No `Authorization` header goes along, since releases to
 * come prefer it (contract sheet 8.1).
 */
export interface Client {
  call<T>(call: Call<T>): Promise<T>;
  /** As `call`, but null when Chatwoot answers with one of `statuses`. */
  tryCall<T>(call: Call<T>, statuses: readonly number[]): Promise<T | null>;
  /** As `call`, for a path below the installation instead of the account. */
  callRoot<T>(call: Call<T>): Promise<T>;
}

export function createClient(
  config: ChatwootConfig,
  { outgoing, clock }: Pick<ConnectorDeps, "outgoing" | "clock">,
): Client {
  return clientWith({ token: config.apiAccessToken, whose: "user" }, config, { outgoing, clock });
}

/** As {@link createClient}, with the token of Baton's agent bot, which may do little (sheet 8.2); null while none is known. */
export function createBotClient(
  config: ChatwootConfig,
  { outgoing, clock }: Pick<ConnectorDeps, "outgoing" | "clock">,
): Client | null {
  const { agentBotToken: token } = config;
  return token === null ? null : clientWith({ token, whose: "bot" }, config, { outgoing, clock });
}

function clientWith(
  { token, whose }: { readonly token: string; readonly whose: "user" | "bot" },
  config: ChatwootConfig,
  { outgoing, clock }: Pick<ConnectorDeps, "outgoing" | "clock">,
): Client {
  async function callRoot<T>(call: Call<T>): Promise<T> {
    const about = { doing: call.doing, isWrite: call.method !== "GET" && call.isRead !== true };
    const response = await outgoing
      .request({
        method: call.method,
        url: config.baseUrl + call.path,
        headers: { "Api-Access-Token": token, Accept: "application/json" },
        maxBytes: LONGEST_ANSWER_BYTES,
        ...(call.json === undefined ? {} : { json: call.json }),
        ...(call.form === undefined ? {} : { form: call.form }),
        ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
      })
      .catch((error: unknown) => {
        throw unanswered("Chatwoot", error, about);
      });
    call.seen?.(response);
    if (response.status < 200 || response.status > 299) throw refusal(response, { ...about, whose }, clock());
    return recordIn("Chatwoot", response, { answer: call.answer, about });
  }

  const call = async <T>(request: Call<T>): Promise<T> =>
    await callRoot({ ...request, path: `/api/v1/accounts/${accountOf(config)}${request.path}` });

  return {
    call,
    callRoot,
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
