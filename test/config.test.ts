import { describe, expect, test } from "vitest";
import { atPort, ConfigError, readConfig } from "../src/config.ts";

const strong = "q7Wm2Zx9Lr4Tn8Bv3Kc6Hd1Fs5Gj0Py-Ae";
const stronger = "Zk8Rw3Vn6Xt1Mb9Qf4Lh7Jd2Sg5Cp0Ty-Ua";

function faultsOf(env: Record<string, string | undefined>) {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the config was accepted");
}

test("with nothing set there is a working config", () => {
  expect(readConfig({})).toEqual({
    isProduction: false,
    port: 3000,
    host: undefined,
    baseUrl: "http://localhost:3000",
    dataDir: "./data",
    database: { kind: "sqlite" },
    redisUrl: undefined,
    secrets: [],
    smtpUrl: undefined,
    mailFrom: "Baton <baton@localhost>",
    trustProxy: false,
    rateLimit: 1,
    allowPrivateNetwork: [],
    logLevel: "info",
    warnings: [],
  });
});

test("an empty variable counts as unset", () => {
  const names = ["PORT", "HOST", "BASE_URL", "DATA_DIR", "DATABASE_URL", "REDIS_URL", "BATON_SECRET", "SMTP_URL"];
  const more = ["MAIL_FROM", "TRUST_PROXY", "RATE_LIMIT", "ALLOW_PRIVATE_NETWORK", "LOG_LEVEL", "NODE_ENV"];
  const empty = Object.fromEntries([...names, ...more].map((name) => [name, ""]));
  expect(readConfig(empty)).toEqual(readConfig({}));
  expect(readConfig(Object.fromEntries(Object.keys(empty).map((name) => [name, "  "])))).toEqual(readConfig({}));
});

test("everything set", () => {
  expect(
    readConfig({
      NODE_ENV: "production",
      PORT: "8080",
      HOST: "::1",
      BASE_URL: "https://baton.example.com/desk/",
      DATA_DIR: "/var/lib/baton",
      DATABASE_URL: "postgres://baton:pw@db/baton",
      REDIS_URL: "rediss://cache:6380/1",
      BATON_SECRET: `${strong}, ${stronger}`,
      SMTP_URL: "smtps://user:pw@mail.example.com:465",
      MAIL_FROM: "Support <support@example.com>",
      TRUST_PROXY: "loopback, 10.0.0.0/8",
      RATE_LIMIT: "2.5",
      ALLOW_PRIVATE_NETWORK: "10.0.0.7, fd00::/8",
      LOG_LEVEL: "warn",
    }),
  ).toEqual({
    isProduction: true,
    port: 8080,
    host: "::1",
    baseUrl: "https://baton.example.com/desk",
    dataDir: "/var/lib/baton",
    database: { kind: "postgres", url: "postgres://baton:pw@db/baton" },
    redisUrl: "rediss://cache:6380/1",
    secrets: [strong, stronger],
    smtpUrl: "smtps://user:pw@mail.example.com:465",
    mailFrom: "Support <support@example.com>",
    trustProxy: ["loopback", "10.0.0.0/8"],
    rateLimit: 2.5,
    allowPrivateNetwork: ["10.0.0.7", "fd00::/8"],
    logLevel: "warn",
    warnings: [],
  });
});

test.each([
  ["off", false],
  ["0", false],
  ["1", 1],
  ["2", 2],
  ["127.0.0.1", ["127.0.0.1"]],
])("TRUST_PROXY=%s", (value, expected) => expect(readConfig({ TRUST_PROXY: value }).trustProxy).toEqual(expected));

test("RATE_LIMIT=off", () => expect(readConfig({ RATE_LIMIT: "off" }).rateLimit).toBe("off"));

test("mail comes from the server's own name when nothing else is said", () => {
  expect(readConfig({ BASE_URL: "https://desk.example.com:8443" }).mailFrom).toBe("Baton <baton@desk.example.com>");
});

describe("the port that the system chose", () => {
  test("enters the base URL when that was not given", () => {
    expect(atPort(readConfig({ PORT: "0" }), 41_234)).toMatchObject({
      port: 41_234,
      baseUrl: "http://localhost:41234",
    });
  });

  test("leaves a given base URL alone", () => {
    const config = readConfig({ PORT: "0", BASE_URL: "https://baton.example.com" });
    expect(atPort(config, 41_234)).toMatchObject({ port: 41_234, baseUrl: "https://baton.example.com" });
  });
});

test.each([
  ["PORT", "65536"],
  ["PORT", "-1"],
  ["PORT", "80a"],
  ["PORT", "3e3"],
  ["HOST", "http://localhost"],
  ["HOST", "localhost:3000"],
  ["BASE_URL", "baton.example.com"],
  ["BASE_URL", "ftp://baton.example.com"],
  ["BASE_URL", "https://ana:pw@baton.example.com"],
  ["BASE_URL", "https://baton.example.com/?a=b"],
  ["BASE_URL", "https://baton.example.com/#a"],
  ["DATA_DIR", "da\0ta"],
  ["DATABASE_URL", "mysql://db/baton"],
  ["DATABASE_URL", "postgres:"],
  ["REDIS_URL", "http://cache:6379"],
  ["REDIS_URL", "cache:6379"],
  ["BATON_SECRET", "too short"],
  ["BATON_SECRET", `${strong},too short`],
  ["BATON_SECRET", `${strong},`],
  ["SMTP_URL", "mail.example.com"],
  ["SMTP_URL", "https://mail.example.com"],
  ["MAIL_FROM", "not an address"],
  ["MAIL_FROM", "Ana <ana@example.com>\r\nBcc: all@example.com"],
  ["TRUST_PROXY", "true"],
  ["TRUST_PROXY", "all"],
  ["TRUST_PROXY", "10.0.0.0/33"],
  ["RATE_LIMIT", "0"],
  ["RATE_LIMIT", "-1"],
  ["RATE_LIMIT", "Infinity"],
  ["RATE_LIMIT", "lots"],
  ["ALLOW_PRIVATE_NETWORK", "intranet.example.com"],
  ["ALLOW_PRIVATE_NETWORK", "10.0.0.0/8,,"],
  ["ALLOW_PRIVATE_NETWORK", "10.0.0.1:8080"],
  ["LOG_LEVEL", "verbose"],
])("%s=%j is refused by name", (variable, value) => {
  const { faults, message } = faultsOf({ [variable]: value });
  expect(faults.map((fault) => fault.variable)).toEqual([variable]);
  expect(message).toContain(`\n  ${variable}: must `);
});

test("every fault is told at once, and no value with it", () => {
  const { faults, message } = faultsOf({
    PORT: "s3cret-port",
    BASE_URL: "s3cret-base",
    DATABASE_URL: "s3cret-db",
    REDIS_URL: "s3cret-redis",
    BATON_SECRET: "s3cret-key",
    SMTP_URL: "s3cret-smtp",
    RATE_LIMIT: "s3cret-rate",
  });
  expect(faults.map((fault) => fault.variable)).toEqual([
    "PORT",
    "BASE_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "BATON_SECRET",
    "SMTP_URL",
    "RATE_LIMIT",
  ]);
  expect(message).not.toContain("s3cret");
});

describe("secrets that anyone could guess", () => {
  const weak = [
    ["a sample value", "change-me-change-me-change-me-change-me"],
    ["words of an example", "my-super-secret-key-for-baton-please-replace"],
    ["one character", "x".repeat(64)],
    ["few characters", "abababababababababababababababababab"],
    ["a keyboard row", "0123456789012345678901234567890123456789"],
    ["one weak among good ones", `${strong},${"y".repeat(40)}`],
  ] as const;

  test.each(weak)("stop the start in production: %s", (_what, secret) => {
    const { faults } = faultsOf({ NODE_ENV: "production", BATON_SECRET: secret });
    expect(faults.map(({ variable }) => variable)).toEqual(["BATON_SECRET"]);
  });

  test.each(weak)("are warned about elsewhere: %s", (_what, secret) => {
    expect(readConfig({ BATON_SECRET: secret }).warnings).toEqual([expect.stringContaining("BATON_SECRET")]);
  });

  test("a random one passes in production", () => {
    expect(readConfig({ NODE_ENV: "production", BATON_SECRET: strong }).secrets).toEqual([strong]);
  });
});

test("a mistyped name is pointed out", () => {
  expect(readConfig({ BATON_SECRT: strong }).warnings).toEqual(["BATON_SECRT: no such setting; it is ignored"]);
});
