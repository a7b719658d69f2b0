import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export interface Callback {
  readonly id: string;
  readonly type: string;
  // The story reads what it needs, field by field.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly data: any;
}

const TOLERANCE_MS = 5 * 60_000;

/**
 * The bot's door for callbacks, as small as it can be: the signature first, on the bytes as they came; a repeat is known by its
 * id; and the answer at once. What fails the check is answered 401 and kept apart, for the story to stop at.
 */
export async function startBotServer(options: { secret: () => string; clock: () => Date }) {
  const heard: Callback[] = [];
  const refused: string[] = [];
  let wake: (() => void) | null = null;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const id = String(request.headers["webhook-id"]);
      if (!isSigned(body, request.headers, options)) {
        refused.push(id);
        response.writeHead(401).end();
        return;
      }
      const { type, data } = JSON.parse(body) as Omit<Callback, "id">;
      if (!heard.some((one) => one.id === id)) heard.push({ id, type, data });
      response.writeHead(204).end();
      wake?.();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  let read = 0;

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/baton`,
    refused,
    /** The callbacks not read yet, up to and including the next of this type. */
    async until(type: string, withinMs = 8_000): Promise<readonly Callback[]> {
      const late = AbortSignal.timeout(withinMs);
      for (;;) {
        const at = heard.findIndex((one, index) => index >= read && one.type === type);
        if (at !== -1) {
          const found = heard.slice(read, at + 1);
          read = at + 1;
          return found;
        }
        if (late.aborted)
          throw new Error(`The bot was not told ${type}; it heard: ${heard.map((one) => one.type).join(", ")}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          late.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    },
    stop(): Promise<void> {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Standard Webhooks, against the story's clock: the library's own check knows only the real one. */
function isSigned(
  body: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  { secret, clock }: { secret: () => string; clock: () => Date },
): boolean {
  const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
  if (!(Math.abs(clock().getTime() - at.getTime()) <= TOLERANCE_MS)) return false;
  const expected = Buffer.from(new Webhook(secret()).sign(String(headers["webhook-id"]), at, body));
  return String(headers["webhook-signature"])
    .split(" ")
    .map((given) => Buffer.from(given))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}
