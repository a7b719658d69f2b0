import { expect, test } from "vitest";
import { sweepSteps } from "./steps.ts";

test("killed at each step of a story once, it takes up each where it was", async () => {
  const swept = await sweepSteps({ seed: Number(process.env["FAULT_SEED"] ?? 20_261_120), slots: 12, commits: 3 });
  console.log(`${swept.stories} stories in ${swept.rounds} rounds, killed at ${swept.steps.size} kinds of steps`);
  expect(swept.wrong).toEqual([]);
  // Each of the ways of being killed has occurred, and at more steps than one would write down.
  for (const way of [
    /out to the helpdesk asked: POST/,
    /out to the helpdesk answered: POST/,
    /out to the bot asked/,
    /out to the bot answered/,
    /in asked: POST/,
    /in answered: POST/,
  ])
    expect([way, [...swept.steps].filter((step) => way.test(step)).length > 1]).toEqual([way, true]);
  expect(swept.steps.size).toBeGreaterThan(40);
}, 420_000);
