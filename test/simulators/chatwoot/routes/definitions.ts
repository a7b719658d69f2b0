import { z } from "zod";
import { recordInvalid } from "../errors.ts";
import { attributeDefinitionShape, labelShape } from "../installation-shapes.ts";
import { find, route } from "../router.ts";
import type { AttributeDefinition, LabelDefinition, State } from "../state.ts";

const account = "/api/v1/accounts/:account_id";

const labelFields = {
  title: z.string().optional(),
  description: z.string().optional(),
  color: z.string().optional(),
  show_on_sidebar: z.boolean().optional(),
};

const attributeFields = {
  attribute_display_name: z.string().optional(),
  attribute_display_type: z.int().min(0).max(7).optional(),
  attribute_description: z.string().optional(),
  attribute_key: z.string().optional(),
  attribute_values: z.array(z.string()).optional(),
  attribute_model: z.int().min(0).max(1).optional(),
  regex_pattern: z.string().optional(),
  regex_cue: z.string().optional(),
};
const DefinitionBody = z.strictObject(attributeFields);
type DefinitionBody = z.infer<typeof DefinitionBody>;
const NewDefinitionBody = DefinitionBody.required({
  attribute_display_name: true,
  attribute_display_type: true,
  attribute_key: true,
  attribute_model: true,
});

/** What an account defines: labels and custom attributes. Definitions are written by administrators (8.3). */
export const definitionRoutes = [
  route(`GET ${account}/labels`, {
    who: "users",
    handle: ({ state }) => ({ body: { payload: [...state.labels.values()].map(labelShape) } }),
  }),
  route(`POST ${account}/labels`, {
    who: "administrator",
    body: z.strictObject({ ...labelFields, title: z.string() }),
    handle: ({ state, body }) => {
      const { title, description = null, color = "#1f93ff", show_on_sidebar: showOnSidebar = false } = body;
      return { body: labelShape(addLabel(state, { title, description, color, showOnSidebar })) };
    },
  }),
  route(`GET ${account}/labels/:id`, {
    who: "administrator",
    handle: ({ state, params }) => ({ body: labelShape(find(state.labels, params["id"])) }),
  }),
  route(`PATCH ${account}/labels/:id`, {
    who: "administrator",
    body: z.strictObject(labelFields),
    handle: ({ state, params, body }) => {
      const label = find(state.labels, params["id"]);
      const title = body.title === undefined ? label.title : titleOf(state, body.title, label);
      const { description = label.description, color = label.color } = body;
      Object.assign(label, { title, description, color, showOnSidebar: body.show_on_sidebar ?? label.showOnSidebar });
      state.events.emit("change");
      return { body: labelShape(label) };
    },
  }),
  route(`DELETE ${account}/labels/:id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      state.labels.delete(find(state.labels, params["id"]).id);
      state.events.emit("change");
      return {};
    },
  }),
  route(`GET ${account}/custom_attribute_definitions`, {
    who: "administrator",
    query: z.strictObject({ attribute_model: z.enum(["0", "1"]).optional() }),
    handle: ({ state, query }) => ({
      body: [...state.attributeDefinitions.values()]
        .filter((item) => query.attribute_model === undefined || item.model === models[Number(query.attribute_model)])
        .map(attributeDefinitionShape),
    }),
  }),
  route(`POST ${account}/custom_attribute_definitions`, {
    who: "administrator",
    body: NewDefinitionBody,
    handle: ({ state, body }) => ({ body: attributeDefinitionShape(addDefinition(state, columnsOf(body))) }),
  }),
  route(`GET ${account}/custom_attribute_definitions/:id`, {
    who: "administrator",
    handle: ({ state, params }) => ({
      body: attributeDefinitionShape(find(state.attributeDefinitions, params["id"])),
    }),
  }),
  route(`PATCH ${account}/custom_attribute_definitions/:id`, {
    who: "administrator",
    body: DefinitionBody,
    handle: ({ state, params, body }) => {
      const definition = find(state.attributeDefinitions, params["id"]);
      const wanted = { ...definition, ...columnsOf(body) };
      refuseDefinition(state, wanted, definition);
      Object.assign(definition, wanted);
      state.events.emit("change");
      return { body: attributeDefinitionShape(definition) };
    },
  }),
  route(`DELETE ${account}/custom_attribute_definitions/:id`, {
    who: "administrator",
    handle: ({ state, params }) => {
      state.attributeDefinitions.delete(find(state.attributeDefinitions, params["id"]).id);
      state.events.emit("change");
      return { status: 204 };
    },
  }),
];

const models = ["conversation_attribute", "contact_attribute"] as const;
const displayTypes = ["text", "number", "currency", "percent", "link", "date", "list", "checkbox"];

// What records have anyhow: a definition of that name is refused.
const ownNames: Record<AttributeDefinition["model"], readonly string[]> = {
  conversation_attribute: [
    "status",
    "priority",
    "assignee_id",
    "inbox_id",
    "team_id",
    "display_id",
    "campaign_id",
    "labels",
    "browser_language",
    "country_code",
    "referer",
    "created_at",
    "last_activity_at",
  ],
  contact_attribute: [
    "name",
    "email",
    "phone_number",
    "identifier",
    "country_code",
    "city",
    "created_at",
    "last_activity_at",
    "referer",
    "blocked",
  ],
};

type Columns = Partial<Omit<AttributeDefinition, "id" | "createdAt">>;

function columnsOf(body: DefinitionBody): Columns {
  const columns: Columns = {
    key: body.attribute_key,
    displayName: body.attribute_display_name,
    displayType: displayTypes[body.attribute_display_type ?? -1],
    description: body.attribute_description,
    model: models[body.attribute_model ?? -1],
    values: body.attribute_values,
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

export function addLabel(state: State, wanted: Omit<LabelDefinition, "id">): LabelDefinition {
  const label = { ...wanted, title: titleOf(state, wanted.title), id: state.nextId("label") };
  state.labels.set(label.id, label);
  state.events.emit("change");
  return label;
}

/** Titles are kept in lower case; each once. */
function titleOf(state: State, wanted: string, self?: LabelDefinition): string {
  const title = wanted.toLowerCase();
  if (!/^[\p{L}\p{N}]+[\p{L}\p{N}_-]*$/u.test(title)) throw recordInvalid([["title", "Title is invalid"]]);
  if ([...state.labels.values()].some((label) => label !== self && label.title === title)) {
    throw recordInvalid([["title", "Title has already been taken"]]);
  }
  return title;
}

export function addDefinition(state: State, columns: Columns): AttributeDefinition {
  const definition: AttributeDefinition = {
    key: "",
    displayName: "",
    displayType: "text",
    description: null,
    model: "conversation_attribute",
    values: [],
    ...columns,
    id: 0,
    createdAt: state.clock(),
  };
  refuseDefinition(state, definition);
  definition.id = state.nextId("attributeDefinition");
  state.attributeDefinitions.set(definition.id, definition);
  state.events.emit("change");
  return definition;
}

function refuseDefinition(state: State, wanted: AttributeDefinition, self?: AttributeDefinition): void {
  if (wanted.displayName === "") {
    throw recordInvalid([["attribute_display_name", "Attribute display name can't be blank"]]);
  }
  if (ownNames[wanted.model].includes(wanted.key)) {
    throw recordInvalid([["attribute_key", "Attribute key is one of the record's own"]]);
  }
  const isTaken = [...state.attributeDefinitions.values()].some(
    (item) => item !== self && item.key === wanted.key && item.model === wanted.model,
  );
  if (isTaken) throw recordInvalid([["attribute_key", "Attribute key has already been taken"]]);
}
