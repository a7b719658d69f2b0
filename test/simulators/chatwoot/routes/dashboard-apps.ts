import { z } from "zod";
import { couldNotCreate, forbiddenByPolicy, recordInvalid } from "../errors.ts";
import type { DashboardApp } from "../installation-records.ts";
import { dashboardAppShape } from "../installation-shapes.ts";
import { find, isAdministrator, route, type Context } from "../router.ts";
import { isAtLeast, type State } from "../state.ts";

const apps = "/api/v1/accounts/:account_id/dashboard_apps";
const AppBody = z.strictObject({
  dashboard_app: z.strictObject({
    title: z.string(),
    content: z.array(z.strictObject({ type: z.literal("frame"), url: z.string() })).min(1),
  }),
});
type AppBody = z.infer<typeof AppBody>;

/** Frames in the conversation view. Written by any user, since 4.16.0 by administrators (7). */
export const dashboardAppRoutes = [
  route(`GET ${apps}`, {
    who: "users",
    handle: ({ state }) => ({ body: [...state.dashboardApps.values()].map(dashboardAppShape) }),
  }),
  route(`POST ${apps}`, {
    who: "users",
    body: AppBody,
    handle: (context) => {
      refuseAgent(context);
      return { body: dashboardAppShape(addDashboardApp(context.state, wanted(context))) };
    },
  }),
  route(`GET ${apps}/:id`, {
    who: "users",
    handle: ({ state, params }) => ({ body: dashboardAppShape(find(state.dashboardApps, params["id"])) }),
  }),
  route(`PATCH ${apps}/:id`, {
    who: "users",
    body: AppBody,
    handle: (context) => {
      refuseAgent(context);
      const app = find(context.state.dashboardApps, context.params["id"]);
      Object.assign(app, wanted(context));
      context.state.events.emit("change");
      return { body: dashboardAppShape(app) };
    },
  }),
  route(`DELETE ${apps}/:id`, {
    who: "users",
    handle: (context) => {
      refuseAgent(context);
      context.state.dashboardApps.delete(find(context.state.dashboardApps, context.params["id"]).id);
      context.state.events.emit("change");
      return { status: 204 };
    },
  }),
];

function refuseAgent(context: Context<unknown, unknown>): void {
  if (isAtLeast(context.state, "4.16") && !isAdministrator(context)) throw forbiddenByPolicy();
}

/** Without the wrapper Rails finds no parameters. */
function wanted({ body }: Context<AppBody>): Pick<DashboardApp, "title" | "content"> {
  const given = body.dashboard_app as AppBody["dashboard_app"] | undefined;
  if (given === undefined) throw couldNotCreate("param is missing or the value is empty: dashboard_app");
  const { title, content } = given;
  if (!title) throw recordInvalid([["title", "Title can't be blank"]]);
  if (!Array.isArray(content) || content.length === 0 || !content.every(isFrame)) {
    throw recordInvalid([["content", "Content : Invalid data"]]);
  }
  return { title, content };
}

const isFrame = ({ type, url }: DashboardApp["content"][number]) =>
  type === "frame" && /^https?:\/\//.test(url) && URL.canParse(url);

export function addDashboardApp(state: State, app: Pick<DashboardApp, "title" | "content">): DashboardApp {
  const made = { ...app, id: state.nextId("dashboardApp"), createdAt: state.clock() };
  state.dashboardApps.set(made.id, made);
  state.events.emit("change");
  return made;
}
