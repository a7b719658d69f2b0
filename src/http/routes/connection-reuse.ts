import { HandoffError } from "../../domain/errors.ts";
import type { ConnectorFactory, Reads } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";

/**
 * The connection that the workspace has for what is described, so that connecting the same place twice makes one: of the same
 * type and address, and with no number or text that contradicts. What only one of them says is no contradiction, such as an
 * account that an install has found out since. Null when there is none.
 *
 * @param config as the factory reads it, without secrets
 * @throws HandoffError `conflict` when several fit, naming them
 */
export async function connectionLike(
  reads: Pick<Reads, "connections">,
  factory: ConnectorFactory,
  { workspaceId, config }: { readonly workspaceId: string; readonly config: Connection["config"] },
): Promise<Connection | null> {
  const said = Object.entries(config).filter(([, value]) => typeof value === "number" || typeof value === "string");
  const fits = (connection: Connection): boolean =>
    connection.type === factory.type &&
    said.every(([field, value]) => {
      const stored = connection.config[field] ?? null;
      return stored === value || (stored === null && !factory.hostFields.includes(field));
    });
  const [one, ...others] = (await reads.connections(workspaceId)).filter(fits);
  if (one === undefined || others.length === 0) return one ?? null;
  const names = [one, ...others].map(({ name, id }) => `${name} (${id})`).join(", ");
  throw new HandoffError("conflict", `Several connections lead there: ${names}. Say which account is meant.`);
}
