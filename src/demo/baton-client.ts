import { z } from "zod";
import { catalogue, HandoffError } from "../domain/errors.ts";
import type { ErrorCode } from "../domain/errors.ts";

const Problem = z.looseObject({ code: z.string(), detail: z.string(), faults: z.array(z.looseObject({})).optional() });

const TIMEOUT_MS = 10_000;

export interface Call<Schema extends z.ZodType> {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly token: string;
  readonly body?: unknown;
  /** What is read of the answer. */
  readonly answer: Schema;
}

/**
 * Calls Baton's API over HTTP, as any bot does.
 *
 * @throws HandoffError with the code that Baton answered
 */
export async function callBaton<Schema extends z.ZodType>(
  baseUrl: string,
  { method, path, token, body, answer }: Call<Schema>,
): Promise<z.output<Schema>> {
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const told: unknown = await response.json();
  if (response.ok) return answer.parse(told);
  const { code, detail } = Problem.parse(told);
  throw new HandoffError(isKnown(code) ? code : "internal", detail);
}

const isKnown = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code);

/** A path segment that came from outside. */
export const segment = encodeURIComponent;
