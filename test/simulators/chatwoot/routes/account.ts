import { profileShape } from "../installation-shapes.ts";
import { callerUser, route } from "../router.ts";

/** The instance, and the profile behind a token. */
export const accountRoutes = [
  route("GET /api", {
    who: "anyone",
    handle: ({ state }) => ({
      body: {
        version: state.version,
        timestamp: state.clock().toISOString().replace("T", " ").slice(0, 19),
        queue_services: "ok",
        data_services: "ok",
      },
    }),
  }),
  route("GET /health", { who: "anyone", handle: () => ({ body: { status: "woot" } }) }),
  route("GET /api/v1/profile", {
    who: "users",
    handle: (context) => ({ body: profileShape(context.state, callerUser(context)) }),
  }),
];
