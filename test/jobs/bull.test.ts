import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, onTestFinished } from "vitest";
import { createBullJobs } from "../../src/jobs/bull.ts";
import type { InProcessJobsSettings } from "../../src/jobs/in-process.ts";
import type { Jobs } from "../../src/ports.ts";
import type { RedisLink } from "../../src/redis/link.ts";
import { jobsContract } from "../contracts/jobs-contract.ts";
import { hasRedis, REDIS_URL } from "../redis.ts";
import { openLink, removeKeys } from "../redis-link.ts";

describe.skipIf(!(await hasRedis()))("with Redis", () => {
  let link: RedisLink;
  let prefix = "";
  const prefixes: string[] = [];
  beforeAll(async () => {
    link = await openLink(REDIS_URL);
  });
  afterAll(async () => {
    for (const one of prefixes) await removeKeys(link, one);
    await link.close();
  });

  /** Every world has a queue of its own; the workers of one world share it. */
  function create(settings: InProcessJobsSettings): Jobs {
    if (prefix === "") {
      prefix = `baton-test-${randomUUID()}:`;
      prefixes.push(prefix);
    }
    onTestFinished(() => {
      prefix = "";
    });
    return createBullJobs({ ...settings, link: { ...link, prefix, ask } });
  }

  let asked = 0;
  const ask: RedisLink["ask"] = async (question) => {
    asked += 1;
    try {
      return await link.ask(question);
    } finally {
      asked -= 1;
    }
  };

  async function isQuiet(): Promise<boolean> {
    const lists = prefixes.slice(-1).flatMap((one) => [`${one}bull:wake-ups:wait`, `${one}bull:wake-ups:active`]);
    const lengths = await Promise.all(lists.map((list) => link.commands.llen(list)));
    return asked === 0 && lengths.every((length) => length === 0);
  }

  jobsContract("Bull", { create, elsewhere: { isAsked: () => asked > 0, isQuiet } });
});
