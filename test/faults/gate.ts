import { Agent, createServer, request as ask } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request on its way through a gate: before it reaches the far side, and when the far side has done it. */
export interface Passing {
  readonly moment: "asked" | "answered";
  readonly method: string;
  readonly path: string;
}

/** What becomes of it: on its way, cut off here, half of its answer and no more, or left waiting for ever. */
export type Fate = "pass" | "cut" | "half" | "hang";

export interface Gate {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Stands between two sides and sees every request twice: what is held "asked" was never heard of there, what is held "answered"
 * was done and its sender never learns of it. No side knows that it is there.
 *
 * @param given.to the origin that a request goes to; null: nobody is there, and it is cut off
 */
export async function openGate(given: {
  readonly to: () => string | null;
  readonly fate?: (passing: Passing) => Fate | Promise<Fate>;
  readonly port?: number;
}): Promise<Gate> {
  const fateOf = given.fate ?? (() => "pass" as const);
  const agent = new Agent({ keepAlive: true });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const about = { method: request.method ?? "GET", path: request.url ?? "/" };
    const before = await fateOf({ moment: "asked", ...about });
    if (before === "hang") return;
    const to = given.to();
    if (before !== "pass" || to === null) return void response.destroy();
    const { status, headers, bytes } = await forward(agent, to, request, body);
    const after = await fateOf({ moment: "answered", ...about });
    if (after === "hang") return;
    if (after === "cut") return void response.destroy();
    response.writeHead(status, { ...headers, "content-length": String(bytes.length) });
    if (after === "pass") return void response.end(bytes);
    // The head promises more than ever comes.
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.socket?.end());
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Answered {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly bytes: Buffer;
}

const OF_ONE_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "host"]);

async function answered(answer: IncomingMessage): Promise<Answered> {
  const bytes = await readAll(answer);
  const own = Object.entries(answer.headers).filter(
    ([name, value]) => value !== undefined && !OF_ONE_CONNECTION.has(name),
  );
  return { status: answer.statusCode ?? 502, headers: Object.fromEntries(own) as Answered["headers"], bytes };
}

function forward(agent: Agent, to: string, request: IncomingMessage, body: Buffer): Promise<Answered> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name, value]) => value !== undefined && !OF_ONE_CONNECTION.has(name)),
  ) as Record<string, string | string[]>;
  const hasBody = body.length > 0 || request.headers["content-length"] !== undefined;
  return new Promise((resolve, reject) => {
    const outgoing = ask(
      new URL(request.url ?? "/", to),
      {
        agent,
        method: request.method,
        headers: { ...headers, ...(hasBody && { "content-length": String(body.length) }) },
      },
      (answer) => {
        answered(answer).then(resolve, reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
