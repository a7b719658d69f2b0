import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { JobsFigures, Metrics, StoreFigures } from "../ports-metrics.ts";

/** What is read when somebody asks for the figures. */
export interface Gauges {
  readonly streams: () => number;
  readonly jobs: () => JobsFigures;
  /** Over all processes, so the same from each of them; null when the store does not answer. */
  readonly store: () => Promise<StoreFigures | null>;
  /** The parts of /readyz by name, with whether each is up. */
  readonly parts: () => Promise<Readonly<Record<string, boolean>>>;
  readonly clock: () => Date;
}

export interface Prometheus extends Metrics {
  readonly contentType: string;
  /** Says where the gauges are read. Until then they are left out. */
  watch(gauges: Gauges): void;
  /** Everything, in Prometheus' text format. */
  text(): Promise<string>;
}

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ATTEMPT_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const UNITS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * What this process counts, for Prometheus. One for each Baton, with a registry of its own, so that two in one process do not mix.
 *
 * What begins with `baton_store_` is read from the store all processes share and is the same from each of them: take it from
 * one (`max`), never add it up. Everything else is this process's own.
 */
export function createPrometheus(): Prometheus {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `baton_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    of: { help: string; buckets: number[]; labelNames?: readonly Label[] },
  ) => new Histogram({ name: `baton_${name}`, labelNames: [], registers, ...of });

  const requests = counter("http_requests_total", "Requests answered", ["method", "route", "status"]);
  const requestSeconds = histogram("http_request_duration_seconds", {
    help: "How long requests took, event streams left out",
    labelNames: ["method", "route"],
    buckets: REQUEST_SECONDS,
  });
  const webhooks = counter("webhooks_received_total", "Webhooks that came in", ["connector", "outcome"]);
  const decisions = counter("handoff_decisions_total", "Requests for a person, by what was decided", [
    "outcome",
    "because",
  ]);
  const ended = counter("handoffs_ended_total", "Handoffs that ended, or that nobody accepted", ["how", "by"]);
  const attempts = counter("delivery_attempts_total", "Attempts to deliver", ["kind", "outcome"]);
  const attemptSeconds = histogram("delivery_attempt_duration_seconds", {
    help: "How long attempts to deliver took",
    labelNames: ["kind"],
    buckets: ATTEMPT_SECONDS,
  });
  const looks = counter("looks_total", "Looks at helpdesks' conversations that no webhook asked for", ["outcome"]);
  const worked = counter("webhooks_worked_total", "Recorded webhooks worked on", ["outcome"]);
  const commits = histogram("commit_duration_seconds", {
    help: "How long a commit took until it was on disk",
    buckets: COMMIT_SECONDS,
  });
  const units = histogram("commit_units", { help: "Units of work that shared a commit", buckets: UNITS });
  const watching = createGauges(registry);

  return {
    contentType: registry.contentType,
    requestServed({ method, route, status, seconds }) {
      const of = { method: METHODS.has(method) ? method : "other", route: route ?? "none" };
      requests.inc({ ...of, status });
      if (seconds !== null) requestSeconds.observe(of, seconds);
    },
    webhookReceived: (connector, outcome) => webhooks.inc({ connector: connector ?? "none", outcome }),
    decided: (outcome, because) => decisions.inc({ outcome, because }),
    handoffEnded: (how, by) => ended.inc({ how, by }),
    attemptEnded(kind, outcome, seconds) {
      attempts.inc({ kind, outcome });
      attemptSeconds.observe({ kind }, seconds);
    },
    looked: (outcome) => looks.inc({ outcome }),
    webhookWorked: (outcome) => worked.inc({ outcome }),
    committed(count, seconds) {
      units.observe(count);
      commits.observe(seconds);
    },
    watch: (gauges) => watching.begin(gauges),
    async text() {
      await watching.read();
      return `${await registry.metrics()}\n${await processRegistry().metrics()}`;
    },
  };
}

function createGauges(registry: Registry): { begin(gauges: Gauges): void; read(): Promise<void> } {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `baton_${name}`, help, labelNames, registers: [registry] });
  const streams = gauge("event_streams_open", "Event streams open in this process");
  const circuits = gauge("circuits_open", "Connections that this process takes to be down");
  const lanes = gauge("lanes", "Lanes of deliveries in this process's hands", ["state"]);
  const looking = gauge("looks", "Looks in this process's hands", ["state"]);
  const working = gauge("webhooks", "Recorded webhooks in this process's hands", ["state"]);
  const parts = gauge("part_up", "Whether a part of /readyz is up: 1 or 0", ["part"]);
  const SAME = "The same from every process.";
  const deliveries = gauge("store_deliveries", `Deliveries that are not done. ${SAME}`, ["kind", "state"]);
  const oldest = gauge(
    "store_oldest_owed_age_seconds",
    `Age of the oldest delivery owed, 0 when there is none. ${SAME}`,
  );
  const waiting = gauge("store_webhooks_waiting", `Recorded webhooks that wait to be worked on. ${SAME}`);
  let gauges: Gauges | null = null;

  function readJobs({ lanes: ofLanes, looks, webhooks, circuitsOpen }: JobsFigures): void {
    circuits.set(circuitsOpen);
    for (const state of ["running", "waiting"] as const) {
      lanes.set({ state }, ofLanes[state]);
      looking.set({ state }, looks[state]);
      working.set({ state }, webhooks[state]);
    }
  }

  function readStore(figures: StoreFigures, now: Date): void {
    deliveries.reset();
    for (const { kind, state, count } of figures.deliveries) deliveries.set({ kind, state }, count);
    const { oldestOwed } = figures;
    oldest.set(oldestOwed === null ? 0 : Math.max(0, (now.getTime() - oldestOwed.getTime()) / 1000));
    waiting.set(figures.webhooksWaiting);
  }

  return {
    begin(given) {
      gauges = given;
    },
    async read() {
      if (gauges === null) return;
      streams.set(gauges.streams());
      readJobs(gauges.jobs());
      const [figures, up] = await Promise.all([gauges.store(), gauges.parts()]);
      for (const [part, isUp] of Object.entries(up)) parts.set({ part }, isUp ? 1 : 0);
      // What is not known is left out, rather than told as it was.
      if (figures === null) for (const one of [deliveries, oldest, waiting]) one.reset();
      else readStore(figures, gauges.clock());
    },
  };
}

let ofProcess: Registry | null = null;

/** Memory, processor, event loop: of the process, whoever runs in it. Begun when first asked for, since it is never ended. */
function processRegistry(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
