import { defineConfig } from "vitest/config";

/**
 * Stories that are told a second time, on PostgreSQL: those in which most happens at once. With CI=true, or BATON_TEST_BOTH=1;
 * BATON_TEST_DATABASE=postgres tells any story there.
 */
const TOLD_TWICE = ["handoff", "control", "conversations", "interleaving"];
const isToldTwice = process.env["CI"] === "true" || process.env["BATON_TEST_BOTH"] === "1";

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "baton",
          include: ["test/**/*.test.ts", "src/**/*.test.ts", "connectors/**/*.test.ts", "webhooks/**/*.test.ts"],
        },
      },
      ...(isToldTwice
        ? [
            {
              extends: true,
              test: {
                name: "on PostgreSQL",
                include: TOLD_TWICE.map((story) => `test/stories/${story}.test.ts`),
                env: { BATON_TEST_DATABASE: "postgres" },
              },
            } as const,
          ]
        : []),
    ],
  },
});
