import { z } from "zod";
import { AttributeDefinition, Label, wrapped } from "../shapes.ts";
import { makeOnce } from "./make-once.ts";
import { objects } from "./objects.ts";
import type { WantedAttribute, WantedLabel } from "./objects.ts";
import type { Site } from "./site.ts";
import { sumOf } from "./step-run.ts";
import type { Done } from "./step-run.ts";

export const labelKey = ({ title }: Pick<WantedLabel, "title">): string => `label_${title}`;
export const attributeKey = ({ model, key }: Pick<WantedAttribute, "model" | "key">): string =>
  `attribute_${model}_${key}`;

export async function listLabels(site: Site): Promise<Label[]> {
  const answer = wrapped(z.array(Label));
  return (await site.client().call({ method: "GET", path: "/labels", doing: "list the labels", answer })).payload;
}

/** Labels that Baton sets, so that they stand in Chatwoot's sidebar. One of the team's own is left as it is. */
export async function ensureLabels(site: Site): Promise<Done<true>> {
  const outcomes: ("made" | "found")[] = [];
  for (const wanted of objects.labels) {
    const { isNew } = await makeOnce(site, {
      key: labelKey(wanted),
      find: async () => (await listLabels(site)).find(({ title }) => title?.toLowerCase() === wanted.title) ?? null,
      make: () => makeLabel(site, wanted),
      isMade: ({ description }) => description === wanted.description,
    });
    outcomes.push(isNew ? "made" : "found");
  }
  const names = objects.labels.map(({ title }) => title).join(", ");
  const outcome = sumOf(outcomes);
  return { outcome, message: `Labels: ${names}${outcome === "made" ? "" : " (there before)"}.`, value: true };
}

const makeLabel = (site: Site, wanted: WantedLabel): Promise<Label> =>
  site.client().call({ method: "POST", path: "/labels", doing: "make a label", json: wanted, answer: Label });

const models = { conversation: 0, contact: 1 } as const;
const displayTypes = { text: 0, link: 4, date: 5 } as const;

export async function listAttributes(site: Site, model: WantedAttribute["model"]): Promise<AttributeDefinition[]> {
  const path = `/custom_attribute_definitions?attribute_model=${models[model]}`;
  const answer = z.array(AttributeDefinition);
  return await site.client().call({ method: "GET", path, doing: "list the attribute definitions", answer });
}

/** Definitions of what Baton writes, so that Chatwoot shows it beside conversation and contact, and finds by it. */
export async function ensureAttributes(site: Site): Promise<Done<true>> {
  const made: string[] = [];
  for (const model of ["conversation", "contact"] as const) {
    let known = await listAttributes(site, model);
    for (const wanted of objects.attributes.filter((one) => one.model === model)) {
      const key = attributeKey(wanted);
      // What a run before has begun may have come up since the list was read.
      if (site.book.begunAt(key)) known = await listAttributes(site, model);
      const find = (): AttributeDefinition | null =>
        known.find(({ attribute_key: theirs }) => theirs === wanted.key) ?? null;
      const { isNew } = await makeOnce(site, {
        key,
        find: () => Promise.resolve(find()),
        make: () => makeAttribute(site, wanted),
        isMade: ({ attribute_description: description }) => description === wanted.description,
      });
      if (isNew) made.push(wanted.key);
    }
  }
  const all = objects.attributes.length;
  if (made.length === 0)
    return { outcome: "found", message: `All ${all} attribute definitions were there before.`, value: true };
  const rest = all - made.length;
  const before = rest > 0 ? `; ${rest} were there before` : "";
  return { outcome: "made", message: `Attribute definitions: ${made.join(", ")}${before}.`, value: true };
}

function makeAttribute(site: Site, wanted: WantedAttribute): Promise<AttributeDefinition> {
  return site.client().call({
    method: "POST",
    path: "/custom_attribute_definitions",
    doing: "make an attribute definition",
    json: {
      attribute_key: wanted.key,
      attribute_model: models[wanted.model],
      attribute_display_name: wanted.name,
      attribute_display_type: displayTypes[wanted.type],
      attribute_description: wanted.description,
    },
    answer: AttributeDefinition,
  });
}
