import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface TestServer {
  readonly port: number;
  /** `http://127.0.0.1:port` of the address it listens on. */
  readonly origin: string;
  /** How many TCP connections it has seen. */
  connections(): number;
}

/** An HTTP server on a loopback address, closed when the test ends. */
export async function listen(handler: http.RequestListener, host = "127.0.0.1"): Promise<TestServer> {
  return start(http.createServer(handler), host);
}

/** An HTTP server that looks at each request to its end, and answers `{"ok":true}`. */
export async function listenAsync(look: (request: http.IncomingMessage) => Promise<void>): Promise<TestServer> {
  return listen((request, response) => {
    look(request).then(
      () => response.setHeader("content-type", "application/json").end('{"ok":true}'),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

/** A bare TCP server: for peers that do not speak HTTP properly. */
export async function listenTcp(handler: (socket: net.Socket) => void, host = "127.0.0.1"): Promise<TestServer> {
  return start(net.createServer(handler), host);
}

export async function start(server: net.Server, host = "127.0.0.1", port = 0): Promise<TestServer> {
  let count = 0;
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    count += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return { port: address.port, origin: `http://${shown}:${address.port}`, connections: () => count };
}

/** Everything a request carried, for asserting on what really went over the wire. */
export async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
