import { Router } from "express";
import { renderTermsPage } from "../domain/terms-page.ts";
import type { Store } from "../ports.ts";

/**
 * `/terms`: the default terms page, for bots that name none of their own. `?bot=` names the business, `?locale=` the
 * language; without them it speaks for nobody in particular, in English.
 */
export function termsPages({ store }: { readonly store: Store }): Router {
  const router = Router();
  router.get("/", async (request, response) => {
    const query = new URL(request.originalUrl, "http://localhost").searchParams;
    const bot = await store.read.botById((query.get("bot") ?? "").slice(0, 100));
    const workspace = bot && (await store.read.workspace(bot.workspaceId));
    const locale = query.get("locale")?.slice(0, 35) ?? null;
    const page = renderTermsPage({ locale, business: workspace?.name ?? null });
    response.set("Content-Language", page.locale).set("Cache-Control", "public, max-age=300");
    response.type("html").send(page.html);
  });
  return router;
}
