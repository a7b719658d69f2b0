import { createServer, connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** What happens to the commits that pass: each of these happens once, to the next one. */
export type Trouble = "cut before commit" | "cut after commit" | "freeze at commit";

export interface Proxy {
  readonly url: string;
  /** For the next commit that comes by. */
  next(trouble: Trouble): void;
  /** Nothing passes any more, and nobody is told: as when a cable is pulled. */
  freeze(): void;
  /** New connections are refused, those that are there are cut. */
  goAway(): void;
  comeBack(): void;
  stop(): Promise<void>;
}

/** The query "commit" as it is sent, without its length. */
const COMMIT = Buffer.from("commit\0");

/** Stands between a store and its PostgreSQL, and breaks the line where a test wants it broken. */
export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let trouble: Trouble | null = null;
  let isFrozen = false;
  let isAway = false;

  const server = createServer((near) => {
    if (isAway) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    let dropsAnswers = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (isFrozen) return;
      if (trouble !== null && bytes.includes(COMMIT)) {
        const now = trouble;
        trouble = null;
        if (now === "cut before commit") {
          near.destroy();
          return;
        }
        if (now === "freeze at commit") isFrozen = true;
        dropsAnswers = true;
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      // The server has answered, so the commit is through: now the line breaks, and nobody hears the answer.
      if (dropsAnswers && !isFrozen) near.destroy();
      else if (!isFrozen) near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own = new URL(url);
  own.hostname = "127.0.0.1";
  own.port = String((server.address() as AddressInfo).port);
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: own.href,
    next(what) {
      trouble = what;
    },
    freeze() {
      isFrozen = true;
    },
    goAway() {
      isAway = true;
      cutAll();
    },
    comeBack() {
      isAway = false;
      isFrozen = false;
      cutAll();
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cutAll();
      }),
  };
}
