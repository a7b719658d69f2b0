import { decide } from "../../src/domain/decision.ts";
import { compileSchedule, Schedule } from "../../src/domain/schedule.ts";

const HOUR_MS = 3_600_000;
const SPAN_MS = 366 * 24 * HOUR_MS;

/** Decisions per second by a schedule with two slots a day and a holiday, at instants scattered over a year. */
export function measureDecisions(count: number): number {
  const slots = [
    { start: "09:00", end: "12:00" },
    { start: "14:00", end: "18:00" },
  ];
  const weekday = { enabled: true, slots };
  const schedule = compileSchedule(
    Schedule.parse({
      timezone: "Europe/Bucharest",
      weekly: {
        monday: weekday,
        tuesday: weekday,
        wednesday: weekday,
        thursday: weekday,
        friday: weekday,
        saturday: { enabled: true, slots: [{ start: "22:00", end: "02:00" }] },
      },
      overrides: [{ date: "2026-12-25", label: "Christmas", slots: [] }],
    }),
  );
  const from = Date.UTC(2026, 0, 1);
  const run = (times: number) => {
    let live = 0;
    for (let index = 0; index < times; index += 1) {
      const at = new Date(from + ((index * 2_654_435_761) % SPAN_MS));
      const { outcome } = decide({
        enabled: true,
        trigger: "both",
        neverAvailable: false,
        agentsAvailable: true,
        queueLimit: 0,
        asker: "visitor",
        alreadyOpen: false,
        schedule: schedule.at(at),
        candidates: [{ destination: "inbox", presenceRequired: true, online: 1, down: false }],
        pendingCount: 0,
      });
      if (outcome === "live") live += 1;
    }
    return live;
  };
  run(count / 10);
  const startedAt = performance.now();
  const live = run(count);
  const seconds = (performance.now() - startedAt) / 1000;
  // 35 hours and 4 of the week are open: something else was measured when the share is far from that.
  const share = live / count;
  if (share < 0.2 || share > 0.27) throw new Error(`${(share * 100).toFixed(1)} percent of the instants were open`);
  return count / seconds;
}
