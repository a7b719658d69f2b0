import { setTimeout as pause } from "node:timers/promises";
import { openGate } from "./gate.ts";
import type { Fate, Passing } from "./gate.ts";
import { startProgram } from "./program.ts";
import type { Program } from "./program.ts";

export interface FleetOptions {
  /** One for each process, with a port of its own. */
  readonly members: readonly { readonly dataDir: string; readonly port: number }[];
  /** The port that bots and helpdesks know: whichever process runs gets the request, as behind a load balancer. */
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly nodeArguments: readonly string[];
  readonly random: () => number;
  /** What becomes of the requests to Baton; see {@link openGate}. */
  readonly fate?: (passing: Passing) => Fate | Promise<Fate>;
}

/** The processes of one Baton, and the ways in which they go down and come back. */
export interface Fleet {
  readonly url: string;
  readonly size: number;
  start(): Promise<void>;
  /** Ends a process and starts it again. */
  restart(index: number, signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Ends all of them at once. */
  killAll(): Promise<void>;
  /** A process stands still for so long, and does not know it. */
  freeze(index: number, ms: number): Promise<void>;
  /** How often each thing was done. */
  readonly counts: { kills: number; stops: number; freezes: number; slowestStartMs: number };
  /** What the programs logged, for whoever looks into a run. */
  logged(): readonly string[];
  /** What went wrong with the processes themselves. */
  readonly wrong: readonly string[];
  stop(): Promise<void>;
}

const TRIES = 60;
const AGAIN_AFTER_MS = 250;
/** P14, with what a machine under load takes on top. */
const STOPS_WITHIN_MS = 12_000;

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const running: (Program | null)[] = options.members.map(() => null);
  const wrong: string[] = [];
  const started: Program[] = [];
  /** Who restarts a process waits until nobody else does. */
  const turns: Promise<void>[] = [];
  const counts = { kills: 0, stops: 0, freezes: 0, slowestStartMs: 0 };
  let isOver = false;
  const hasStopped = () => isOver;
  const gate = await openGate({
    port: options.port,
    fate: options.fate ?? (() => "pass"),
    to: () => {
      const up = running.filter((one) => one?.isRunning() === true);
      return up[Math.floor(options.random() * up.length)]?.url ?? null;
    },
  });

  /** A store that is away keeps a start from succeeding; whoever runs the program starts it again. */
  async function begin(index: number): Promise<void> {
    const member = options.members[index];
    if (member === undefined) return;
    for (let tries = 1; !hasStopped(); tries += 1) {
      try {
        const program = await startProgram({
          ...member,
          env: { ...options.env, BASE_URL: gate.url },
          nodeArguments: options.nodeArguments,
        });
        running[index] = program;
        started.push(program);
        counts.slowestStartMs = Math.max(counts.slowestStartMs, program.startedInMs);
        return;
      } catch (error) {
        if (tries === TRIES) throw error;
        await pause(AGAIN_AFTER_MS);
      }
    }
  }

  async function end(index: number, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const program = running[index];
    // Before the signal: a load balancer takes a process out that is told to go.
    running[index] = null;
    if (!program) return;
    const before = performance.now();
    const ending = await program.end(signal);
    if (signal === "SIGKILL") {
      counts.kills += 1;
      return;
    }
    counts.stops += 1;
    if (ending.code !== 0 || performance.now() - before > STOPS_WITHIN_MS)
      wrong.push(
        `SIGTERM: it ended with ${ending.code ?? ending.signal} after ${Math.round(performance.now() - before)} ms`,
      );
  }

  return {
    url: gate.url,
    size: options.members.length,
    counts,
    wrong,
    logged: () => started.flatMap((program) => program.logged().split("\n")).filter((line) => line !== ""),
    async start() {
      for (const index of options.members.keys()) await begin(index);
    },
    restart(index, signal) {
      const before = turns[index];
      const again = async () => {
        await before;
        await end(index, signal);
        await begin(index);
      };
      turns[index] = again();
      return turns[index];
    },
    async killAll() {
      await Promise.all(options.members.map((_, index) => end(index, "SIGKILL")));
    },
    async freeze(index, ms) {
      const program = running[index];
      if (!program) return;
      counts.freezes += 1;
      program.signal("SIGSTOP");
      await pause(ms);
      program.signal("SIGCONT");
    },
    async stop() {
      isOver = true;
      await Promise.all(options.members.map((_, index) => end(index, "SIGKILL")));
      await gate.stop();
    },
  };
}
