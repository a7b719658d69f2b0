import type { Command } from "commander";
import { z } from "zod";
import { shown, tell } from "./output.ts";
import { pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";

const Named = z.looseObject({ id: z.string(), name: z.string() }).nullable();

const Report = z.looseObject({
  ok: z.boolean(),
  findings: z.array(
    z.looseObject({
      area: z.string(),
      step: z.string(),
      state: z.enum(["ok", "note", "wrong"]),
      message: z.string(),
      fix: z.string().nullable(),
      workspace: Named,
      connection: Named,
    }),
  ),
});
type Finding = z.infer<typeof Report>["findings"][number];

const MARKS = { ok: "ok   ", note: "note ", wrong: "WRONG" } as const;
const WIDEST = 26;
/** Many helpdesks that hang take their time. */
const TIMEOUT_MS = 600_000;

export function doctorCommand(baton: Command, deps: CommandDeps): void {
  baton
    .command("doctor")
    .description("look whether all is well, here and in every helpdesk; exits with 1 when something is wrong")
    .option("--workspace <id or name>", "only this workspace's part, beside the server's own")
    .action(async (options: { workspace?: string }, command: Command) => {
      const told = await deps.with(async (reached) => {
        if (options.workspace === undefined) return reached.asOperator.get("/v1/doctor", TIMEOUT_MS);
        const { id } = await pickWorkspace(reached, options.workspace);
        return reached.asOperator.get(`/v1/doctor?workspaceId=${encodeURIComponent(id)}`, TIMEOUT_MS);
      });
      const report = Report.parse(told);
      tell(deps.output(command), told, [...linesOf(report.findings), endOf(report.findings)]);
      if (!report.ok) deps.failed();
    });
}

/** A heading for each workspace and connection, and what was found there below it. */
function linesOf(findings: readonly Finding[]): string[] {
  let heading = "";
  return findings.flatMap((finding) => {
    const next = headingOf(finding);
    const lines = [
      ...(next === heading ? [] : [next]),
      `${MARKS[finding.state]} ${`${finding.area}/${finding.step}`.padEnd(WIDEST)} ${shown(finding.message)}`,
      ...(finding.state === "ok" || finding.fix === null ? [] : [`${" ".repeat(WIDEST + 6)} ${shown(finding.fix)}`]),
    ];
    heading = next;
    return lines;
  });
}

function headingOf({ workspace, connection }: Finding): string {
  if (workspace === null) return "This server";
  const within = `Workspace ${shown(workspace.name)}`;
  return connection === null ? within : `${within}, connection ${shown(connection.name)} (${shown(connection.id)})`;
}

function endOf(findings: readonly Finding[]): string {
  const count = findings.filter(({ state }) => state === "wrong").length;
  if (count === 0) return "All is well.";
  return count === 1 ? "One thing is wrong." : `${count} things are wrong.`;
}
