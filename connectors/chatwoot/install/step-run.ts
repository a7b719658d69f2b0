import { DeliveryError } from "../../../src/domain/delivery.ts";
import type { ProvisionReport, ProvisionStep } from "../../../src/ports.ts";
import { fixFor } from "../fix-for.ts";
import type { Site } from "./site.ts";

/** What a step came to. `value` is for the steps that need it; null where they cannot go on. */
export interface Done<T> {
  readonly outcome: ProvisionStep["outcome"];
  readonly message: string;
  readonly fix?: string | null;
  readonly value: T | null;
}

/** A step that cannot be done, for a reason that the admin can mend. */
export class StepFailure extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/** The steps of one run, each told as soon as it ended. */
export interface StepRun {
  /**
   * Does a step once all that it needs is there: what earlier steps gave, by their names. Otherwise it is skipped, and says so.
   * Throws only what the ledger threw.
   */
  after<Needs extends Record<string, unknown>, T>(
    needs: { readonly [Step in keyof Needs]: Needs[Step] | null },
    step: string,
    act: (needs: Needs) => Promise<Done<T>>,
  ): Promise<T | null>;
  report(about: Readonly<Record<string, string>>): ProvisionReport;
}

export function createStepRun(site: Site): StepRun {
  const steps: ProvisionStep[] = [];
  function tell(step: ProvisionStep): void {
    steps.push(step);
    site.deps.told(step);
  }
  return {
    async after(needs, step, act) {
      const missing = Object.entries(needs).find(([, value]) => value === null)?.[0];
      if (missing !== undefined) {
        const why = steps.find((done) => done.step === missing)?.outcome === "skipped" ? "was skipped" : "failed";
        tell({ step, outcome: "skipped", message: `Not done, since the step ${missing} ${why}.`, fix: null });
        return null;
      }
      const { value, ...done } = await tried(site, step, () => act(needs as Parameters<typeof act>[0]));
      tell({ step, outcome: done.outcome, message: done.message, fix: done.fix ?? null });
      return value;
    },
    report: (about) => ({ ok: steps.every(({ outcome }) => outcome !== "failed"), steps, about }),
  };
}

async function tried<T>(site: Site, step: string, act: () => Promise<Done<T>>): Promise<Done<T>> {
  try {
    return await act();
  } catch (error) {
    const broken = site.book.failure();
    if (broken) throw broken.error;
    if (error instanceof StepFailure) return { outcome: "failed", message: error.message, fix: error.fix, value: null };
    if (error instanceof DeliveryError)
      return { outcome: "failed", message: error.message, fix: fixFor(error), value: null };
    site.deps.log.error("install_step_failed", { state: step, error });
    const message = "Something went wrong in Baton itself; its log says more.";
    return {
      outcome: "failed",
      message,
      fix: "Run it again; if it fails the same way, report the log's lines.",
      value: null,
    };
  }
}

type Kind = "made" | "repaired" | "found";

/** The most that happened to any of several records. */
export function sumOf(outcomes: readonly Kind[]): Kind {
  return (["made", "repaired"] as const).find((kind) => outcomes.includes(kind)) ?? "found";
}
