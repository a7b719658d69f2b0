import { z } from "zod";
import { appAddress, isOurApp } from "../addresses.ts";
import { DashboardApp } from "../shapes.ts";
import { makeOnce } from "./make-once.ts";
import { objects } from "./objects.ts";
import type { Site } from "./site.ts";
import type { Done } from "./step-run.ts";

export const DASHBOARD_APP = "dashboard_app";

export async function listApps(site: Site): Promise<DashboardApp[]> {
  const answer = z.array(DashboardApp);
  return await site.client().call({ method: "GET", path: "/dashboard_apps", doing: "list the dashboard apps", answer });
}

const urlOf = (app: DashboardApp): string | null => app.content?.[0]?.url ?? null;

/** By its address, also a former one; or one of our making with our title whose address somebody changed. */
export function ourApp(site: Site, apps: readonly DashboardApp[]): DashboardApp | null {
  const made = site.book.made(DASHBOARD_APP);
  const { title } = objects.dashboardApp;
  return (
    apps.find((app) => isOurApp(urlOf(app), site.place)) ??
    apps.find((app) => String(app.id) === made && app.title === title) ??
    null
  );
}

/** The tab in Chatwoot's conversation view that shows a handoff. */
export async function ensureDashboardApp(site: Site): Promise<Done<DashboardApp>> {
  const url = appAddress(site.place);
  const { title } = objects.dashboardApp;
  const { record, isNew } = await makeOnce(site, {
    key: DASHBOARD_APP,
    find: async () => ourApp(site, await listApps(site)),
    make: () => write(site, "POST", "/dashboard_apps", { title, content: [{ type: "frame", url }] }),
  });
  const tab = `The tab "${record.title ?? title}" in the conversation view`;
  if (isNew) return { outcome: "made", message: `${tab} was made.`, value: record };
  if (urlOf(record) === url) return { outcome: "found", message: `${tab} is there.`, value: record };
  const repaired = await write(site, "PATCH", `/dashboard_apps/${record.id}`, {
    title: record.title || title,
    content: [{ type: "frame", url }],
  });
  return { outcome: "repaired", message: `${tab} leads to Baton again.`, value: repaired };
}

/** With the wrapper key, which is not put on by itself here (sheet 1). */
function write(site: Site, method: "POST" | "PATCH", path: string, app: unknown): Promise<DashboardApp> {
  const json = { dashboard_app: app };
  return site.client().call({ method, path, doing: "set up the dashboard app", json, answer: DashboardApp });
}
