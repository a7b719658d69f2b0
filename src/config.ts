import { isIP } from "node:net";
import { z } from "zod";
import { BatonError } from "./domain/errors.ts";
import { parseNetwork } from "./outgoing/addresses.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Config {
  /** NODE_ENV is `production`: weak secrets and open data directories stop the start. */
  readonly isProduction: boolean;
  /** 0: the system chooses; see `atPort`. */
  readonly port: number;
  /** What to listen on; undefined: every interface, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** Where others reach this server, without a slash at the end. All links are made from it. */
  readonly baseUrl: string;
  readonly dataDir: string;
  readonly database: { readonly kind: "sqlite" } | { readonly kind: "postgres"; readonly url: string };
  readonly redisUrl: string | undefined;
  /** The master secrets, the first one seals and signs, all of them open; empty: kept in the data directory. */
  readonly secrets: readonly string[];
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  /** As Express's `trust proxy` takes it. */
  readonly trustProxy: false | number | readonly string[];
  /** Multiplies every limit. */
  readonly rateLimit: number | "off";
  readonly allowPrivateNetwork: readonly string[];
  readonly logLevel: LogLevel;
  /** What does not stop the start but should be told: weak secrets outside production, variables nobody reads. */
  readonly warnings: readonly string[];
}

export interface ConfigFault {
  readonly variable: string;
  readonly message: string;
}

/** Wrong settings, all of them at once. Holds no values: some of them are secrets. */
export class ConfigError extends BatonError {
  override readonly name = "ConfigError";
  readonly code = "invalid_config";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ variable, message }) => `  ${variable}: ${message}`);
    super(["These settings are wrong; correct them in the environment and start again.", ...lines].join("\n"));
    this.faults = faults;
  }
}

const shortestSecretBytes = 32;

/** A text read as a URL with one of these schemes and a host. The message holds no part of the value. */
function url(schemes: readonly string[], example: string) {
  return z.string().refine(
    (text) => {
      const parsed = URL.parse(text);
      return parsed !== null && parsed.hostname !== "" && schemes.includes(parsed.protocol.slice(0, -1));
    },
    { error: `must be a URL like ${example}` },
  );
}

/** A comma-separated list whose every entry passes the check. */
function list(isEntry: (text: string) => boolean, error: string) {
  return z
    .string()
    .transform((text) => text.split(",").map((entry) => entry.trim()))
    .refine((entries) => entries.every(isEntry), { error });
}

const BaseUrl = url(["http", "https"], "https://baton.example.com").refine(
  (text) => {
    const { username, password, search, hash } = new URL(text);
    return [username, password, search, hash].every((part) => part === "");
  },
  { error: "must have no user name, query string or fragment", when: ({ issues }) => issues.length === 0 },
);

const Secrets = list((secret) => Buffer.byteLength(secret) >= shortestSecretBytes, secretLengthMessage());

const TrustProxy = z
  .string()
  .transform((text) => (text === "off" ? "0" : text))
  .refine((text) => /^\d$/.test(text) || text.split(",").every((entry) => isProxyAddress(entry.trim())), {
    error:
      "must be off, the number of proxies in front (1 to 9), or their addresses and networks, comma-separated; " +
      "trusting every proxy would let anyone choose the address they are seen under",
  });

const RateLimit = z
  .string()
  .refine((text) => text === "off" || (/^\d+(?:\.\d+)?$/.test(text) && Number(text) > 0), {
    error: "must be off, or a factor above 0 such as 2 or 0.5",
  })
  .transform((text) => (text === "off" ? "off" : Number(text)));

const Environment = z.object({
  NODE_ENV: z.string().optional(),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, "must be a port number, 0 to 65535")
    .transform(Number)
    .refine((port) => port <= 65_535, { error: "must be a port number, 0 to 65535" })
    .default(3000),
  HOST: z
    .string()
    .refine((host) => isIP(host) !== 0 || /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(host), {
      error: "must be an address or host name to listen on, such as 127.0.0.1, without scheme and port",
    })
    .optional(),
  BASE_URL: BaseUrl.transform((text) => text.replace(/\/+$/, "")).optional(),
  DATA_DIR: z
    .string()
    .refine((path) => !path.includes("\0"), { error: "must be the path of a directory" })
    .default("./data"),
  DATABASE_URL: url(["postgres", "postgresql"], "postgres://user:password@host/database").optional(),
  REDIS_URL: url(["redis", "rediss"], "redis://host:6379").optional(),
  BATON_SECRET: Secrets.default([]),
  SMTP_URL: url(["smtp", "smtps"], "smtps://user:password@mail.example.com:465").optional(),
  MAIL_FROM: z
    .string()
    .regex(/^(?:[^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/, "must be like Baton <baton@example.com>")
    .optional(),
  TRUST_PROXY: TrustProxy.default("0"),
  RATE_LIMIT: RateLimit.default(1),
  ALLOW_PRIVATE_NETWORK: list(
    isNetwork,
    "must be addresses or networks, comma-separated, such as 10.0.0.7,192.168.0.0/16; names are not taken",
  ).default([]),
  LOG_LEVEL: z.enum(logLevels, { error: `must be one of ${logLevels.join(", ")}` }).default("info"),
});

/**
 * Reads all settings from the environment (design.md, section 7). Pure; an empty variable counts as unset.
 *
 * Without HOST the server listens on every interface, IPv6 and IPv4: `localhost` means ::1 to one program and 127.0.0.1 to
 * the next, and a container is reached from outside only so. Every route asks for a token; HOST=127.0.0.1 keeps it private.
 *
 * @throws ConfigError naming every fault
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = Environment.safeParse(trimmed(given));
  const isProduction = given["NODE_ENV"]?.trim() === "production";
  const weak = weakSecrets(given["BATON_SECRET"] ?? "");
  const faults = parsed.success ? [] : faultsOf(parsed.error);
  if (isProduction) faults.push(...weak.filter(({ variable }) => !faults.some((fault) => fault.variable === variable)));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);

  const settings = parsed.data;
  const baseUrl = settings.BASE_URL ?? localUrl(settings.PORT);
  return {
    isProduction,
    port: settings.PORT,
    host: settings.HOST,
    baseUrl,
    dataDir: settings.DATA_DIR,
    database: settings.DATABASE_URL ? { kind: "postgres", url: settings.DATABASE_URL } : { kind: "sqlite" },
    redisUrl: settings.REDIS_URL,
    secrets: settings.BATON_SECRET,
    smtpUrl: settings.SMTP_URL,
    mailFrom: settings.MAIL_FROM ?? `Baton <baton@${new URL(baseUrl).hostname}>`,
    trustProxy: toTrustProxy(settings.TRUST_PROXY),
    rateLimit: settings.RATE_LIMIT,
    allowPrivateNetwork: settings.ALLOW_PRIVATE_NETWORK,
    logLevel: settings.LOG_LEVEL,
    warnings: [...weak.map(({ variable, message }) => `${variable}: ${message}`), ...unknownVariables(given)],
  };
}

/** The config once the server listens: with PORT=0 the port, and the base URL when it was not given, are known only then. */
export function atPort(config: Config, port: number): Config {
  return config.baseUrl === localUrl(config.port) ? { ...config, port, baseUrl: localUrl(port) } : { ...config, port };
}

const localUrl = (port: number): string => `http://localhost:${port}`;

function trimmed(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.trim()]));
}

function faultsOf(error: z.ZodError): ConfigFault[] {
  return error.issues.map(({ path, message }) => ({ variable: String(path[0]), message }));
}

function secretLengthMessage(): string {
  return (
    `must be at least ${shortestSecretBytes} bytes long (several, comma-separated, for a rotation); make one with ` +
    "`openssl rand -base64 48`, or leave it unset to have one made and kept in the data directory"
  );
}

/** Secrets long enough but guessable: words of an example, or too little variety to have been made by chance. */
function weakSecrets(value: string): ConfigFault[] {
  const sample =
    /change.?me|example|sample|secret|password|replace|your.?(?:key|own)|default|1234567890|abcdefgh|qwerty/i;
  const isWeak = value
    .split(",")
    .map((secret) => secret.trim())
    .some((secret) => secret !== "" && (sample.test(secret) || new Set(secret).size < 8));
  const message = "looks like a sample or is easy to guess; make one with `openssl rand -base64 48`";
  return isWeak ? [{ variable: "BATON_SECRET", message }] : [];
}

function unknownVariables(env: Record<string, string | undefined>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith("BATON_") && name !== "BATON_SECRET")
    .map((name) => `${name}: no such setting; it is ignored`);
}

function isNetwork(text: string): boolean {
  try {
    parseNetwork(text);
    return true;
  } catch {
    return false;
  }
}

// The names are Express's own for the networks they stand for.
function isProxyAddress(text: string): boolean {
  return ["loopback", "linklocal", "uniquelocal"].includes(text) || isNetwork(text);
}

function toTrustProxy(text: string): Config["trustProxy"] {
  if (text === "0") return false;
  return /^\d$/.test(text) ? Number(text) : text.split(",").map((entry) => entry.trim());
}
