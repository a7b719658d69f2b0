import { z } from "zod";
import { callBaton } from "./baton-client.ts";

const DESK_MEMBER = "Robin";

const Member = z.looseObject({ id: z.string(), name: z.string() });
const Members = z.looseObject({ items: z.array(Member) });

/**
 * A seat at the demo's agent desk: the member that answers there, who is made on the first call.
 *
 * @param adminToken of the workspace
 */
export async function deskMember(baseUrl: string, adminToken: string): Promise<{ id: string; name: string }> {
  const { items } = await callBaton(baseUrl, {
    method: "GET",
    path: "/v1/members?limit=200",
    token: adminToken,
    answer: Members,
  });
  const known = items.find((member) => member.name === DESK_MEMBER);
  if (known !== undefined) return known;
  return callBaton(baseUrl, {
    method: "POST",
    path: "/v1/members",
    token: adminToken,
    body: { name: DESK_MEMBER },
    answer: Member,
  });
}
