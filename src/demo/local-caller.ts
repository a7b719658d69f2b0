import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const;

/**
 * Whether a request comes from a browser on this very machine that looks at Baton under a local address. Nothing less will do
 * for a token that lets its holder answer as an agent:
 *
 * - the socket is on loopback, and no proxy on this machine has passed the request on,
 * - `Host` is a local name, else a foreign page could have its own name resolve to this machine,
 * - the page that asks (`Origin`, which browsers send with each POST) is the same,
 * - Baton is not announced to the world: behind a tunnel, everybody seems to be local.
 */
export function isLocalCaller(request: IncomingMessage, baseUrl: string): boolean {
  const host = request.headers.host ?? "";
  const { origin } = request.headers;
  return (
    isLoopback(request.socket.remoteAddress ?? "") &&
    FORWARDED.every((name) => request.headers[name] === undefined) &&
    isLocalUrl(`http://${host}`) &&
    (origin === undefined ? request.method === "GET" : origin === `http://${host}`) &&
    isLocalUrl(baseUrl)
  );
}

function isLocalUrl(url: string): boolean {
  const hostname = URL.parse(url)?.hostname ?? "";
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  return family !== 0 && LOOPBACK.check(plain, family === 4 ? "ipv4" : "ipv6");
}
