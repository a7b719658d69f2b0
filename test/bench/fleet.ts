import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { firstRunOf, startProgram } from "../faults/program.ts";
import type { Program } from "../faults/program.ts";
import { CONNECTIONS, load } from "./load.ts";
import type { Load } from "./load.ts";

/** Several processes on one database. */
export interface FleetSettings {
  /** Of a server where databases may be made: the fleet gets one of its own, and leaves none. */
  readonly postgresUrl: string;
  /** With a database number that nobody else uses; null: none, which is for one process. */
  readonly redisUrl: string | null;
  readonly processes: number;
  readonly seconds: number;
}

/**
 * Live handoffs stored by PostgreSQL, the same 64 connections spread over all processes. The median and the slowest hundredth
 * are those of the process that did worst; processor time is that of Baton's processes, not the database's.
 *
 * @throws Error when fewer are stored than were answered
 */
export async function measureFleet({ postgresUrl, redisUrl, processes, seconds }: FleetSettings): Promise<Load> {
  const database = `baton_bench_${randomBytes(4).toString("hex")}`;
  await ask(postgresUrl, `create database ${database}`);
  const url = Object.assign(new URL(postgresUrl), { pathname: `/${database}` }).href;
  const dataDirs: string[] = [];
  const programs: Program[] = [];
  try {
    const env = {
      DATABASE_URL: url,
      BATON_SECRET: randomBytes(32).toString("base64url"),
      ...(redisUrl !== null && { REDIS_URL: redisUrl }),
    };
    for (let number = 0; number < processes; number += 1) {
      const dataDir = mkdtempSync(join(tmpdir(), "baton-bench-"));
      dataDirs.push(dataDir);
      programs.push(await startProgram({ dataDir, env }));
    }
    const [first = ""] = dataDirs;
    const { adminToken, botToken } = await firstRunOf(first);
    await bringAgentOnline(programs[0]?.url ?? "", adminToken);
    const runs = await Promise.all(
      programs.map(({ url: at, pid }) =>
        load({ url: `${at}/v1/handoffs`, pid, token: botToken, seconds, connections: CONNECTIONS / processes }),
      ),
    );
    const stored = Number((await ask(url, "select count(*) as n from handoffs"))[0]?.["n"]);
    const together = sum(runs);
    if (!(stored >= together.answered))
      throw new Error(`${together.answered} handoffs were answered, ${stored} are stored`);
    return together;
  } finally {
    await Promise.all(programs.filter((program) => program.isRunning()).map((program) => program.end("SIGTERM")));
    for (const dataDir of dataDirs) rmSync(dataDir, { recursive: true, force: true });
    await ask(postgresUrl, `drop database if exists ${database} with (force)`);
  }
}

function sum(runs: readonly Load[]): Load {
  const answered = runs.reduce((all, one) => all + one.answered, 0);
  return {
    answered,
    perSecond: runs.reduce((all, one) => all + one.perSecond, 0),
    p50: Math.max(...runs.map(({ p50 }) => p50)),
    p99: Math.max(...runs.map(({ p99 }) => p99)),
    processorMicroseconds: runs.reduce((all, one) => all + one.processorMicroseconds * one.answered, 0) / answered,
  };
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function bringAgentOnline(url: string, token: string): Promise<void> {
  const call = async (method: string, path: string, body: unknown) => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  const { id } = await call("POST", "/v1/members", { name: "Alex", role: "agent" });
  await call("PUT", `/v1/members/${id}/presence`, { status: "online", forSeconds: 86_400 });
}
