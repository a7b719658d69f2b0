import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { firstRunOf, startProgram } from "../faults/program.ts";
import type { Program } from "../faults/program.ts";
import { hasRedis, startRedis } from "../redis.ts";
import { client, eventually } from "./world.ts";

const PATIENT_MS = 20_000;

async function program(redisUrl: string): Promise<{ one: Program; dataDir: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), "baton-away-"));
  const one = await startProgram({ dataDir, env: { REDIS_URL: redisUrl, LOG_LEVEL: "debug", RATE_LIMIT: "1" } });
  onTestFinished(async () => {
    if (one.isRunning()) await one.end("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { one, dataDir };
}

const redisAt = async (one: Program) => (await client(one.url, null).get("/readyz")).body.parts.redis;

describe.skipIf(!(await hasRedis()))("a program whose Redis is away", () => {
  test("starts, serves and is ready, finds it when it comes, and says neither where it is nor how to get in", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    await redis.kill();
    const { one, dataDir } = await program(redis.url);
    const first = await firstRunOf(dataDir);
    expect(await redisAt(one)).toBe("away");
    expect((await client(one.url, null).get("/readyz")).status).toBe(200);
    const asked = await client(one.url, first.botToken).post("/v1/handoffs", {
      conversation: { id: "c-1" },
      trigger: "visitor",
    });
    expect(asked.status).toBe(201);
    await redis.start();
    await eventually(async () => (await redisAt(one)) === "ok", PATIENT_MS);
    await redis.kill();
    await eventually(async () => (await redisAt(one)) === "away", PATIENT_MS);
    const told = one.said() + one.logged();
    expect(told).toContain("redis_away");
    expect(told).not.toContain("a-test-password");
    expect(await one.end("SIGTERM")).toEqual({ code: 0, signal: null });
  });

  test("stops by itself although it is frozen", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const { one } = await program(redis.url);
    await eventually(async () => (await redisAt(one)) === "ok", PATIENT_MS);
    redis.freeze();
    await eventually(async () => (await redisAt(one)) === "away", PATIENT_MS);
    // Killed after fifteen seconds, it would not end with 0.
    expect(await one.end("SIGTERM")).toEqual({ code: 0, signal: null });
    redis.thaw();
  });
});
