import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, objectAt, type AppFiles, type Finding, type Json } from "./freshworks-app.ts";

/** Placeholders and events by module, as the platform knows them for FreshChat (sheet 3 and 4). */
const MODULES: Readonly<Record<string, { placeholders: readonly string[]; events: readonly string[] }>> = {
  common: {
    placeholders: ["full_page_app", "left_nav_cti"],
    events: ["onAppInstall", "onAppUninstall", "onExternalEvent"],
  },
  chat_conversation: {
    placeholders: ["conversation_user_info", "conversation_message_editor", "conversation_background"],
    events: ["onMessageCreate", "onConversationCreate", "onConversationUpdate", "onAgentActivityCreate"],
  },
  chat_user: { placeholders: [], events: ["onUserCreate", "onUserUpdate"] },
};
const WITHOUT_ICON = "conversation_background";
const FUNCTION_SECONDS = 20;

const at = (rule: string, message: string): Finding => ({ file: "manifest.json", rule, message });

/** What the platform refuses in manifest.json, and the files that it names. */
export function manifestFindings(app: AppFiles): Finding[] {
  const { manifest } = app;
  if (manifest === null) {
    return app.files.includes("manifest.json") ? [] : [at("manifest", "Add manifest.json at the top of the app.")];
  }
  const modules = objectAt(manifest, "modules");
  return [
    ...headFindings(manifest),
    ...engineFindings(objectAt(manifest, "engines")),
    ...Object.keys(modules).flatMap((name) => moduleFindings(app, name, objectAt(modules, name))),
    ...moduleSetFindings(modules),
  ];
}

function headFindings(manifest: Json): Finding[] {
  const found: Finding[] = [];
  if (manifest["platform-version"] !== "3.0") {
    found.push(at("platform-version", 'Set "platform-version" to "3.0"; other versions are refused.'));
  }
  if ("product" in manifest) found.push(at("platform-2", 'Remove "product": a 3.0 app has "modules" instead.'));
  for (const old of ["whitelisted-domains", "whitelisted_domains"]) {
    if (old in manifest) found.push(at("platform-2", `Remove "${old}": hosts are named in config/requests.json.`));
  }
  return found;
}

function engineFindings(engines: Json): Finding[] {
  const { node, fdk } = engines;
  const found: Finding[] = [];
  if (typeof node !== "string" || !/^18\.\d+\.\d+$/.test(node))
    found.push(at("engines", 'Name the Node of FDK 9 under "engines", such as 18.20.8.'));
  if (typeof fdk !== "string" || !/^9\.(?:[6-9]|\d\d)\.\d+$/.test(fdk)) {
    found.push(at("engines", 'Name an FDK of 9.6.0 or later (but 9) under "engines", such as 9.7.4.'));
  }
  return found;
}

function moduleSetFindings(modules: Json): Finding[] {
  const names = Object.keys(modules);
  const found: Finding[] = [];
  if (!isObject(modules["common"])) found.push(at("modules", 'Add "common" under "modules".'));
  if (!names.some((name) => name !== "common" && name in MODULES)) {
    found.push(at("modules", 'Add a product module, such as "chat_conversation", under "modules"; it may be {}.'));
  }
  return found;
}

function moduleFindings(app: AppFiles, name: string, module: Json): Finding[] {
  const known = MODULES[name];
  if (known === undefined) return [at("modules", `Remove module "${name}": FreshChat has none of that name.`)];
  const found: Finding[] = [];
  if (name !== "common") {
    for (const part of ["requests", "functions"]) {
      if (part in module) found.push(at("common-only", `Move "${part}" of "${name}" to "common".`));
    }
  }
  found.push(...locationFindings(app, name, module, known.placeholders));
  for (const [event, value] of Object.entries(objectAt(module, "events"))) {
    found.push(...eventFindings(app, name, event, objectAt(value), known.events));
  }
  for (const [fn, value] of Object.entries(objectAt(module, "functions"))) {
    const timeout = objectAt(value)["timeout"];
    if (timeout !== undefined && timeout !== FUNCTION_SECONDS) {
      found.push(at("functions", `Set the timeout of function "${fn}" to ${FUNCTION_SECONDS}.`));
    }
  }
  return found;
}

function eventFindings(app: AppFiles, module: string, event: string, value: Json, known: readonly string[]): Finding[] {
  if (event === "afterAppUpdate") {
    return [at("events", "Remove afterAppUpdate: an app that has it is no longer updated by itself.")];
  }
  if (!known.includes(event)) {
    return [
      at(
        "events",
        `Remove event "${event}" from "${module}": it does not exist there (scheduled ones are made in code).`,
      ),
    ];
  }
  const found: Finding[] = [];
  if (typeof value["handler"] !== "string" || value["handler"] === "") {
    found.push(at("handlers", `Name the function that handles "${event}": { "handler": "…" }.`));
  }
  if (!app.files.includes(`server/test_data/${event}.json`)) {
    const message = `Add a sample payload, so that "${event}" can be tried with fdk run.`;
    found.push({ file: `server/test_data/${event}.json`, rule: "test-data", message });
  }
  return found;
}

function locationFindings(app: AppFiles, module: string, value: Json, known: readonly string[]): Finding[] {
  if (!("location" in value)) return [];
  const places = Object.entries(objectAt(value, "location"));
  if (places.length === 0) return [at("placeholders", `Remove the empty "location" of "${module}" or fill it.`)];
  return places.flatMap(([place, settings]) => {
    if (!known.includes(place)) {
      const home = Object.keys(MODULES).find((name) => MODULES[name]?.placeholders.includes(place));
      const what = home === undefined ? "Remove" : `Move to "${home}"`;
      return [at("placeholders", `${what} placeholder "${place}": "${module}" has none of that name.`)];
    }
    const { url, icon } = objectAt(settings);
    return [...pageFindings(app, place, url), ...(place === WITHOUT_ICON ? [] : iconFindings(app, place, icon))];
  });
}

function pageFindings(app: AppFiles, place: string, url: unknown): Finding[] {
  if (typeof url === "string" && app.files.includes(`app/${url}`)) return [];
  return [at("pages", `Give "${place}" a url that is a file below app/, such as index.html.`)];
}

function iconFindings(app: AppFiles, place: string, icon: unknown): Finding[] {
  if (typeof icon !== "string") return [at("icon", `Give "${place}" an icon, such as styles/images/icon.svg.`)];
  const file = `app/${icon}`;
  if (!app.files.includes(file)) return [{ file, rule: "icon", message: `Add the icon that "${place}" names.` }];
  const source = readFileSync(join(app.folder, file), "utf8");
  const isSvg = icon.endsWith(".svg") && /^\s*(?:<\?xml[^>]*>\s*)?<svg[\s>]/.test(source);
  return isSvg ? [] : [{ file, rule: "icon", message: "Make the icon an SVG: .svg, with <svg> as its root." }];
}
