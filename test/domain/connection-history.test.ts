import { expect, test } from "vitest";
import { connectionHistory, downSeconds } from "../../src/domain/connection-history.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 20) + seconds * 1_000);
const works = { problem: null, problemSince: null };
const told = (spans: ReturnType<typeof connectionHistory>) =>
  spans.map(({ problem, from, to }) => [
    problem,
    (from.getTime() - at(0).getTime()) / 1_000,
    to && (to.getTime() - at(0).getTime()) / 1_000,
  ]);

test.each([
  ["nothing ever", works, [], [[null, 0, null]], 0],
  [
    "down and up again, for two reasons",
    works,
    [
      { at: at(10), problem: "a" },
      { at: at(20), problem: "b" },
      { at: at(50), problem: null },
    ],
    [
      [null, 0, 10],
      ["a", 10, 20],
      ["b", 20, 50],
      [null, 50, null],
    ],
    40,
  ],
  [
    "down since before",
    { problem: "a", problemSince: at(-50) },
    [{ at: at(-50), problem: "a" }],
    [["a", 0, null]],
    100,
  ],
  [
    "down before and up since",
    works,
    [
      { at: at(-5), problem: "a" },
      { at: at(60), problem: null },
    ],
    [
      ["a", 0, 60],
      [null, 60, null],
    ],
    60,
  ],
  [
    "a problem from before there was a history",
    { problem: "old", problemSince: at(30) },
    [],
    [
      [null, 0, 30],
      ["old", 30, null],
    ],
    70,
  ],
  [
    "the same again, and for no time at all",
    works,
    [
      { at: at(10), problem: "a" },
      { at: at(15), problem: "a" },
      { at: at(20), problem: "b" },
      { at: at(20), problem: null },
    ],
    [
      [null, 0, 10],
      ["a", 10, 20],
      [null, 20, null],
    ],
    10,
  ],
])("%s", (_what, connection, states, spans, down) => {
  const history = connectionHistory(connection, states, at(0));
  expect(told(history)).toEqual(spans);
  expect(downSeconds(history, at(100))).toBe(down);
});
