import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { chatwoot } from "../../connectors/chatwoot/index.ts";
import { freshchat } from "../../connectors/freshchat/index.ts";
import { DEFAULT_TIMING } from "../../src/jobs/timing.ts";
import type { ConnectorDeps, Outgoing } from "../../src/ports.ts";
import type { Haste } from "./haste.ts";

/*
 * Loaded into the program before it starts (`node --import <this file>?{...}`): the program itself has no switch for any of
 * this, and needs none.
 */
const haste = JSON.parse(decodeURIComponent(new URL(import.meta.url).search.slice(1))) as Haste;
const LOOK_EVERY_MS = 50;

/*
 * The program's own clock goes wrong by what the file says, in milliseconds: NTP sets clocks, virtual machines are paused.
 * Everything else about dates stays Node's.
 */
let offset = 0;
const readOffset = () => {
  try {
    offset = Number(readFileSync(haste.clockFile, "utf8")) || 0;
  } catch {
    // Before the first jump there is none.
  }
};
readOffset();
setInterval(readOffset, LOOK_EVERY_MS).unref();
const TrueDate = Date;
const now = () => TrueDate.now() + offset;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given: [], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  get: (target, name, receiver) => (name === "now" ? now : (Reflect.get(target, name, receiver) as unknown)),
});

if (haste.leaseMs !== null) Object.assign(DEFAULT_TIMING, { leaseMs: haste.leaseMs });

/*
 * A call that was cut off is looked for after as long as the far side may still act on it: 17 seconds at Chatwoot, 20 at
 * FreshChat. The simulators act at once, or as late as they were told. With the true times a run of a minute would be one
 * of waiting, and no call would be cut off twice.
 */
type Factory = {
  create(config: never, deps: ConnectorDeps): { readonly settleMs: number };
};
const hurry = (factory: Factory, settleMs: number, answerMs: number) => {
  const create = factory.create.bind(factory);
  factory.create = (config, deps) => ({
    ...create(config, { ...deps, outgoing: impatient(deps.outgoing, answerMs) }),
    settleMs,
  });
};
const impatient = (outgoing: Outgoing, answerMs: number): Outgoing => ({
  ...outgoing,
  request: (request) => outgoing.request({ ...request, timeoutMs: Math.min(request.timeoutMs ?? answerMs, answerMs) }),
});
/* A connection that nobody has used since the start is taken for the slowest there is, by a number in a file. */
const SLOWEST = /\bLONGEST_SETTLE_MS = [\d_]+;/;
if (haste.settleMs !== null)
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith("/src/registry.ts")) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      if (!SLOWEST.test(source))
        throw new Error("preload.ts no longer finds the longest settling time in src/registry.ts");
      return { ...loaded, source: source.replace(SLOWEST, `LONGEST_SETTLE_MS = ${haste.settleMs};`) };
    },
  });
if (haste.settleMs !== null && haste.answerMs !== null)
  for (const factory of [chatwoot, freshchat] as unknown as Factory[]) hurry(factory, haste.settleMs, haste.answerMs);
