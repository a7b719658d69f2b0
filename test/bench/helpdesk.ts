import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/*
 * A helpdesk of the bench, as little of Chatwoot's API as it takes to send messages: it can be down, it has a limit of its own
 * (HELPDESK_LIMIT calls a second, 429 above), and it notes what came in which order. As a program of its own; its port is the
 * first line it prints. Much faster than the real one, since Baton is what is measured.
 */
/** A call's time there: enough to see how many are under way at once. */
const TAKES_MS = 5;
const LIMIT = Number(process.env["HELPDESK_LIMIT"] ?? "Infinity");

/** `GET /stats`; `POST /up` and `POST /down` switch it. */
export interface HelpdeskStats {
  taken: number;
  refused: number;
  failed: number;
  mostUnderWay: number;
  mostInASecond: number;
  /** Messages that did not follow the one before in their conversation. */
  outOfOrder: number;
}

const stats: HelpdeskStats = { taken: 0, refused: 0, failed: 0, mostUnderWay: 0, mostInASecond: 0, outOfOrder: 0 };
const lastIn = new Map<string, number>();
let isDown = false;
let underWay = 0;
let id = 0;
let second = 0;
let inSecond = 0;

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  setTimeout(() => {
    underWay -= 1;
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  }, TAKES_MS);
}

/** True when one more is allowed in this second of the clock. */
function admit(): boolean {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) [second, inSecond] = [now, 0];
  if (inSecond >= LIMIT) return false;
  inSecond += 1;
  stats.mostInASecond = Math.max(stats.mostInASecond, inSecond);
  return true;
}

function take(conversation: string, content: string): void {
  const number = Number(/^owed (\d+)$/.exec(content)?.[1] ?? Number.NaN);
  if (number !== (lastIn.get(conversation) ?? 0) + 1) stats.outOfOrder += 1;
  lastIn.set(conversation, number);
  stats.taken += 1;
}

const server = createServer((request, response) => {
  const path = request.url ?? "";
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    if (path === "/stats") return void response.end(JSON.stringify(stats));
    if (path === "/up" || path === "/down") {
      isDown = path === "/down";
      return void response.end();
    }
    underWay += 1;
    stats.mostUnderWay = Math.max(stats.mostUnderWay, underWay);
    if (isDown) {
      stats.failed += 1;
      return answer(response, 503, { error: "down" });
    }
    if (!admit()) {
      stats.refused += 1;
      return answer(response, 429, { error: "slow down" }, { "Retry-After": "1" });
    }
    const [, conversation, list] = /\/conversations\/(\d+)(\/messages)?/.exec(path) ?? [];
    if (conversation === undefined) return answer(response, 404, { error: path });
    if (request.method !== "POST")
      return answer(response, 200, list === undefined ? { id: Number(conversation), status: "open" } : { payload: [] });
    const { content } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { content: string };
    take(conversation, content);
    answer(response, 200, { id: (id += 1), content });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
process.once("SIGTERM", () => process.exit(0));
