import { createCallbacks } from "../connectors/callback/index.ts";
import { createBotTurns } from "../connectors/callback/turn.ts";
import { createMailer } from "../connectors/email/index.ts";
import { connectors as ownConnectors } from "../connectors/index.ts";
import { botWebhooks } from "../webhooks/bots.ts";
import { helpdeskWebhooks } from "../webhooks/helpdesk.ts";
import { apps } from "./apps/index.ts";
import { shareNews } from "./bus/news.ts";
import { atPort } from "./config.ts";
import type { Config } from "./config.ts";
import { createBotDirectory } from "./handoffs/deps.ts";
import type { Deps } from "./handoffs/deps.ts";
import { createDuties } from "./handoffs/duties.ts";
import type { DutiesDeps } from "./handoffs/duties.ts";
import { mailOf } from "./handoffs/mail.ts";
import { createMarks } from "./handoffs/marks.ts";
import { createPresence } from "./handoffs/presence.ts";
import { readBytes, parseJsonBody } from "./http/body.ts";
import { parseGiven } from "./http/faults.ts";
import { metricsPage } from "./http/metrics-page.ts";
import { watchRevocations } from "./http/revocations.ts";
import type { RevocationWatch } from "./http/revocations.ts";
import type { Route } from "./http/route.ts";
import { adminRoutes } from "./http/routes/admin.ts";
import { conversationRoutes } from "./http/routes/conversations.ts";
import { handoffRoutes } from "./http/routes/handoffs.ts";
import { healthRoutes } from "./http/routes/health.ts";
import { createHttpServer } from "./http/server.ts";
import type { HttpServer, Mount } from "./http/server.ts";
import { termsPages } from "./http/terms.ts";
import { createTokens } from "./http/tokens.ts";
import type { Tokens } from "./http/tokens.ts";
import { countDuties } from "./jobs/counted.ts";
import { createBullJobs } from "./jobs/bull.ts";
import { createHousekeeping } from "./jobs/housekeeping.ts";
import type { HousekeepingTiming } from "./jobs/housekeeping.ts";
import { createInProcessJobs } from "./jobs/in-process.ts";
import { realScheduler } from "./jobs/scheduler.ts";
import type { JobsTiming } from "./jobs/timing.ts";
import { createPrometheus } from "./metrics/prometheus.ts";
import { createStoreFigures } from "./metrics/store-figures.ts";
import { openStore } from "./open-store.ts";
import { createOutgoing } from "./outgoing/outgoing.ts";
import type { Clock, ConnectorFactory, Jobs, Log, Outgoing, Store } from "./ports.ts";
import type { Bus } from "./ports-bus.ts";
import type { Bot } from "./ports-store.ts";
import { askParts } from "./readiness.ts";
import type { Part } from "./readiness.ts";
import { createRegistry } from "./registry.ts";
import { botSecretContext } from "./secrets/contexts.ts";
import { checkServer } from "./self-check.ts";
import { openSharing } from "./sharing.ts";
import type { PostgresTiming } from "./storage/postgres-pool.ts";
import { createPersonHashes } from "./secrets/person-hash.ts";
import { createSealer } from "./secrets/sealing.ts";
import type { Sealer } from "./secrets/sealing.ts";

/** What tests set differently from a real start. */
export interface BuildOptions {
  readonly clock?: Clock;
  readonly jobsTiming?: Partial<JobsTiming>;
  readonly housekeeping?: Partial<HousekeepingTiming>;
  /** How long a PostgreSQL store waits for what. */
  readonly storeTiming?: Partial<PostgresTiming>;
  /** How long after a time-out helpdesks may still act, in milliseconds. */
  readonly settleMs?: number;
  /** Instead of those that Baton speaks to. */
  readonly connectors?: readonly ConnectorFactory[];
  /** How long an app's installation may ask its helpdesk, in milliseconds. */
  readonly installWithinMs?: number;
  /** How long an install may take until it is answered, in milliseconds. */
  readonly provisionWithinMs?: number;
  /** Checks each answer against its description. */
  readonly verifyAnswers?: boolean;
  /** Served beside the routes. */
  readonly mounts?: (parts: Parts) => readonly Mount[];
  readonly routes?: (parts: Parts) => readonly Route[];
  /** False: nothing is sent and no limit is watched. For the command line. */
  readonly work?: boolean;
}

export interface Parts {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly sealer: Sealer;
  readonly outgoing: Outgoing;
  readonly jobs: Jobs;
  readonly handoffs: Deps;
  readonly baseUrl: () => string;
  readonly secretOf: (bot: Bot) => string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Baton extends Parts {
  readonly server: HttpServer;
  /** Serves requests and starts to work. Resolves with the port. */
  start(): Promise<number>;
  /** Takes nothing new, finishes what runs, gives the data directory back. */
  stop(withinMs?: number): Promise<void>;
}

/** Webhooks are JSON whatever their content type says. */
const parseJson = (bytes: Buffer): unknown => parseJsonBody(bytes, "application/json");

const STOP_WITHIN_MS = 9_000;

/**
 * Builds everything from the config: data directory, secrets, store, connectors, worker, server. The one place where the
 * parts meet.
 *
 * @throws BatonError when the data directory is taken, a secret is missing or another one, or the store cannot be opened
 */
export async function build(given: Config, log: Log, options: BuildOptions = {}): Promise<Baton> {
  let config = given;
  const clock = options.clock ?? (() => new Date());
  const baseUrl = () => config.baseUrl;
  const metrics = createPrometheus();
  const { store: opened, keys, release } = await openStore(config, metrics, options.storeTiming);
  const sharing = openSharing({ redisUrl: config.redisUrl, key: keys.sharing[0], log });
  const { link, bus, cache, limiters, quietOf } = sharing;
  const news = shareNews({ store: opened, bus, log, isShared: config.database.kind === "postgres" });
  const { store } = news;
  const sealer = createSealer(keys.sealing);
  const tokens = tellRevocations(
    createTokens({ keys: keys.tokens.map((key) => key.bytes), clock, issuer: "baton" }),
    bus,
  );
  const allowPrivateNetwork = config.allowPrivateNetwork;
  const outgoing = createOutgoing({ allowPrivateNetwork, userAgent: "Baton" });
  const factories = new Map((options.connectors ?? ownConnectors).map((factory) => [factory.type, factory]));
  const { settleMs } = options;
  const registry = createRegistry({ store, factories, sealer, outgoing, clock, log, baseUrl, settleMs, quietOf });
  const secretOf = (bot: Bot) => sealer.open(bot.sealedSecret, botSecretContext(bot.workspaceId, bot.id));
  const mailer = config.smtpUrl === undefined ? null : createMailer({ smtpUrl: config.smtpUrl, from: config.mailFrom });

  const handoffs: DutiesDeps = {
    store,
    clock,
    log,
    bots: createBotDirectory(),
    connectors: registry,
    presence: createPresence({ connectors: registry, clock, log, bus, cache }),
    // The worker knows which connections are down, and needs these parts to work: asked when it is needed.
    circuits: { isDown: (connectionId) => jobs.circuits.isDown(connectionId) },
    mailer,
    metrics,
    callbacks: createCallbacks({ outgoing, clock }),
    turns: createBotTurns({ outgoing, clock }),
    secretOf,
    get baseUrl() {
      return config.baseUrl;
    },
  };
  const duties = countDuties(createDuties(handoffs), metrics);
  const jobsDeps = { store, clock, log, duties, bus, timing: options.jobsTiming ?? {} };
  const jobs: Jobs = link === null ? createInProcessJobs(jobsDeps) : createBullJobs({ ...jobsDeps, link });
  const timing = options.housekeeping ?? {};
  const housekeeping = createHousekeeping({ store, clock, log, scheduler: realScheduler, timing });
  const stopListening = store.onCommitted(({ lanes }) => {
    if (options.work !== false) for (const lane of lanes) jobs.wakeLane(lane);
  });

  const parts: Parts = { store, tokens, sealer, outgoing, jobs, handoffs, baseUrl, secretOf, clock, log };
  const marks = createMarks(bus);
  let isStopping = false;
  // What else Baton stands on (a bus, a queue) is added here, and is in /readyz and /metrics by that.
  const standsOn: readonly Part[] = [
    { name: "server", state: () => (isStopping ? "stopping" : "ok") },
    { name: "store", state: () => canStore(store) },
    // Without it all work goes on, a little slower between processes: nobody is taken out of service for that.
    ...(link === null ? [] : [{ name: "redis", isOptional: true, state: () => (link.isUp() ? "ok" : "away") }]),
    ...(options.work === false
      ? []
      : [{ name: "jobs", state: () => (jobs.figures().isRunning || isStopping ? "ok" : "not started") }]),
  ];
  const health = () => askParts(standsOn);
  const webhookDeps = {
    metrics,
    store,
    clock,
    log,
    connectors: registry,
    marks,
    readBytes,
    parseJson,
    wake: () => jobs.wakeWebhooks(),
  };
  const server = createHttpServer({
    config,
    baseUrl,
    store,
    tokens,
    log,
    clock,
    metrics,
    sealer,
    limiters,
    verifyAnswers: options.verifyAnswers ?? false,
    routes: [
      ...handoffRoutes({ handoffs, tokens }),
      ...conversationRoutes({ handoffs, tokens }),
      ...adminRoutes({
        ...parts,
        personHashes: createPersonHashes(keys.people),
        factories,
        connectionChanged(connectionId) {
          registry.forget(connectionId);
          bus.tell({ kind: "connection_changed", connectionId });
        },
        connectionMended: (connectionId) => jobs.connectionMended(connectionId),
        wakeWebhooks: () => jobs.wakeWebhooks(),
        marks,
        limiters,
        installWithinMs: options.installWithinMs,
        checkServer: () => checkServer({ config, store, mailer, link }),
        provisionWithinMs: options.provisionWithinMs,
        mailOf: (delivery) => mailOf(store.read, delivery),
      }),
      ...healthRoutes(health),
      ...(options.routes?.(parts) ?? []),
    ],
    mounts: [
      {
        path: "/webhooks/bots",
        handler: botWebhooks({ metrics, handoffs, secretOf, readBytes, parseJson, parseGiven }),
      },
      { path: "/webhooks", handler: helpdeskWebhooks(webhookDeps) },
      { path: "/metrics", handler: metricsPage({ tokens, metrics }) },
      { path: "/terms", handler: termsPages({ store }) },
      { path: "/apps", handler: apps({ store }) },
      ...(options.mounts?.(parts) ?? []),
    ],
  });
  metrics.watch({
    streams: () => server.streamCount(),
    jobs: () => jobs.figures(),
    store: createStoreFigures(store.read),
    parts: async () => {
      const { parts: states } = await health();
      return Object.fromEntries(Object.entries(states).map(([name, state]) => [name, state === "ok"]));
    },
    clock,
  });
  let revocations: RevocationWatch | null = null;
  bus.listen((hint) => {
    if (hint.kind === "connection_changed") registry.forget(hint.connectionId);
    else if (hint.kind === "tokens_revoked") revocations?.look();
  });

  return {
    ...parts,
    server,
    async start() {
      revocations = await watchRevocations({ store, tokens, clock, log });
      if (mailer !== null) await store.write((tx) => tx.releaseHeld(clock()));
      const port = await server.listen({ port: config.port, host: config.host });
      config = atPort(config, port);
      if (options.work !== false) {
        await jobs.start();
        housekeeping.start();
      }
      return port;
    },
    async stop(withinMs = STOP_WITHIN_MS) {
      isStopping = true;
      const until = performance.now() + withinMs;
      stopListening();
      await Promise.all([server.stop(withinMs), jobs.stop(withinMs), housekeeping.close()]);
      revocations?.stop();
      news.close();
      mailer?.close();
      outgoing.close();
      if (performance.now() < until) log.debug("stopped");
      await Promise.all([sharing.close(), store.close()]);
      release();
    },
  };
}

/** Other processes hear of a token that is revoked here at once, instead of within a second. */
function tellRevocations(tokens: Tokens, bus: Bus): Tokens {
  return {
    ...tokens,
    revoke(tokenId) {
      tokens.revoke(tokenId);
      bus.tell({ kind: "tokens_revoked" });
    },
  };
}

/** Ready is who can store something: a unit that writes nothing still begins and commits. */
async function canStore(store: Store): Promise<string> {
  await store.write(() => Promise.resolve());
  return "ok";
}
