import { z } from "zod";
import { alreadyExists, invalid } from "../errors.ts";
import { find, pageOf, route } from "../router.ts";
import { userShape } from "../shapes.ts";
import { conversationsOf, type Json, type State, type User } from "../state.ts";
import { addUser } from "../installation.ts";

const text = z.string().optional();
const filters: Record<string, (user: User, value: string) => boolean> = {
  email: (user, value) => user.email?.toLowerCase() === value.toLowerCase(),
  reference_id: (user, value) => user.referenceId === value,
  phone_no: (user, value) => user.phone === value,
  first_name: (user, value) => user.firstName === value,
  last_name: (user, value) => user.lastName === value,
  created_from: (user, value) => user.createdAt >= new Date(value),
  created_to: (user, value) => user.createdAt <= new Date(value),
  updated_from: (user, value) => user.updatedAt >= new Date(value),
  updated_to: (user, value) => user.updatedAt <= new Date(value),
};
const Filters = z.strictObject({
  page: text,
  items_per_page: text,
  sort_order: text,
  sort_by: text,
  ...Object.fromEntries(Object.keys(filters).map((name) => [name, text])),
});

export const userRoutes = [
  route("GET /v2/users", {
    query: Filters,
    handle: (context) => {
      const query = context.query as Record<string, string | undefined>;
      const asked = Object.keys(filters).filter((name) => query[name] !== undefined && query[name] !== "");
      if (asked.length === 0) throw invalid("At least one filter is required");
      const isWanted = (user: User) => asked.every((name) => filters[name]!(user, query[name]!));
      const found = [...context.state.users.values()].filter(isWanted);
      return { body: pageOf(context, "/v2/users", "users", found, userShape) };
    },
  }),
  route("POST /v2/users", {
    handle: ({ state, body }) => {
      checkUser(body);
      const referenceId = body["reference_id"];
      const isTaken = [...state.users.values()].some(
        (user) => user.referenceId !== null && user.referenceId === referenceId,
      );
      if (isTaken && state.settings.existingReferenceId === "refuse") throw alreadyExists();
      const user = addUser(state, {});
      write(state, user, body);
      return { body: userShape(user) };
    },
  }),
  route("POST /v2/users/fetch", {
    isWrite: false,
    handle: ({ state, body }) => {
      const ids = Array.isArray(body["ids"]) ? (body["ids"] as unknown[]) : [];
      if (ids.length === 0 || ids.length > 100) throw invalid("ids holds 1 to 100 ids");
      return { body: { users: ids.flatMap((id) => state.users.get(String(id)) ?? []).map(userShape) } };
    },
  }),
  route("GET /v2/users/:user_id", {
    query: z.strictObject({ system_user: z.enum(["true", "false"]).optional() }),
    handle: ({ state, params }) => ({ body: userShape(find(state.users, params["user_id"], "user")) }),
  }),
  route("PUT /v2/users/:user_id", {
    handle: ({ state, params, body }) => {
      const user = find(state.users, params["user_id"], "user");
      checkUser(body);
      write(state, user, body);
      return state.settings.updateAnswer === "nothing" ? {} : { body: userShape(user) };
    },
  }),
  route("GET /v2/users/:user_id/conversations", {
    handle: ({ state, params }) => {
      const user = find(state.users, params["user_id"], "user");
      const ids = conversationsOf(state, user.id).map(({ id }) => ({ id }));
      return { body: { conversations: state.settings.userConversations === "newest_first" ? ids.toReversed() : ids } };
    },
  }),
];

function checkUser(body: Json): void {
  const { email, properties } = body;
  if (email !== undefined && !(typeof email === "string" && /^[^@\s]+@[^@\s]+$/.test(email))) {
    throw invalid("email is not valid");
  }
  if (properties !== undefined && !Array.isArray(properties)) throw invalid("properties must be an array");
}

const columns = {
  email: "email",
  first_name: "firstName",
  last_name: "lastName",
  phone: "phone",
  reference_id: "referenceId",
} as const;

/** Fields that are not given stay as they are; `properties` is replaced whole (1.7). */
function write(state: State, user: User, body: Json): void {
  for (const [name, column] of Object.entries(columns)) {
    const value = body[name];
    if (typeof value === "string") user[column] = value === "" ? null : value;
  }
  const avatar = body["avatar"] as { url?: string } | undefined;
  if (avatar) user.avatarUrl = avatar.url ?? null;
  if (Array.isArray(body["properties"])) user.properties = body["properties"] as User["properties"];
  user.updatedAt = state.stamp();
  state.events.emit("change");
}
