import type { ApiDescription } from "../openapi-check.ts";

/** The description of the part of the API that a connector may call: request bodies are closed. */
export const freshchatApi: ApiDescription = {
  documents: ["freshchat.openapi.json"],
  prefix: "/v2",
  tellApart: ["actor_type"],
  drifts: [],
  formValues: (body) => body,
};
