import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadMasterSecret, SecretError } from "../../src/secrets/master-secret.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-secret-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const load = (dataDir: string, options: { secrets?: string[]; isProduction?: boolean } = {}) =>
  loadMasterSecret({ secrets: [], isProduction: false, ...options, dataDir });

test("BATON_SECRET wins, and no file is made", () => {
  const dataDir = directory();
  expect(load(dataDir, { secrets: ["one", "two"] })).toEqual(["one", "two"]);
  expect(readdirSync(dataDir)).toEqual([]);
});

test("the first start makes one of 32 random bytes, for its owner alone, and every later start reads it", () => {
  const dataDir = directory();
  const [secret] = load(dataDir, { isProduction: true });
  expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  expect(statSync(join(dataDir, "secret")).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(["secret"]);
  expect(load(dataDir)).toEqual([secret]);
  expect(load(directory())).not.toEqual([secret]);
});

test("a second secret in the file takes part in a rotation", () => {
  const dataDir = directory();
  writeFileSync(join(dataDir, "secret"), `${"n".repeat(32)},\n${"o".repeat(32)}\n`, { mode: 0o600 });
  expect(load(dataDir)).toEqual(["n".repeat(32), "o".repeat(32)]);
});

describe("a file that cannot be used is told about and left alone", () => {
  test.each([
    ["empty", ""],
    ["cut short", "abc"],
    ["a second secret cut short", `${"n".repeat(32)},abc`],
  ])("%s", (_what, content) => {
    const dataDir = directory();
    writeFileSync(join(dataDir, "secret"), content, { mode: 0o600 });
    expect(() => load(dataDir)).toThrow(SecretError);
    expect(() => load(dataDir)).toThrow(/Restore it from a backup/);
    expect(readFileSync(join(dataDir, "secret"), "utf8")).toBe(content);
  });
});

function readableByAll(): string {
  const dataDir = directory();
  load(dataDir);
  chmodSync(join(dataDir, "secret"), 0o644);
  return dataDir;
}

describe("a file that other users can read", () => {
  test("stops the start in production", () =>
    expect(() => load(readableByAll(), { isProduction: true })).toThrow(SecretError));

  test("is closed elsewhere", () => {
    const dataDir = readableByAll();
    load(dataDir);
    expect(statSync(join(dataDir, "secret")).mode & 0o777).toBe(0o600);
  });
});
