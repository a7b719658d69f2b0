import { expect, test } from "vitest";
import { connectionLimits } from "../../src/http/connection-limits.ts";

const limits = (files: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${files}              1048576              files     \n`;

test.each([
  ["more than enough", limits("1048576"), { connections: 20_000, streams: 15_000 }],
  ["just enough for ten thousand streams", limits("16384"), { connections: 15_872, streams: 11_904 }],
  ["an old default", limits("1024"), { connections: 512, streams: 384 }],
  ["next to nothing", limits("256"), { connections: 128, streams: 96 }],
  ["no bound", limits("unlimited"), { connections: 20_000, streams: 15_000 }],
  ["a system that does not say", null, { connections: 20_000, streams: 15_000 }],
])("files that may be open: %s", (_what, text, expected) => expect(connectionLimits(text)).toEqual(expected));
