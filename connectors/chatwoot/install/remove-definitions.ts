import type { Label } from "../shapes.ts";
import { attributeKey, labelKey, listAttributes, listLabels } from "./definitions.ts";
import { objects } from "./objects.ts";
import type { Site } from "./site.ts";
import type { Done } from "./step-run.ts";

/** Removes the labels that we made. One that was there before, or that somebody made anew, stays. */
export async function removeLabels(site: Site): Promise<Done<true>> {
  const removed: string[] = [];
  for (const wanted of objects.labels) {
    const key = labelKey(wanted);
    if (!site.book.keys().includes(key)) continue;
    const isOurs = ({ id, title, description }: Label): boolean =>
      title?.toLowerCase() === wanted.title && isOfOurMaking(site, key, id, description === wanted.description);
    const label = (await listLabels(site)).find(isOurs);
    if (label) {
      await drop(site, `/labels/${label.id}`);
      removed.push(wanted.title);
    }
    await site.keep({ made: { [key]: null } });
  }
  return done("Labels", removed);
}

/** Removes the attribute definitions that we made; what was written into contacts and conversations stays there. */
export async function removeAttributes(site: Site): Promise<Done<true>> {
  const removed: string[] = [];
  for (const model of ["conversation", "contact"] as const) {
    const wanted = objects.attributes.filter(
      (one) => one.model === model && site.book.keys().includes(attributeKey(one)),
    );
    const known = wanted.length > 0 ? await listAttributes(site, model) : [];
    for (const one of wanted) {
      const key = attributeKey(one);
      const definition = known.find(
        ({ id, attribute_key: name, attribute_description: description }) =>
          name === one.key && isOfOurMaking(site, key, id, description === one.description),
      );
      if (definition) {
        await drop(site, `/custom_attribute_definitions/${definition.id}`);
        removed.push(one.key);
      }
      await site.keep({ made: { [key]: null } });
    }
  }
  return done("Attribute definitions", removed);
}

/** By the id that was kept; where a run was cut off before it could keep one, by the words that only ours has. */
function isOfOurMaking(site: Site, key: string, id: number, hasOurWords: boolean): boolean {
  const made = site.book.made(key);
  return made === null ? hasOurWords : made === String(id);
}

async function drop(site: Site, path: string): Promise<void> {
  const call = { method: "DELETE", path, doing: "remove what the install made", answer: null } as const;
  await site.client().tryCall(call, [404]);
}

function done(what: string, removed: readonly string[]): Done<true> {
  if (removed.length === 0)
    return { outcome: "skipped", message: `${what}: none was made by the install.`, value: true };
  return { outcome: "removed", message: `${what} removed: ${removed.join(", ")}.`, value: true };
}
